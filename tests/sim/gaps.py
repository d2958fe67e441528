"""Operators who close gaps: numbers that they give up waiting for, though some of them are only late."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random
from uuid import UUID

from adapters.ports.store import LaneChanged, LaneNotFound
from gateway.lanes import OVERDUE_SCANS, SCAN_SECONDS
from schemas.keys import ActorKey
from schemas.verdicts import LaneState
from tests.checker import cells
from tests.checker.evidence import Closing
from tests.sim.policy import CLOCKS, GAP_SECONDS
from tests.sim.world import World


@dataclass(frozen=True, slots=True)
class Gap:
    """What stops a lane: the numbers from `first` to `last` of a series are missing; the head comes behind them."""

    lane: ActorKey
    head: UUID
    series: str
    first: int
    last: int


class Gaps:
    """They see the store as it stands, take their time, and speak to it directly."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self._acts = world.plant.acts(world.tables)

    async def run(self) -> None:
        """Close some that stand, until it is cancelled."""
        while True:
            await asyncio.sleep(self._chance.expovariate(0.2))
            found = self._standing()
            if found and not self._world.is_away:
                gap = self._chance.choice(found)
                await asyncio.sleep(self._chance.uniform(0, 0.5))
                await self._close(gap, self._chance.randint(gap.first, gap.last))

    async def close_some(self) -> None:
        """Close half of what stands, as a whole."""
        for gap in self._standing():
            if self._chance.random() < 0.5:
                await self._close(gap, gap.last)

    async def let_pass(self) -> None:
        """Let the deadlines of all others pass, and give the processes the time in which they look."""
        if found := self._standing():
            self._world.hits[cells.OVERDUE] += len(found)
            self._world.overdue = frozenset({CLOCKS})
            self._world.leap(GAP_SECONDS + 1)
            await asyncio.sleep((OVERDUE_SCANS + 2) * SCAN_SECONDS)

    def _standing(self) -> list[Gap]:
        tables = self._world.tables
        keys = sorted(key for key, refs in tables.lanes.items() if refs and not key.is_external)
        lanes = [(key, tables.row(key)) for key in keys if tables.row(key).lane.state is LaneState.WAITING]
        found = []
        for key, row in lanes:
            head = tables.lane(key)[0].message
            cursor = row.cursors.get(head.series or "")
            if row.lane.target is None and cursor is not None and cursor.lacks(head.sequence or 0):
                first, last = (cursor.through or 0) + 1, (head.sequence or 0) - 1
                found.append(Gap(key, head.ref, head.series or "", first, last))
        return found

    async def _close(self, gap: Gap, through: int) -> None:
        world = self._world
        head = world.tables.inbox[gap.head].message
        sent = next(sent for sent in world.published if (sent.source, sent.id) == (head.source, head.id))
        try:
            await self._acts.close_gap(gap.lane, series=gap.series, through=through, actor="carla", reason="lost there")
        except (LaneChanged, LaneNotFound):
            world.tell("operator", "comes too late", gap.lane)
            return
        world.closings.append(Closing(sent.source, sent.key, str(gap.lane), through))
        world.hit(cells.GAP_CLOSED)
        world.tell("operator", "closes a gap", gap.lane, through)
        world.look_at(gap.lane, self._chance)
