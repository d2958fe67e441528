"""A replay of thousands of lanes: what a page of it costs depends on the page, not on how long the replay is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import pytest

from adapters.ports.replays import Chosen, Fate, Outcome, Outlook, Prediction, Progress, Relied, Replay, Terms
from adapters.postgres.replay_work import PostgresReplayWork
from adapters.postgres.replays import PostgresReplays
from schemas.keys import ActorKey
from schemas.verdicts import Verdict
from tests.adapters.postgres.rows_read import rows_read

LANES = 5000
PAGE = 100
EACH = 40
"""Rows that may be read, in all tables together, for each lane of a page."""
SEED = """
    INSERT INTO tallystick.entity (entity, key, row_version, entity_version, state, lane_state, lane_depth, lane_tail)
    SELECT 'timesheet', 'S' || n, 1, 0, NULL, 'parked', 1, 2 FROM generate_series(1, $1::integer) n;
"""
MESSAGES = """
    INSERT INTO tallystick.inbox (ref, source, event_id, type, entity, key, body_hash, verdict, position, body)
    SELECT gen_random_uuid(), 'psa', n::text, 'timesheet.approved.v1', 'timesheet', 'S' || n, '', 'parked', 1, '{}'
    FROM generate_series(1, $1::integer) n
"""
APPLY = """
    UPDATE tallystick.inbox SET position = NULL, verdict = 'applied' WHERE verdict = 'queued'
"""
WAIT = """
    UPDATE tallystick.entity SET lane_state = 'waiting', wait_entity = 'project', wait_key = 'P-9', wait_seen = 0
"""
OTHERS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
PATIENCE = 10.0
READ = """
    SELECT sum(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables
"""


@dataclass(slots=True)
class Floor:
    """A replay that was started, of many lanes; nobody else has a session."""

    url: str
    work: PostgresReplayWork
    replay: Replay

    async def cost(self, work: Callable[[], Awaitable[object]]) -> int:
        """Rows that some work reads."""
        await self.work.close()
        before = await rows_read(self.url)
        await work()
        await self.work.close()
        return await rows_read(self.url) - before

    async def execute(self, text: str, *arguments: object) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(text, *arguments)
        finally:
            await connection.close()


@pytest.fixture
async def floor(database_url: str) -> AsyncIterator[Floor]:
    work, replays = PostgresReplayWork(database_url), PostgresReplays(database_url)
    connection = await asyncpg.connect(database_url)
    await connection.execute(SEED.replace("$1::integer", str(LANES)))
    await connection.execute(MESSAGES.replace("$1::integer", str(LANES)))
    await connection.close()
    plan = await replays.plan(Chosen(), order=(), most=LANES, by="ann", reason="look", click="1")
    page = await work.planned(plan.id, after=0, keys=None, limit=LANES)
    relied = [Relied(each.key, {each.key: 0, ActorKey("project", "P1"): 0}) for each in page]
    predictions = {each.number: Prediction(Verdict.APPLIED) for each in page}
    kept = await work.predicted(plan, predictions, relied, decided=LANES)
    assert kept is not None
    await work.ready(kept, Outlook(), policy=None, token="t", seconds=60)
    replay = await replays.start("t", Terms("again", 50, None), by="ann", reason="go")
    await replays.close()
    yield Floor(database_url, work, replay)
    await work.close()


async def test_a_page_that_is_let_go_on_looked_at_and_recorded_reads_the_rows_of_that_page(floor: Floor) -> None:
    async def release() -> None:
        released = await floor.work.release(floor.replay, allow=PAGE, most=PAGE, moving=False)
        assert released is not None
        assert len(released.keys) == PAGE
        floor.replay = released.replay

    async def look() -> None:
        found = await floor.work.look(floor.replay, limit=PAGE, final=False)
        assert len(found.landed) == PAGE

    async def record() -> None:
        fates = [Fate(number, Outcome.AS_PLANNED, Verdict.APPLIED) for number in range(1, PAGE + 1)]
        recorded = await floor.work.record(floor.replay, fates, Progress(PAGE, PAGE, 0, {Outcome.AS_PLANNED: PAGE}))
        assert recorded is not None

    costs = {"release": await floor.cost(release)}
    await floor.execute(APPLY)
    costs["look"] = await floor.cost(look)
    costs["record"] = await floor.cost(record)
    assert all(cost <= PAGE * EACH for cost in costs.values()), costs


async def test_a_look_costs_no_more_the_more_lanes_wait(floor: Floor) -> None:
    released = await floor.work.release(floor.replay, allow=LANES, most=LANES, moving=False)
    assert released is not None
    await floor.execute(WAIT)

    async def look() -> None:
        found = await floor.work.look(released.replay, limit=PAGE, final=False)
        assert (found.landed, found.moving, found.resting) == ([], 0, LANES)

    await look()
    cost = await floor.cost(look)
    assert cost <= PAGE * EACH, cost
    found = await floor.work.look(released.replay, limit=PAGE, final=True)
    assert len(found.landed) == PAGE
    fates = [Fate(each.number, Outcome.AS_PLANNED, Verdict.WAITING) for each in found.landed]

    async def record() -> None:
        assert await floor.work.record(released.replay, fates, Progress(LANES, PAGE, 0)) is not None

    cost = await floor.cost(record)
    assert cost <= PAGE * EACH, cost


async def test_a_page_of_a_plan_reads_the_rows_of_that_page(floor: Floor) -> None:
    async def planned() -> None:
        found = await floor.work.planned(floor.replay.id, after=LANES // 2, keys=None, limit=PAGE)
        assert len(found) == PAGE

    async def planned_again() -> None:
        keys = {ActorKey("timesheet", f"S{number}") for number in range(1, PAGE + 1)}
        found = await floor.work.planned(floor.replay.id, after=0, keys=keys, limit=PAGE)
        assert len(found) == PAGE

    costs = {"planned": await floor.cost(planned), "planned again": await floor.cost(planned_again)}
    assert all(cost <= PAGE * EACH for cost in costs.values()), costs
