"""A lane of thousands of numbered messages: one more that comes in its order does not cost a look at all of them."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from adapters.postgres.commits import PostgresCommits
from schemas.sequence import Cursor
from schemas.verdicts import LaneState
from tests.contracts.turns import SHEET, batch, numbered, queued

DEPTH = 5000


@pytest.fixture
async def commits(database_url: str) -> PostgresCommits:
    """The commits of a process, with a long lane behind a missing number."""
    client = PostgresCommits(database_url)
    for first in range(2, DEPTH, 500):
        row = (await client.load([SHEET]))[SHEET]
        turn = queued(row, *(numbered(number) for number in range(first, first + 500)), state=LaneState.WAITING)
        turn.cursors = {"crm": Cursor(through=0)}
        await client.commit(batch(turn))
    return client


async def read_rows(url: str) -> int:
    """Rows of the inbox that were read so far, by whatever way."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        return int(
            await connection.fetchval(
                "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'inbox'"
            )
        )
    finally:
        await connection.close()


async def test_one_in_order_reads_few_rows_and_one_out_of_order_each_a_few_times(
    commits: PostgresCommits, database_url: str
) -> None:
    async def cost(number: int) -> int:
        row = (await commits.load([SHEET]))[SHEET]
        turn = queued(row, numbered(number))
        turn.lane = replace(row.lane, depth=row.lane.depth + 1, tail=row.lane.tail + 1)
        await commits.close()  # what it has read is told when its session ends
        before = await read_rows(database_url)
        await commits.commit(batch(turn))
        await commits.close()
        return await read_rows(database_url) - before

    try:
        in_order, out_of_order = await cost(DEPTH + 600), await cost(1)
        assert in_order < 200
        assert out_of_order < 10 * DEPTH
        [head] = (await commits.lanes([SHEET], limit=1, room=1))[SHEET]
        assert head.message.sequence == 1
    finally:
        await commits.close()


async def test_a_page_of_the_lane_reads_the_rows_of_that_page(commits: PostgresCommits, database_url: str) -> None:
    await commits.close()
    before = await read_rows(database_url)
    try:
        [page] = (await commits.lanes([SHEET], limit=64, room=2**16)).values()
        await commits.close()
        assert len(page) == 64
        assert await read_rows(database_url) - before < 200
    finally:
        await commits.close()
