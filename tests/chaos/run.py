"""A chaos run from its beginning to the evidence: faults in every lane, then none, then the world must settle."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from tests.chaos.business import Business
from tests.chaos.collect import collect
from tests.chaos.mischief import Mischief
from tests.chaos.operators import operators, pauses, people, resume_all
from tests.chaos.processes import processes, stalls, wires
from tests.chaos.servers import broker, database
from tests.chaos.sources import Sources
from tests.chaos.systems import systems
from tests.chaos.world import World, world
from tests.checker.evidence import Cell, Evidence
from tests.integration.firm import until

READY_SECONDS: Final = 60.0
SETTLE_SECONDS: Final = 120.0
"""What is not settled then never will be; the checker says what it is."""
STILL_SECONDS: Final = 2.0
"""The world is settled when nothing has moved for so long."""
LONG: Final = 120.0
"""From so many seconds on, faults come too that last for half a minute."""
WAVE: Final = 40
WAVE_SECONDS: Final = 1.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long faults last, in seconds, and from which seed everything is drawn."""

    seconds: float
    seed: int


async def chaos(plan: Plan, folder: Path, say: Say) -> Evidence:
    """Run it; what it left is the evidence. `folder` takes logs and policies."""
    async with world(folder) as made:
        business = Business(plan.seed, WAVE)
        sources = Sources(made.rabbitmq.url, business, WAVE_SECONDS)
        keeping = [asyncio.create_task(work) for slot in made.slots for work in (slot.run(), slot.watch())]
        keeping.append(asyncio.create_task(made.places.run()))
        try:
            await until(lambda: _all_ready(made), READY_SECONDS, "both processes are ready")
            faults = await _torment(made, sources, plan, say)
            await resume_all(made)
            await _settle(made, sources, say)
            deaths = [f"{slot.name} is not ready" for slot in made.slots if not slot.is_ready]
            for slot in made.slots:
                await slot.stop()
            deaths.extend(death for slot in made.slots for death in slot.deaths)
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)
            await sources.close()
        return await collect(made, sources.published, faults + sources.faults, deaths)


async def _torment(made: World, sources: Sources, plan: Plan, say: Say) -> Counter[Cell]:
    """Load and all lanes of faults until the time is up; how often each cell was hit."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    began = loop.time()

    def told(lane: str, cell: Cell, hits: int) -> None:
        say(f"{loop.time() - began:6.1f} s  {lane:10} {cell.moment} × {cell.fault}: {hits}")

    lanes: Sequence[Mischief] = (
        processes(made, plan.seed),
        wires(made, plan.seed),
        database(made, plan.seed),
        broker(made, sources, plan.seed),
        systems(made, plan.seed),
        operators(made, plan.seed),
        people(made, plan.seed),
        pauses(made, plan.seed),
        *((stalls(made, plan.seed),) if plan.seconds >= LONG else ()),
    )
    loop.call_later(plan.seconds, ended.set)
    async with asyncio.TaskGroup() as group:
        group.create_task(sources.run(ended), name="sources")
        running = [group.create_task(lane.run(plan.seed, ended, told), name=lane.name) for lane in lanes]
    total: Counter[Cell] = Counter()
    for lane_hits in running:
        total += lane_hits.result()
    return total


async def _settle(made: World, sources: Sources, say: Say) -> None:
    """No more faults; wait until nothing is left to do, or the time is up."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    confirmed = {(row.source, row.id) for row in sources.published if row.is_confirmed and not row.is_bad}
    still_since: float | None = None
    left = "everything"
    while loop.time() - began < SETTLE_SECONDS:
        left = await _left(made, len(confirmed))
        if left:
            still_since = None
        elif still_since is None:
            still_since = loop.time()
        elif loop.time() - still_since > STILL_SECONDS and await _all_ready(made):
            say(f"settled after {loop.time() - began:.1f} s")
            return
        await asyncio.sleep(0.25)
    say(f"not settled after {SETTLE_SECONDS:.0f} s: {left}")


async def _left(made: World, messages: int) -> str:
    """What is still to be done, in words; empty when nothing is."""
    connection = await asyncpg.connect(made.postgres.url)
    try:
        row = await connection.fetchrow(_LEFT)
    finally:
        await connection.close()
    counts = {} if row is None else dict(row)
    counts["messages"] = max(messages - counts["messages"], 0)
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


_LEFT: Final = """
    SELECT (SELECT count(*) FROM tallystick.inbox
            WHERE verdict <> 'conflict' AND source NOT LIKE 'tallystick:%') AS messages,
           (SELECT count(*) FROM tallystick.lease) AS leases,
           (SELECT count(*) FROM tallystick.wake) AS wakes,
           (SELECT count(*) FROM tallystick.notice) AS notices,
           (SELECT count(*) FROM tallystick.outbox WHERE state = 'open') AS commands,
           (SELECT count(*) FROM tallystick.entity
            WHERE lane_depth > 0 AND lane_state IN ('open', 'backoff', 'paused')) AS lanes
"""


async def _all_ready(made: World) -> bool:
    return all(slot.is_ready for slot in made.slots)
