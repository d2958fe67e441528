"""Lines whose numbers were given before those of lines that are committed already: none is skipped, none waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TypeAlias

import asyncpg
import pytest

from adapters.ports.kpis import Counted, Page
from adapters.postgres.kpis import PostgresBooks

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[PostgresBooks]:
    """The books of a database of their own."""
    books = PostgresBooks(database_url)
    yield books
    await books.close()


@pytest.fixture
async def writers(database_url: str) -> AsyncIterator[list[Connection]]:
    """Three connections that write lines."""
    found = [await asyncpg.connect(database_url) for _ in range(3)]
    yield found
    for each in found:
        await each.close()


async def write(connection: Connection, key: str) -> None:
    """A line, after a row was locked, as every writer does."""
    await connection.execute("INSERT INTO tallystick.entity (entity, key) VALUES ('customer', $1)", key)
    await connection.execute(
        "INSERT INTO tallystick.timeline (entity, key, entity_version, what) VALUES ('customer', $1, 1, 'applied')", key
    )


async def read(books: PostgresBooks, *, most: int = 100) -> tuple[list[str], Page]:
    """The keys of the next lines, which are added."""
    page = await books.page(most=most)
    assert await books.add(Counted(page, {}))
    return [line.key.id for line in page.lines], page


async def missing(connection: Connection) -> int:
    """How many numbers are missing."""
    return int(await connection.fetchval("SELECT count(*) FROM tallystick.kpi_missing"))


async def until_missing(books: PostgresBooks, connection: Connection, count: int) -> list[str]:
    """Read until so many numbers are missing; the keys of the lines that came meanwhile.

    It may take a while: transactions of other databases are waited for, too, and the one of an earlier test is dropped
    while this one runs.
    """
    found: list[str] = []
    async with asyncio.timeout(30):
        while await missing(connection) != count:
            found += (await read(books))[0]
    return found


async def test_a_line_that_is_committed_late_is_read_late(books: PostgresBooks, writers: list[Connection]) -> None:
    slow, quick, _ = writers
    # Given a transaction that took a number, and a later one that is committed first
    late = slow.transaction()
    await late.start()
    await write(slow, "late")
    await write(quick, "early")
    # When the log is read, it is not waited for
    assert (await read(books))[0] == ["early"]
    assert await missing(quick) == 1
    # Nor forgotten, however often it is looked for
    for _ in range(3):
        assert (await read(books))[0] == []
    await write(quick, "next")
    assert (await read(books))[0] == ["next"]
    # Then it is read once it is there
    await late.commit()
    assert (await read(books))[0] == ["late"]
    assert (await read(books))[0] == []
    assert await missing(quick) == 0


async def test_a_number_that_was_rolled_back_is_not_looked_for_for_ever(
    books: PostgresBooks, writers: list[Connection]
) -> None:
    slow, quick, _ = writers
    never = slow.transaction()
    await never.start()
    await write(slow, "never")
    await write(quick, "early")
    assert (await read(books))[0] == ["early"]
    assert await missing(quick) == 1
    await never.rollback()
    assert await until_missing(books, quick, 0) == []


async def test_a_transaction_that_began_before_the_newest_that_ended_is_still_waited_for(
    books: PostgresBooks, writers: list[Connection]
) -> None:
    # Given two open transactions: the number of the first is passed
    slow, quick, other = writers
    first, second = slow.transaction(), other.transaction()
    await first.start()
    await write(slow, "first")
    await second.start()
    await write(other, "second")
    await write(quick, "early")
    assert (await read(books))[0] == ["early"]
    # When only the second ends, neither is given up: nobody knows whose number is whose
    await second.rollback()
    for _ in range(3):
        assert (await read(books))[0] == []
    assert await missing(quick) == 2
    # Then the first is read once it is there, and the second not looked for any more
    await first.commit()
    assert await until_missing(books, quick, 0) == ["first"]


async def test_pages_full_of_numbers_that_never_came_are_passed(
    books: PostgresBooks, writers: list[Connection]
) -> None:
    _, quick, _ = writers
    await quick.execute("SELECT setval('tallystick.timeline_seq_seq', 25)")
    await write(quick, "early")
    found: list[str] = []
    for _ in range(3):
        found += (await read(books, most=10))[0]
    assert found == ["early"]
    assert await until_missing(books, quick, 0) == []


async def test_numbers_of_another_cluster_are_not_waited_for(books: PostgresBooks, writers: list[Connection]) -> None:
    # Given a dump of a database whose transactions were numbered far beyond ours
    _, quick, _ = writers
    await quick.execute(
        "INSERT INTO tallystick.kpi_missing (log, seq, through) VALUES ('timeline', 7, '99999999999'::xid8)"
    )
    # Then the number that was missing there is given up
    await read(books)
    assert await missing(quick) == 0


async def test_lines_are_found_by_their_numbers_without_reading_the_timeline(writers: list[Connection]) -> None:
    _, quick, _ = writers
    await quick.execute(
        "INSERT INTO tallystick.timeline (entity, key, entity_version, what) "
        "SELECT 'customer', 'C-' || n, 1, 'applied' FROM generate_series(1, 50000) n"
    )
    await quick.execute("SELECT brin_summarize_new_values('tallystick.timeline_seq')")
    await quick.execute("ANALYZE tallystick.timeline")
    plan = await quick.fetch(
        "EXPLAIN SELECT * FROM tallystick.timeline t "
        "WHERE (t.seq > 49000 AND t.seq <= 49500) OR t.seq = ANY ('{7,9}'::bigint[])"
    )
    text = "\n".join(row[0] for row in plan)
    assert "timeline_seq" in text, text
