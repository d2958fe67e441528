"""An evening of approved sheets: a claim and a record cost what they send, not what waits, and not its square."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from adapters.ports.gate import Limits
from adapters.ports.outbox import Claimed, Ended, Ending, Leased, SendLane
from adapters.postgres.outbox import PostgresOutbox
from schemas.keys import ActorKey
from tests.adapters.postgres.rows_read import rows_read

SHEETS: Final = 200
LINES: Final = 10
MOST: Final = 100
EACH: Final = 12
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

    async def fill(self) -> None:
        """Let there be sheets whose lines wait."""
        await self.execute(SEED, SHEETS, LINES)

    async def claim(self) -> Claimed:
        lanes = [SendLane("erp", ActorKey("timesheet", f"T-{1000 + sheet}")) for sheet in range(1, SHEETS + 1)]
        return await self._outbox.claim(lanes, holder=UUID(int=1), token=uuid4(), limits=LIMITS)

    async def record(self, leased: Sequence[Leased]) -> None:
        ends = [Ended(each.command, each.token, each.attempt, Ending.CONFIRMED) for each in leased]
        await self._outbox.record(ends)

    async def execute(self, text: str, *arguments: object) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            await connection.execute(text, *arguments)
        finally:
            await connection.close()

    async def cost(self, work: Callable[[], Awaitable[object]]) -> int:
        """Rows that some work reads."""
        await self._outbox.close()
        before = await rows_read(self._url)
        await work()
        await self._outbox.close()
        return await rows_read(self._url) - before


@pytest.fixture
async def sending(database_url: str) -> Sending:
    made = Sending(database_url)
    await made.fill()
    return made


async def test_a_claim_reads_as_many_commands_as_it_takes(sending: Sending) -> None:
    claims: list[Claimed] = []

    async def claim() -> None:
        claims.append(await sending.claim())

    assert await sending.cost(claim) <= MOST * EACH
    [claimed] = claims
    assert (len(claimed.leased), len(claimed.left)) == (MOST, SHEETS - MOST // LINES)


async def test_a_record_finds_each_attempt_by_its_command(sending: Sending) -> None:
    leased = (await sending.claim()).leased
    assert len(leased) == MOST
    assert await sending.cost(lambda: sending.record(leased)) <= MOST * EACH
