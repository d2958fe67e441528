"""Growing, jittered delays between tries."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable


class Backoff:
    """Waits longer each time, up to `longest` seconds, until `reset`; jittered, so that processes do not march in step.

    `sleep` and `chance` are replaced where time or chance is an argument; without `chance` the generator of the module
    `random` is used, which a simulation can seed.
    """

    def __init__(
        self,
        *,
        shortest: float = 0.05,
        longest: float = 2.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self._shortest = shortest
        self._longest = longest
        self._sleep = sleep
        self._uniform = random.uniform if chance is None else chance.uniform
        self._next = shortest

    async def wait(self) -> None:
        """Wait between half of the present delay and all of it, then double it."""
        delay, self._next = self._next, min(self._next * 2, self._longest)
        await self._sleep(delay * self._uniform(0.5, 1.0))

    async def rest(self, seconds: float) -> None:
        """Wait so long after what has succeeded."""
        await self._sleep(seconds)

    def reset(self) -> None:
        """Start again from the shortest delay."""
        self._next = self._shortest
