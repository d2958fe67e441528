"""The process of the replay part: the gateway as T, which plans all that stands still, and replays it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

import uvloop

from adapters.ports.replays import Chosen, Outcome, Phase, Replay, Replays, Terms
from adapters.postgres.replays import PostgresReplays
from bench.gateway import made, settings_of
from bench.taken import Taken, tell
from gateway import telemetry
from gateway.metrics import Counts
from gateway.replay.order import ORDER
from gateway.replay.worker import Replayer
from gateway.settings import Settings
from schemas.verdicts import Verdict

TERMS: Final = Terms("bench", rate=10_000, stop_share=None)
EVERY_SECONDS: Final = 0.05


async def run(settings: Settings, count: int) -> Taken:
    """Plan and replay `count` messages; the seconds are those from the start of the replay to its end."""
    replays = PostgresReplays(settings.database_url)
    try:
        async with made(settings, Counts("bench")) as runtime:
            if runtime.replayer is None:
                raise RuntimeError("the gateway has nothing that replays")
            await runtime.start()
            plan = await replays.plan(Chosen(), order=ORDER, most=count, by="bench", reason="bench", click="bench")
            ready = await _reached(replays, runtime.replayer, plan.id, Phase.READY)
            if ready.outlook.verdicts != {Verdict.APPLIED: count}:
                raise RuntimeError(f"not all would be applied: {ready.outlook.verdicts}")
            await replays.start(ready.token or "", TERMS, by="bench", reason="bench")
            over = await _reached(replays, runtime.replayer, plan.id, Phase.DONE)
            await runtime.drain(10)
    finally:
        await replays.close()
    if over.progress.outcomes != {Outcome.AS_PLANNED: count} or over.started_at is None or over.ended_at is None:
        raise RuntimeError(f"not all is as planned: {over.progress}")
    return Taken((over.ended_at - over.started_at).total_seconds(), 0)


async def _reached(replays: Replays, replayer: Replayer, id: int, phase: Phase) -> Replay:
    """The replay once it is in this phase."""
    replayer.hint()
    while True:
        found = await replays.replay(id)
        if found is not None and found.phase is phase:
            return found
        await asyncio.sleep(EVERY_SECONDS)


def main(arguments: Sequence[str]) -> None:
    """Run with a broker's URL, a database's URL, and a number of messages."""
    telemetry.configure("warning")
    amqp_url, database_url, count = arguments
    tell(uvloop.run(run(settings_of(amqp_url, database_url), int(count))))


if __name__ == "__main__":
    main(sys.argv[1:])
