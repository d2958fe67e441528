"""Plans beside replays: neither waits for a statement of the other."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg

from adapters.ports.replays import Chosen
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.replay_work import PostgresReplayWork
from adapters.postgres.replays import PostgresReplays
from schemas.verdicts import LaneState
from tests.contracts.turns import SHEET, batch, message, queued

PATIENCE = 20.0
LOCK = "SELECT FROM tallystick.replay FOR UPDATE"


async def test_a_long_statement_of_a_plan_keeps_no_replay_waiting(database_url: str) -> None:
    commits, replays = PostgresCommits(database_url), PostgresReplays(database_url)
    work = PostgresReplayWork(database_url)
    try:
        # Given a plan, of which a page is written for as long as somebody holds its row
        turn = queued((await commits.load([SHEET]))[SHEET], message("1"))
        turn.lane = replace(turn.lane, state=LaneState.PARKED)
        await commits.commit(batch(turn))
        plan = await replays.plan(Chosen(), order=(), most=9, by="ann", reason="look", click="1")
        holder = await asyncpg.connect(database_url)
        async with holder.transaction():
            await holder.execute(LOCK)
            page = asyncio.create_task(work.predicted(plan, {}, [], decided=1))
            await asyncio.sleep(0.5)
            # Then what replays do is done meanwhile
            async with asyncio.timeout(PATIENCE):
                assert await work.hold()
                assert await work.started() == []
            assert not page.done()
        await holder.close()
        assert await page is not None
    finally:
        for each in (commits, work, replays):
            await each.close()
