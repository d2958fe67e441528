"""The database is restored to an earlier point, by the drill of docs/restore.md, while systems and sources are not."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from dataclasses import fields
from datetime import UTC, datetime
from random import Random
from typing import Final

from adapters.memory.restores import MemoryRestores
from adapters.memory.tables import Tables
from adapters.ports.restores import Found
from tests.checker import cells
from tests.sim.world import World

ACTOR: Final = "dora"
REASON: Final = "the base of Friday"
LANDED: Final = 1.5
"""Seconds after which what a killed process has sent is at its system."""
NOT_RESTORED: Final = frozenset({"clock", "teller", "looker"})


class Restoration:
    """Takes a base at some moment of a story; puts it back, holds, lets systems be asked, and ends it."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self._base: dict[str, object] = {}
        self._taken_at = 0.0
        self._closings = 0

    async def take_base(self) -> None:
        """Copy everything at some moment."""
        await asyncio.sleep(self._chance.uniform(0, 6))
        world = self._world
        self._base = deepcopy(_rows(world.tables))
        self._taken_at, self._closings = world.clock(), len(world.closings)
        world.tell("store", "is copied")

    @property
    def has_base(self) -> bool:
        """Whether something can be put back."""
        return bool(self._base)

    async def put_back(self) -> None:
        """Stop every process, wait until what it sent has landed, put the base back, and declare it."""
        world = self._world
        for process in world.processes:
            if process.is_alive:
                process.kill()
            process.wire.is_gone = True
        await asyncio.sleep(LANDED + self._chance.uniform(0, 3))
        tables = world.tables
        for name, rows in self._base.items():
            setattr(tables, name, rows)
        tables.teller = tables.looker = None
        for queue in world.broker.queues.values():
            queue.take()
        del world.closings[self._closings :]
        world.went_back()
        since = datetime.fromtimestamp(self._taken_at, UTC)
        await self._restores().declare(since=since, found=Found.DECLARED, actor=ACTOR, reason=REASON)
        world.stamp()
        world.hit(cells.RESTORED)
        world.tell("store", "is restored", round(world.clock() - self._taken_at, 3))

    async def release(self) -> None:
        """After a while a person lets commands be sent again."""
        await asyncio.sleep(self._chance.choice([0.0, 1.0, 8.0]))
        await self._restores().release(actor=ACTOR, reason=REASON)
        self._world.tell("operator", "releases")

    async def end(self) -> None:
        """Everything was published again."""
        await self._restores().end(actor=ACTOR, reason=REASON)
        self._world.tell("operator", "ends the restore")

    def _restores(self) -> MemoryRestores:
        return MemoryRestores(self._world.tables, self._world.clock)


def _rows(tables: Tables) -> dict[str, object]:
    return {field.name: getattr(tables, field.name) for field in fields(tables) if field.name not in NOT_RESTORED}
