"""An event loop that never waits: its time passes as soon as nothing else is left to do, so each run is alike."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from math import inf, nextafter
from typing import Any, TypeVar

T = TypeVar("T")


class _Impatient(selectors.SelectSelector):
    """Where the loop would wait, its time passes instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everything waits for something that nobody will do")
        # A wait ends behind its moment, as on a real clock, so that a timer never rings early.
        self.now = nextafter(nextafter(self.now + max(timeout, 0.0), inf), inf)
        return super().select(0)


class HurriedLoop(asyncio.SelectorEventLoop):
    """The loop; `time()` begins at 0. For what neither waits for other processes nor uses threads."""

    def __init__(self) -> None:
        self._impatient = _Impatient()
        super().__init__(self._impatient)
        self._clock_resolution = 0.0

    def time(self) -> float:
        return self._impatient.now


def hurried(story: Coroutine[Any, Any, T]) -> T:
    """Run to its end without waiting. Raises what it raises."""
    with asyncio.Runner(loop_factory=HurriedLoop) as runner:
        return runner.run(story)
