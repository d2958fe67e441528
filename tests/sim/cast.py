"""Who plays in a story: sources, mischief, operators, and whoever restores the database."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from random import Random
from typing import Any

from tests.sim.events import Said
from tests.sim.gaps import Gaps
from tests.sim.mischief import Mischief
from tests.sim.operators import Operators
from tests.sim.restoration import Restoration
from tests.sim.world import World

Told = Sequence[Sequence[Said]]
"""What each source sends."""


class Cast:
    """All of them; each has chance of its own."""

    def __init__(self, world: World, chance: Random, restoring: Random) -> None:
        seed = world.seed
        self._world = world
        self.processes = chance.choice([1, 2, 2])
        self._pace = chance.choice([0.5, 1.0, 2.0])
        self._between = chance.choice([0.0, 0.0, 0.05, 0.3, 0.8])
        self._pausing = Operators(world, Random(f"{seed} pauses"))
        self.operators = Operators(world, Random(f"{seed} operators"))
        self.closing = Gaps(world, Random(f"{seed} gaps"))
        self.restoration = Restoration(world, restoring)

    async def play(self, told: Told, chance: Random) -> None:
        """The story itself; at its end no fault is left."""
        people = [asyncio.create_task(work) for work in (self.operators.run(), self.closing.run())]
        others: list[Coroutine[Any, Any, None]] = [self._pausing.run_pauses()]
        if self._world.is_restored:
            others.append(self._copied(people))
        await self._amid("mischief", others, self._publish(told, "", chance))
        await _ended(people)
        await self._pausing.resume()

    async def play_again(self, told: Told, chance: Random) -> None:
        """The database goes back, the sources publish everything again, and faults go on."""
        await self.restoration.put_back()
        self._world.is_calm = False
        for _ in range(self.processes):
            self._world.start()
        self.operators.may_discard = False
        await self._amid("more mischief", [self.operators.run()], self._publish_again(told, chance))
        await self._pausing.resume()

    async def _publish_again(self, told: Told, chance: Random) -> None:
        await asyncio.gather(self._publish(told, "again ", chance), self.restoration.release())

    async def _copied(self, people: Sequence[asyncio.Task[None]]) -> None:
        """What people do after the copy would be lost with it, and nobody does it again: they rest."""
        await self.restoration.take_base()
        await _ended(people)

    async def _amid(
        self, name: str, others: Sequence[Coroutine[Any, Any, None]], story: Coroutine[Any, Any, None]
    ) -> None:
        """The story amid faults, and while others do their part."""
        world = self._world
        mischief = Mischief(world, Random(f"{world.seed} {name}"), processes=self.processes, pace=self._pace)
        going_on = [asyncio.create_task(work) for work in (mischief.run(), *others)]
        await story
        await _ended(going_on)
        await mischief.end()

    async def _publish(self, told: Told, which: str, chance: Random) -> None:
        """Every source by itself; and then a while without news."""
        sending = (_send(self._world, sent, Random(f"{self._world.seed} {which}{n}"), self._between)
                   for n, sent in enumerate(told))  # fmt: skip
        await asyncio.gather(*sending)
        await asyncio.sleep(chance.uniform(0, 8))


async def _send(world: World, sent: Sequence[Said], chance: Random, pace: float) -> None:
    for said in sent:
        await world.publish(said)
        await asyncio.sleep(chance.uniform(0, pace))


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
