"""The heartbeat of a sending process, and the take-over of leases from those that fell silent.

A process is silent when its counter stands still for a while of *our* monotonic time; wall clocks are never compared.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from adapters.ports.outbox import Outbox
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff

BEAT_SECONDS: Final = 1.0
SILENT_SECONDS: Final = 10.0
LOOKS: Final = 4
"""A counter must have been seen standing still so often at least."""


class Pulse:
    """What has been seen of other processes' counters; pure.

    Only time in which we looked counts: after an outage of the database nobody has beaten, the living as little as the
    dead.
    """

    def __init__(self, silent_after: float) -> None:
        self._silent_after = silent_after
        self._most = silent_after / LOOKS
        self._looked: float | None = None
        self._seen: dict[UUID, tuple[int, float]] = {}

    def silent(self, counters: Mapping[UUID, int], now: float) -> list[UUID]:
        """Holders whose counter has not moved for `silent_after` seconds of `now`."""
        passed = 0.0 if self._looked is None else min(now - self._looked, self._most)
        self._looked = now
        self._seen = {
            holder: (counter, seen[1] + passed)
            if (seen := self._seen.get(holder)) is not None and seen[0] == counter
            else (counter, 0.0)
            for holder, counter in counters.items()
        }
        return [holder for holder, (_, still) in self._seen.items() if still >= self._silent_after]


class Heartbeat:
    """Counts up and watches. `observed` hears how many leases were freed."""

    def __init__(
        self,
        outbox: Outbox,
        holder: UUID,
        backoff: Backoff,
        observed: Callable[[int], None],
        *,
        every: float = BEAT_SECONDS,
        silent_after: float = SILENT_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._holder = holder
        self._backoff = backoff
        self._observed = observed
        self._every = every
        self._pulse = Pulse(silent_after)

    async def run(self) -> None:
        """Beat for ever."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                counters = await self._outbox.beat(self._holder)
                silent = [holder for holder in self._pulse.silent(counters, loop.time()) if holder != self._holder]
                if silent:
                    self._observed(await self._outbox.take_over(silent))
            except StoreUnavailable:
                await self._backoff.wait()
                continue
            self._backoff.reset()
            await asyncio.sleep(self._every)
