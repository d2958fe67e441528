"""An event loop whose time passes only when nothing else is left to do: an hour takes no time, each run is alike."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from math import inf, nextafter
from typing import Any, TypeVar

T = TypeVar("T")
MOST_SECONDS = 3600.0
"""After so much of its own time a test has failed."""
MOST_ROUNDS = 30_000
"""Rounds of the loop without time passing, after which a test has failed: something goes round and round."""


class Spins(RuntimeError):
    """Something goes round and round, and no time passes."""


class _Patient(selectors.SelectSelector):
    """Never waits: where the loop would, its time passes instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.rounds = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.let_pass(timeout)
        return super().select(0)

    def let_pass(self, timeout: float | None) -> None:
        """Let the time pass that the loop would have waited."""
        if timeout is None:
            raise RuntimeError("everything waits for something that nobody will do")
        self.rounds = 0 if timeout > 0 else self.rounds + 1
        if self.rounds > MOST_ROUNDS:
            self.rounds = 0
            raise Spins("something goes round and round, and no time passes")
        # A round takes the shortest time there is, and a wait ends behind its moment, as on a real clock: whoever looks
        # then sees that the moment has come, and a timer never rings early.
        self.now = nextafter(nextafter(self.now + timeout, inf), inf)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` begins at 0."""

    def __init__(self) -> None:
        self._patient = _Patient()
        super().__init__(self._patient)
        self._clock_resolution = 0.0

    def time(self) -> float:
        return self._patient.now

    def pass_by(self, seconds: float) -> None:
        """Let time pass while others cannot do anything, as slow code does."""
        self._patient.now += seconds


def run(story: Coroutine[Any, Any, T]) -> T:
    """Run a story to its end, in no time."""

    async def bounded() -> T:
        async with asyncio.timeout(MOST_SECONDS):
            return await story

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(bounded())


async def rest(turns: int = 20) -> None:
    """Let all others do what they can do without time passing."""
    for _ in range(turns):
        await asyncio.sleep(0)
