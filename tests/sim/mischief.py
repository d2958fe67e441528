"""Mischief: what goes wrong while the story is told, drawn from its seed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from random import Random
from typing import Any, Final

from tests.checker import cells
from tests.checker.evidence import Cell
from tests.sim.process import Process
from tests.sim.world import World

LONGEST_STALL: Final = 25.0
MOMENTS: Final = (
    cells.BEFORE_COMMIT, cells.COMMIT, cells.COMMITTED, cells.LEASED, cells.REQUEST, cells.RECORDING,
)  # fmt: skip


class Mischief:
    """Faults at random times. What it began it ends in `end`."""

    def __init__(self, world: World, chance: Random, *, processes: int, pace: float) -> None:
        self._world = world
        self._chance = chance
        self._processes = processes
        self._pace = pace
        self._tasks: list[asyncio.Task[None]] = []
        self._leaving: list[asyncio.Task[None]] = []
        self._acts: list[tuple[int, Callable[[], None]]] = [
            (8, self._kill),
            (3, self._freeze),
            (2, self._drain),
            (2, self._away),
            (1, self._read_only),
            (2, self._cut),
            (2, self._close_channel),
            (1, self._stop_broker),
            (1, self._alarm),
            (4, self._bad_day),
            (1, self._down),
            (1, self._clock),
        ]

    async def run(self) -> None:
        """Until it is cancelled."""
        weights = [weight for weight, _ in self._acts]
        acts = [act for _, act in self._acts]
        while True:
            await asyncio.sleep(self._chance.expovariate(self._pace))
            (act,) = self._chance.choices(acts, weights)
            act()

    async def end(self) -> None:
        """No more faults: the servers are up, nobody stands still, and as many processes run as should."""
        world = self._world
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for process in world.processes:
            process.owner.disarm()
            process.wire.entered = lambda _moment: None
        world.is_calm, world.is_away, world.is_read_only = True, False, False
        world.broker.unblock()
        if not world.broker.is_up:
            world.broker.start()
        for outside in world.outsides.values():
            outside.bad, outside.is_down = 0.0, False
        await asyncio.gather(*self._leaving)
        if not world.living and not any(process.is_alive for process in world.processes):
            world.start()

    # ---------------------------------------------------------------------------------------------------- processes

    def _one(self) -> Process | None:
        living = self._world.living
        return self._chance.choice(living) if living else None

    def _soon(self, process: Process, act: Callable[[], None]) -> None:
        """At any step of the process, or as soon as it comes into some moment."""

        def once() -> None:
            if process.is_well:
                act()

        if self._chance.random() < 0.5:
            process.owner.at_step(self._chance.randint(1, 300), once)
            return
        moment = self._chance.choice(MOMENTS)

        def entered(now: str) -> None:
            if now == moment:
                process.wire.entered = lambda _moment: None
                process.owner.at_step(self._chance.randint(1, 3), once)

        process.wire.entered = entered

    def _kill(self) -> None:
        process = self._one()
        if process is not None:
            self._soon(process, lambda: self._killed(process))

    def _killed(self, process: Process) -> None:
        self._world.tell(process.name, "is killed", *process.wire.now)
        process.kill()
        self._replace()

    def _freeze(self) -> None:
        process = self._one()
        if process is not None:
            seconds = self._chance.choice([1.0, 12.0, LONGEST_STALL])
            is_missed = self._chance.random() < 0.7
            self._soon(process, lambda: self._frozen(process, seconds, is_missed=is_missed))

    def _frozen(self, process: Process, seconds: float, *, is_missed: bool) -> None:
        self._world.tell(process.name, "stands still", seconds, *process.wire.now)
        process.freeze(seconds, is_missed=is_missed)
        if seconds > 10:
            self._world.hit(cells.ZOMBIE)

    def _drain(self) -> None:
        process = self._one()
        if process is not None:
            process.is_leaving = True
            grace = self._chance.choice([0.0, 0.05, 0.5, 5.0])
            self._leaving.append(asyncio.create_task(self._drained(process, grace)))

    async def _drained(self, process: Process, grace: float) -> None:
        self._world.tell(process.name, "is to leave", grace)
        self._replace()
        await process.drain(grace)
        self._world.tell(process.name, "has left")

    def _replace(self) -> None:
        """A process that goes is replaced after a while, as an orchestrator does."""
        self._spawn(self._replaced(self._chance.choice([0.0, 0.3, 3.0])))

    async def _replaced(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if sum(process.is_alive and not process.is_leaving for process in self._world.processes) < self._processes:
            self._world.start()

    # ------------------------------------------------------------------------------------------------------ servers

    def _away(self) -> None:
        self._spawn(self._store(cells.AWAY, "is_away"))

    def _read_only(self) -> None:
        self._spawn(self._store(cells.READ_ONLY, "is_read_only"))

    async def _store(self, cell: Cell, what: str) -> None:
        self._world.hit(cell)
        self._world.tell("store", cell.fault)
        setattr(self._world, what, True)
        await asyncio.sleep(self._chance.uniform(0, 3))
        setattr(self._world, what, False)
        self._world.tell("store", "is back")

    def _cut(self) -> None:
        self._hit_channels(cells.CUT)
        self._world.broker.cut()

    def _close_channel(self) -> None:
        process = self._one()
        if process is not None and process.intakes:
            intake = self._chance.choice(process.intakes)
            self._hit_channels(cells.CHANNEL)
            intake.lose()

    def _stop_broker(self) -> None:
        self._spawn(self._stopped())

    async def _stopped(self) -> None:
        self._hit_channels(cells.STOPPED)
        self._world.broker.stop()
        await asyncio.sleep(self._chance.uniform(0, 2))
        self._world.broker.start()
        self._world.tell("broker", "is back")

    def _hit_channels(self, cell: Cell) -> None:
        self._world.tell("broker", cell.fault)
        self._world.hit(cell)
        for process in self._world.living:
            if process.has_acks_in_flight():
                self._world.hit(Cell(cells.ACK, cells.LOST))
            if cells.COMMITTED in process.wire.now:
                self._world.hit(Cell(cells.COMMITTED, cells.LOST))

    def _alarm(self) -> None:
        self._spawn(self._blocked())

    async def _blocked(self) -> None:
        self._world.hit(cells.ALARM)
        self._world.tell("broker", cells.ALARM.fault)
        self._world.broker.block()
        await asyncio.sleep(self._chance.uniform(0, 2))
        self._world.broker.unblock()

    def _bad_day(self) -> None:
        outside = self._chance.choice([*self._world.outsides.values()])
        outside.bad = self._chance.choice([0.0, 0.2, 0.5, 0.9])
        self._world.tell(outside.name, "has a bad day", outside.bad)

    def _down(self) -> None:
        self._spawn(self._is_down())

    async def _is_down(self) -> None:
        outside = self._chance.choice([*self._world.outsides.values()])
        self._world.tell(outside.name, "is down")
        outside.is_down = True
        await asyncio.sleep(self._chance.uniform(0, 5))
        outside.is_down = False

    def _clock(self) -> None:
        process = self._one()
        if process is not None:
            process.set_clock(timedelta(hours=self._chance.choice([-1, 1])))
            self._world.hit(cells.CLOCK_JUMP)

    def _spawn(self, act: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(act))
