"""The lane worker: finds lanes that may run and pokes their keys; wakes those that wait, and tells of long waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from adapters.ports.store import Lanes, OpenLane
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff
from schemas.keys import ActorKey

PAGE: Final = 500
MOST_OPEN: Final = 10_000
"""Open lanes looked at in one scan. Where there are more, each part is scanned twice, and then the part behind it."""
SCAN_SECONDS: Final = 1.0
OVERDUE_SCANS: Final = 5
SWEEP_SCANS: Final = 30
WAKE_SECONDS: Final = 0.02
"""Shortest time between two looks for wakes: every commit hints, and few of them leave one."""


class LaneWorker:
    """Runs beside the committers. `poke` lets a key take a turn on its lane."""

    def __init__(
        self, lanes: Lanes, poke: Callable[[ActorKey], None], backoff: Backoff, *, every: float = SCAN_SECONDS
    ) -> None:
        self._lanes = lanes
        self._poke = poke
        self._backoff = backoff
        self._every = every
        self._after: ActorKey | None = None
        self._scans_of_part = 0
        self._seen: dict[ActorKey, int] | None = None
        self._hinted = asyncio.Event()

    def hint(self) -> None:
        """A commit may have written a wake."""
        self._hinted.set()

    async def run(self) -> None:
        """Wake, scan, and sweep for ever."""
        scans = 0
        loop = asyncio.get_running_loop()
        next_scan = loop.time()
        while True:
            try:
                self._hinted.clear()
                await self._wake()
                if loop.time() >= next_scan:
                    next_scan = loop.time() + self._every
                    await self._scan()
                    scans += 1
                    if scans % OVERDUE_SCANS == 0:
                        await self._lanes.open_overdue(page=PAGE)
                    if scans % SWEEP_SCANS == 0 and await self._lanes.sweep():
                        self._hinted.set()
            except StoreUnavailable:
                await self._backoff.wait()
                continue
            self._backoff.reset()
            await self._pause(next_scan)

    async def _pause(self, until: float) -> None:
        """Wait for a hint or for the next scan, but not too short."""
        await asyncio.sleep(WAKE_SECONDS)
        try:
            async with asyncio.timeout_at(until):
                await self._hinted.wait()
        except TimeoutError:
            return

    async def _wake(self) -> None:
        """Resume what waits for something that has changed, page by page."""
        while woken := await self._lanes.wake(page=PAGE):
            for key in woken:
                self._poke(key)

    async def _scan(self) -> None:
        """Poke lanes that may run and that nobody has touched since the last scan, whoever left them."""
        found, end = await self._open()
        seen, self._seen = self._seen, {lane.key: lane.row_version for lane in found}
        for lane in found:
            if seen is None or seen.get(lane.key) == lane.row_version:
                self._poke(lane.key)
        self._scans_of_part += 1
        is_all = self._after is None and end is None
        if self._scans_of_part > 1 and not is_all:
            self._after, self._scans_of_part, self._seen = end, 0, {}

    async def _open(self) -> tuple[list[OpenLane], ActorKey | None]:
        """The open lanes of the present part, and the key that it ends with; None: no other part follows."""
        found: list[OpenLane] = []
        end = self._after
        while len(found) < MOST_OPEN:
            page = await self._lanes.runnable(after=end, limit=PAGE)
            found.extend(page)
            if len(page) < PAGE:
                return found, None
            end = page[-1].key
        return found, end
