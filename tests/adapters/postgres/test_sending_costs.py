"""An evening of approved sheets: each step costs what it sends, neither what waits nor the square of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.ports.gate import Limits
from adapters.ports.outbox import Claimed, Ended, Ending, Leased, SendLane
from adapters.ports.turns import Batch, Committed, Row, Settled, Settlement, Turn
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.outbox import PostgresOutbox
from schemas.keys import ActorKey
from tests.adapters.postgres.rows_read import rows_read

SHEETS: Final = 200
LINES: Final = 10
MOST: Final = 100
EACH: Final = 15
"""Rows that may be read, in all tables together, for each command that is sent."""
OPERATION: Final = "billable.post"
LIMITS: Final = Limits(concurrency=64, together={OPERATION: MOST}, in_order=frozenset({OPERATION}), most=MOST)
SEED: Final = """
    INSERT INTO tallystick.outbox (id, system, operation, entity, key, line, generation, reference, body,
                                   entity_version, index)
    SELECT gen_random_uuid(), 'erp', 'billable.post', 'timesheet', 'T-' || 1000 + n, l::text, 1, n || '/' || l,
           '{"legal_entity": "US01"}', 1, l
    FROM generate_series(1, $1::integer) n, generate_series(1, $2::integer) l
"""


class Sending:
    """One process that sends what waits."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._outbox = PostgresOutbox(url)

    async def fill(self, lines: int = LINES) -> None:
        """Let there be sheets of so many lines, which wait."""
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(SEED, SHEETS, lines)
            # As in a quiet hour: statistics by which there is hardly a lease, nor an attempt without an end
            await connection.execute("VACUUM (ANALYZE) tallystick.outbox, tallystick.lease, tallystick.attempt")
        finally:
            await connection.close()

    async def claim(self) -> Claimed:
        lanes = [SendLane("erp", ActorKey("timesheet", f"T-{1000 + sheet}")) for sheet in range(1, SHEETS + 1)]
        return await self._outbox.claim(lanes, holder=UUID(int=1), token=uuid4(), limits=LIMITS)

    async def record(self, leased: Sequence[Leased]) -> None:
        ends = [Ended(each.command, each.token, each.attempt, Ending.CONFIRMED) for each in leased]
        await self._outbox.record(ends)

    async def settle(self, leased: Sequence[Leased]) -> None:
        """Commit the decision on each, of a sheet of its own."""
        rows = [Row(each.command.key) for each in leased]
        turns = [
            Turn(row, row.lane, 0, settled=[Settled(each.command, Settlement.DONE, each.token)])
            for row, each in zip(rows, leased, strict=True)
        ]
        commits = PostgresCommits(self._url)
        assert await commits.commit(Batch(uuid4(), turns)) == [Committed()] * len(turns)
        await commits.close()

    async def cost(self, work: Callable[[], Awaitable[object]]) -> int:
        """Rows that some work reads."""
        await self._outbox.close()
        before = await rows_read(self._url)
        await work()
        await self._outbox.close()
        return await rows_read(self._url) - before


@pytest.fixture
def sending(database_url: str) -> Sending:
    return Sending(database_url)


async def test_a_claim_reads_what_it_takes_and_a_record_each_attempt_by_its_command(sending: Sending) -> None:
    await sending.fill()
    claims: list[Claimed] = []

    async def claim() -> None:
        claims.append(await sending.claim())

    assert await sending.cost(claim) <= MOST * EACH
    [claimed] = claims
    assert (len(claimed.leased), len(claimed.left)) == (MOST, SHEETS - MOST // LINES)
    assert await sending.cost(lambda: sending.record(claimed.leased)) <= MOST * EACH


async def test_a_decision_finds_the_lease_that_it_ends_by_its_key(sending: Sending) -> None:
    await sending.fill(lines=1)
    leased = (await sending.claim()).leased
    assert len(leased) == MOST
    assert await sending.cost(lambda: sending.settle(leased)) <= MOST * EACH
