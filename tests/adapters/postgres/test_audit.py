"""Tampering with the audit on PostgreSQL, each kind of it found; and acts that are committed out of their order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import pytest

from adapters.ports.audit import ANY_ACT, NOTHING_BEFORE, Act, Head, sealed
from adapters.ports.pauses import Scope
from adapters.postgres.audit import PostgresAudit, PostgresSealing
from adapters.postgres.pauses import PostgresPauses
from gateway.audit_check import BEGINNING, Finding, Reached, Wrong, check_page
from gateway.local.found import Found
from tests.contracts.sealing import seal_all
from tests.contracts.shared_database import empty, shared_database
from tests.contracts.tampering import tamper

ACTS: Final = 6
ACT: Final = "INSERT INTO tallystick.audit (actor, action, reason) VALUES ($1, 'lane.retry', 'why not') RETURNING id"


@pytest.fixture(scope="session")
def audit_database_url(postgres: Found, template_database: str) -> Iterator[str]:
    """A database for all tests of the audit."""
    with shared_database(postgres.url, template_database, "audit") as url:
        yield url


@pytest.fixture
def url(audit_database_url: str) -> Iterator[str]:
    """It, left empty."""
    yield audit_database_url
    empty(audit_database_url)


@pytest.fixture
async def audit(url: str) -> AsyncIterator[PostgresAudit]:
    """The audit."""
    audit = PostgresAudit(url)
    yield audit
    await audit.close()


@pytest.fixture
async def sealing(url: str) -> AsyncIterator[PostgresSealing]:
    """What seals it."""
    sealing = PostgresSealing(url)
    yield sealing
    await sealing.close()


@pytest.fixture
async def acts(url: str, sealing: PostgresSealing, audit: PostgresAudit) -> list[Act]:
    """Acts that are sealed, oldest first."""
    pauses = PostgresPauses(url)
    for place in range(ACTS):
        await pauses.begin(Scope("timesheet", f"T-{place}"), actor="ann", reason="month end")
    await pauses.close()
    assert await seal_all(sealing, audit) == [ACTS]
    return [each.act for each in reversed(await audit.page(ANY_ACT, before=None, limit=9))]


async def found(audit: PostgresAudit, noted: Head | None = None, most: int = 9) -> list[tuple[Wrong, int | None]]:
    """What a check of the whole chain finds, and of which act."""
    findings: list[Finding] = []
    reached: Reached = BEGINNING
    while True:
        report = await check_page(audit, reached, most=most, noted=noted)
        findings += report.findings
        reached = report.reached
        if report.is_last:
            return [(finding.wrong, finding.id) for finding in findings]


@asynccontextmanager
async def session(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A session of the database that ends with the block, whatever becomes of the test."""
    connection = await asyncpg.connect(url, timeout=10, command_timeout=10)
    try:
        yield connection
    finally:
        await connection.close(timeout=10)


async def act(url: str) -> None:
    """One more act."""
    async with session(url) as connection:
        await connection.fetchval(ACT, "ann")


async def rolled_back(url: str) -> int:
    """The number of an act that was never committed."""
    async with session(url) as connection:
        turn = connection.transaction()
        await turn.start()
        number: int = await connection.fetchval(ACT, "never")
        await turn.rollback()
    return number


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE tallystick.audit SET reason = 'another one' WHERE id = $1",
        "UPDATE tallystick.audit SET actor = 'bob' WHERE id = $1",
        "UPDATE tallystick.audit SET action = 'pause.end' WHERE id = $1",
        "UPDATE tallystick.audit SET at = at - interval '1 microsecond' WHERE id = $1",
        "UPDATE tallystick.audit SET key = NULL WHERE id = $1",
        "UPDATE tallystick.audit SET ref = gen_random_uuid() WHERE id = $1",
    ],
)
@pytest.mark.parametrize("most", [1, 9])
async def test_a_changed_act_is_named(url: str, audit: PostgresAudit, acts: list[Act], change: str, most: int) -> None:
    assert await found(audit, most=most) == []
    await tamper(url, change, acts[2].id)
    assert await found(audit, most=most) == [(Wrong.CHANGED, acts[2].id)]


@pytest.mark.parametrize("place", [0, 2, ACTS - 1])
async def test_a_removed_act_is_named(url: str, audit: PostgresAudit, acts: list[Act], place: int) -> None:
    await tamper(url, "DELETE FROM tallystick.audit WHERE id = $1", acts[place].id)
    assert await found(audit) == [(Wrong.REMOVED, acts[place].id)]


@pytest.mark.parametrize("place", [0, 2, ACTS - 1])
async def test_an_act_that_was_removed_with_its_seal_leaves_its_place(
    url: str, audit: PostgresAudit, acts: list[Act], place: int
) -> None:
    both = """
        WITH act AS (DELETE FROM tallystick.audit WHERE id = $1) DELETE FROM tallystick.audit_seal WHERE act = $1
    """
    await tamper(url, both, acts[place].id)
    report = await check_page(audit, BEGINNING, most=9)
    assert [(each.wrong, each.place) for each in report.findings] == [(Wrong.REMOVED, place + 1)]


async def test_an_inserted_act_is_named(
    url: str, audit: PostgresAudit, sealing: PostgresSealing, acts: list[Act]
) -> None:
    assert acts
    free = await rolled_back(url)
    await act(url)
    assert await seal_all(sealing, audit) == [1]
    insert = """
        INSERT INTO tallystick.audit (id, actor, action, reason) OVERRIDING SYSTEM VALUE VALUES ($1, 'eve', 'x.y', 'z')
    """
    await tamper(url, insert, free)
    assert await found(audit) == [(Wrong.INSERTED, free)]
    # And whatever comes later does not seal it
    assert await sealing.seal(page=9) == 0
    assert await found(audit) == [(Wrong.INSERTED, free)]


