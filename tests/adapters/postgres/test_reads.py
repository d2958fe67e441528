"""Reads of PostgreSQL beside the commit path: the probe, bounded time, and several questions at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.ports.bindings import BindingFilter
from adapters.ports.cases import CaseFilter
from adapters.ports.turns import Judged, Opened, StoreUnavailable
from adapters.ports.views import Letters, Newest
from adapters.postgres.bindings import PostgresBindings
from adapters.postgres.cases import PostgresCases
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.entities import PostgresEntities
from adapters.postgres.read_links import LINKS, ReadLinks
from adapters.postgres.reads import PostgresReads
from schemas.facts import Case
from schemas.verdicts import Failure, FailureClass, Verdict
from tests.contracts.turns import SHEET, applied, batch, message

READ_ONLY = "the server is read-only"


@pytest.fixture
async def reads(database_url: str) -> AsyncIterator[PostgresReads]:
    reads = PostgresReads(database_url, timeout=1.0)
    yield reads
    await reads.close()


@pytest.fixture
async def patient_reads(database_url: str) -> AsyncIterator[PostgresReads]:
    """Questions that may take longer than another waits for its turn."""
    reads = PostgresReads(database_url, timeout=30.0)
    yield reads
    await reads.close()


@pytest.fixture
async def admin(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection of somebody else."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


class TestProbe:
    async def test_a_writable_database_at_this_revision_passes(self, reads: PostgresReads) -> None:
        await reads.probe()

    async def test_a_database_without_a_schema_fails_and_says_what_to_run(self, empty_database_url: str) -> None:
        reads = PostgresReads(empty_database_url)
        with pytest.raises(StoreUnavailable, match=r"no Tallystick schema, .*: run `tallystick db upgrade`"):
            await reads.probe()
        await reads.close()

    async def test_another_revision_fails_until_it_is_ours(
        self, reads: PostgresReads, admin: asyncpg.Connection[asyncpg.Record]
    ) -> None:
        ours = await admin.fetchval(
            "UPDATE tallystick_version SET version_num = '0' || version_num RETURNING version_num"
        )
        with pytest.raises(StoreUnavailable, match=f"revision {ours}, this release needs {ours[1:]}"):
            await reads.probe()
        await admin.execute("UPDATE tallystick_version SET version_num = $1", ours[1:])
        await reads.probe()

    async def test_a_read_only_database_fails_and_comes_back(
        self, reads: PostgresReads, admin: asyncpg.Connection[asyncpg.Record]
    ) -> None:
        name = await admin.fetchval("SELECT quote_ident(current_database())")
        await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        with pytest.raises(StoreUnavailable, match=READ_ONLY):
            await reads.probe()
        await admin.execute("SET default_transaction_read_only = off")
        await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await reads.probe()


class TestTime:
    async def test_a_slow_question_ends_and_neither_the_probe_nor_others_wait(
        self, reads: PostgresReads, admin: asyncpg.Connection[asyncpg.Record]
    ) -> None:
        async with admin.transaction():
            await admin.execute("LOCK TABLE tallystick.inbox IN ACCESS EXCLUSIVE MODE")
            slow = [asyncio.create_task(reads.messages(Newest(), limit=1)) for _ in range(LINKS - 1)]
            async with asyncio.timeout(0.9):
                await reads.dead_letters(Letters(), limit=1)
                await reads.probe()
            assert not any(task.done() for task in slow)
            for task in slow:
                with pytest.raises(StoreUnavailable, match="statement timeout"):
                    await task
        assert await reads.messages(Newest(), limit=1) == []

    async def test_when_all_connections_are_busy_a_question_is_turned_away(
        self, patient_reads: PostgresReads, admin: asyncpg.Connection[asyncpg.Record]
    ) -> None:
        async with admin.transaction():
            await admin.execute("LOCK TABLE tallystick.inbox IN ACCESS EXCLUSIVE MODE")
            slow = [asyncio.create_task(patient_reads.messages(Newest(), limit=1)) for _ in range(LINKS)]
            await asyncio.sleep(0)  # one step for each: it takes its connection
            with pytest.raises(StoreUnavailable, match="all connections for reading are busy"):
                await patient_reads.dead_letters(Letters(), limit=1)
            assert not any(task.done() for task in slow)
        assert await asyncio.gather(*slow) == [[]] * LINKS

    async def test_a_question_given_up_leaves_its_connection_usable(
        self, reads: PostgresReads, admin: asyncpg.Connection[asyncpg.Record]
    ) -> None:
        async with admin.transaction():
            await admin.execute("LOCK TABLE tallystick.inbox IN ACCESS EXCLUSIVE MODE")
            for _ in range(LINKS):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await reads.messages(Newest(), limit=1)
            assert await reads.dead_letters(Letters(), limit=1) == []
        assert await reads.messages(Newest(), limit=1) == []


async def test_nothing_can_be_written_by_mistake(database_url: str) -> None:
    links = ReadLinks(database_url, "test")
    with pytest.raises(StoreUnavailable, match="read-only transaction"):
        await links.fetch("DELETE FROM tallystick.inbox")
    await links.close()


async def test_a_conflict_is_counted_until_its_case_is_closed(reads: PostgresReads, database_url: str) -> None:
    commits, cases = PostgresCommits(database_url), PostgresCases(database_url)
    turn = applied((await commits.load([SHEET]))[SHEET], message("1"))
    turn.judged.append(Judged(message("1#2", source="conflict:psa"), Verdict.CONFLICT, 1))
    failure = Failure(FailureClass.CONFLICT, "id_reused", "send the change under a new id", "id")
    turn.opened.extend(Opened(Case(failure), judged.message.ref) for judged in turn.judged)
    await commits.commit(batch(turn))
    try:
        # given: also a message that is no conflict, with a case of that class
        assert (await reads.status()).conflicts == 1
        for case in await cases.find(CaseFilter(), after=0, limit=10):
            await cases.resolve(case.id, actor="ann")
        assert (await reads.status()).conflicts == 0
    finally:
        await commits.close()
        await cases.close()


class TestOthers:
    """Cases, bindings, and entities are read in bounded time, and beside what is written."""

    async def test_cases(self, database_url: str, admin: asyncpg.Connection[asyncpg.Record]) -> None:
        cases = PostgresCases(database_url, timeout=1.0)
        async with admin.transaction():
            await admin.execute("LOCK TABLE tallystick.inbox IN ACCESS EXCLUSIVE MODE")
            slow = [asyncio.create_task(cases.file(1)) for _ in range(LINKS)]
            await asyncio.sleep(0)  # one step for each: it takes its connection
            assert await cases.remind(page=1) == 0
            assert not any(task.done() for task in slow)
            for task in slow:
                with pytest.raises(StoreUnavailable, match="statement timeout"):
                    await task
        await cases.close()

    async def test_bindings(self, database_url: str, admin: asyncpg.Connection[asyncpg.Record]) -> None:
        bindings = PostgresBindings(database_url, timeout=1.0)
        async with admin.transaction():
            await admin.execute("LOCK TABLE tallystick.entity IN ACCESS EXCLUSIVE MODE")
            slow = asyncio.create_task(bindings.page(BindingFilter(), after=None, limit=1))
            await asyncio.sleep(0)
            await bindings.record("bindings.import", actor="ann", reason="first load")
            assert not slow.done()
            with pytest.raises(StoreUnavailable, match="statement timeout"):
                await slow
        await bindings.close()

    async def test_entities(self, database_url: str, admin: asyncpg.Connection[asyncpg.Record]) -> None:
        entities = PostgresEntities(database_url, timeout=1.0)
        async with admin.transaction():
            await admin.execute("LOCK TABLE tallystick.timeline IN ACCESS EXCLUSIVE MODE")
            slow = asyncio.create_task(entities.timeline(SHEET, before=None, limit=1))
            await asyncio.sleep(0)
            assert await entities.entity(SHEET) is None
            assert not slow.done()
            with pytest.raises(StoreUnavailable, match="statement timeout"):
                await slow
        await entities.close()
