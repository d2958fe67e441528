"""Retention: what is final and old is removed, a little at a time, by one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from adapters.ports.retention import Old, Retention
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry

BATCH: Final = 500
REST_SECONDS: Final = 0.02
"""After a batch, and at least as long as it took: removal keeps one connection busy for half of the time at most."""
ROUND_SECONDS: Final = 600.0
"""Between rounds, once nothing more is old."""


class Cleaner:
    """Removes for ever. `ages` are in seconds; `observed` hears how many rows went."""

    def __init__(
        self,
        retention: Retention,
        ages: Mapping[Old, float],
        observed: Callable[[Old, int], None],
        *,
        rest: float = REST_SECONDS,
        every: float = ROUND_SECONDS,
    ) -> None:
        self._retention = retention
        self._ages = ages
        self._observed = observed
        self._rest = rest
        self._every = every

    async def run(self) -> None:
        """Round after round. What cannot be removed now is told, holds up no other kind, and is left to the next."""
        while True:
            for old, age in self._ages.items():
                try:
                    await self._remove(old, age)
                except StoreUnavailable as error:
                    telemetry.retention_failed(old, error)
            await asyncio.sleep(self._every)

    async def _remove(self, old: Old, age: float) -> None:
        """Batch after batch until no full one is left, or another process is at it."""
        loop = asyncio.get_running_loop()
        removed: int | None = BATCH
        while removed == BATCH:
            began = loop.time()
            removed = await self._retention.remove(old, age=age, limit=BATCH)
            if removed:
                self._observed(old, removed)
            await asyncio.sleep(max(self._rest, loop.time() - began))