async def test_a_seal_that_was_removed_is_seen(url: str, audit: PostgresAudit, acts: list[Act]) -> None:
    await tamper(url, "DELETE FROM tallystick.audit_seal WHERE act = $1", acts[2].id)
    assert (Wrong.INSERTED, acts[2].id) in await found(audit)


async def test_a_changed_act_that_was_sealed_again_breaks_the_chain(
    url: str, audit: PostgresAudit, acts: list[Act]
) -> None:
    await reseal(url, audit, acts[2].id)
    assert await found(audit) == [(Wrong.RESEALED, acts[3].id)]
    await reseal(url, audit, acts[-1].id)
    assert (Wrong.RESEALED, None) in await found(audit)


async def reseal(url: str, audit: PostgresAudit, id: int) -> None:
    """Change an act, and seal it anew as if it had been so."""
    await tamper(url, "UPDATE tallystick.audit SET reason = 'another one' WHERE id = $1", id)
    [link] = await audit.links(after=id - 1, through=id, limit=1)
    assert link.act is not None
    assert link.seal is not None
    seal = sealed(link.seal.place, link.seal.sealed_at, link.act, link.seal.previous)
    await tamper(url, "UPDATE tallystick.audit_seal SET hash = $2 WHERE act = $1", id, seal.hash)


async def test_a_chain_that_was_sealed_anew_as_a_whole_is_found_by_a_note_of_its_head(
    url: str, audit: PostgresAudit, sealing: PostgresSealing, acts: list[Act]
) -> None:
    noted = (await audit.chain()).head
    assert await found(audit, noted) == []
    await tamper(url, "UPDATE tallystick.audit SET reason = 'another one' WHERE id = $1", acts[2].id)
    anew = """
        UPDATE tallystick.audit_chain SET
            place = 0, hash = decode(repeat('00', 32), 'hex'), through = $1::bigint - 1, mark = NULL, marked_at = NULL,
            mark_before = NULL
    """
    await tamper(url, "DELETE FROM tallystick.audit_seal")
    await tamper(url, anew, acts[0].id)
    assert await seal_all(sealing, audit) == [ACTS]
    assert await found(audit) == []
    assert await found(audit, noted) == [(Wrong.RESEALED, acts[-1].id)]


async def test_an_end_that_was_cut_off_is_found_by_a_note_of_its_head(
    url: str, audit: PostgresAudit, acts: list[Act]
) -> None:
    noted = (await audit.chain()).head
    cut = """
        WITH a AS (DELETE FROM tallystick.audit WHERE id = $1), s AS (DELETE FROM tallystick.audit_seal WHERE act = $1)
        UPDATE tallystick.audit_chain SET place = place - 1, hash = (
            SELECT previous FROM tallystick.audit_seal WHERE act = $1)
    """
    await tamper(url, cut, acts[-1].id)
    assert await found(audit) == []
    assert await found(audit, noted) == [(Wrong.REMOVED, None)]


@pytest.mark.parametrize("table", ["audit", "audit_seal"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET sealed_at = now()", "DELETE FROM {}", "TRUNCATE {}"])
async def test_nothing_of_it_is_changed_by_mistake(url: str, acts: list[Act], table: str, verb: str) -> None:
    assert acts
    text = verb.replace("sealed_at", "at") if table == "audit" else verb
    async with session(url) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="is only added to"):
            await connection.execute(text.format(f"tallystick.{table}"))


async def test_an_act_that_is_committed_late_is_sealed_in_its_place(
    url: str, audit: PostgresAudit, sealing: PostgresSealing
) -> None:
    async with session(url) as late, session(url) as early:
        turn = late.transaction()
        await turn.start()
        first = await late.fetchval(ACT, "late")
        second = await early.fetchval(ACT, "early")
        # Nobody waits, and nothing is sealed that is not known to be all there is
        assert [await sealing.seal(page=9) for _ in range(3)] == [0, 0, 0]
        chain = await audit.chain()
        assert (chain.head, chain.until, chain.unsealed) == (Head(0, NOTHING_BEFORE), None, 1)
        await turn.commit()
    assert await seal_all(sealing, audit) == [2]
    links = await audit.links(after=0, through=second, limit=9)
    assert [(link.id, link.seal and link.seal.place) for link in links] == [(first, 1), (second, 2)]


async def test_a_number_that_was_rolled_back_is_no_gap(
    url: str, audit: PostgresAudit, sealing: PostgresSealing
) -> None:
    await rolled_back(url)
    await act(url)
    assert await seal_all(sealing, audit) == [1]
    assert await found(audit) == []


async def test_one_session_seals_at_a_time(url: str, audit: PostgresAudit, sealing: PostgresSealing) -> None:
    async with session(url) as connection:
        turn = connection.transaction()
        await turn.start()
        await connection.fetchval("SELECT tallystick.seal_audit(9)")
        assert await sealing.seal(page=9) is None
        await turn.commit()
    assert await sealing.seal(page=9) == 0


async def test_a_mark_of_another_cluster_is_made_anew(
    url: str, audit: PostgresAudit, sealing: PostgresSealing, acts: list[Act]
) -> None:
    assert acts
    await tamper(url, "UPDATE tallystick.audit_chain SET mark_before = '9000000000000'::xid8")
    await act(url)
    assert await seal_all(sealing, audit) == [1]
    assert await found(audit) == []
