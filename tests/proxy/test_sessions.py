"""Sessions that PostgreSQL ends, as a process meets them through a network that is slower than its words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from adapters.ports.turns import Committed, CommitUnknown, Row, StoreUnavailable
from adapters.postgres.commits import PostgresCommits
from schemas.keys import ActorKey
from tests.contracts.turns import applied, batch, message
from tests.integration.firm import until
from tests.proxy.dialects import Postgres, Sight
from tests.proxy.proxy import Harm, Proxy, Trap, proxy

KEY = ActorKey("timesheet", "T1")


@pytest_asyncio.fixture
async def between(database_url: str) -> AsyncIterator[Proxy]:
    port = urlsplit(database_url).port
    assert port is not None
    async with proxy(port, Postgres) as made:
        yield made


@pytest_asyncio.fixture
async def observer(database_url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def commits(database_url: str, between: Proxy) -> AsyncIterator[PostgresCommits]:
    """Connected through the proxy."""
    made = PostgresCommits(urlsplit(database_url)._replace(netloc=f"tally@127.0.0.1:{between.port}").geturl())
    await made.load([KEY])
    yield made
    await made.close()


@pytest_asyncio.fixture
async def ended(between: Proxy, observer: asyncpg.Connection[asyncpg.Record], commits: PostgresCommits) -> None:
    """The idle session is ended: the server's last words have arrived, the end of the connection has not."""
    trap = between.set(Trap(Sight.SHUT_DOWN, Harm.PASS, then=between.hush))
    await observer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tallystick'"
    )

    async def is_told() -> bool:
        # The question gives the words the time to arrive, on a connection beside them.
        return trap.sprung.is_set() and await observer.fetchval("SELECT true") is True

    await until(is_told, 5, "the session is told")


async def test_reading_on_an_ended_session_is_a_store_that_is_away(commits: PostgresCommits, ended: None) -> None:
    with pytest.raises(StoreUnavailable):
        await commits.load([KEY])
    assert (await commits.load([KEY]))[KEY].row_version == 0


async def test_a_commit_on_an_ended_session_is_unknown(commits: PostgresCommits, ended: None) -> None:
    turns = batch(applied(Row(KEY), message("e1")))
    with pytest.raises(CommitUnknown):
        await commits.commit(turns)
    assert await commits.resolve(turns) == [False]


async def test_a_commit_that_froze_before_its_end_locks_nothing_for_long(
    database_url: str, between: Proxy, observer: asyncpg.Connection[asyncpg.Record]
) -> None:
    # Given a commit that the server has done but for its very end: that does not arrive, nor does our leaving
    through = urlsplit(database_url)._replace(netloc=f"tally@127.0.0.1:{between.port}").geturl()
    commits = PostgresCommits(through, patience=1.0)
    await commits.load([KEY])
    between.set(Trap(Sight.COMMIT_ASKED, Harm.HALF_OPEN))
    turns = batch(applied(Row(KEY), message("e1")))
    with pytest.raises(CommitUnknown):
        await commits.commit(turns)
    assert await observer.fetchval("SELECT count(*) FROM pg_locks WHERE relation = 'tallystick.entity'::regclass") > 0
    # When it is asked what became of it, then that session is ended, and the commit can be tried again
    assert await commits.resolve(turns) == [False]
    assert await commits.commit(turns) == [Committed()]
    await commits.close()
