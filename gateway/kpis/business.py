"""What waits now, as metrics show it: looked at every now and then, and never while somebody asks for metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from adapters.ports.kpis import Kpis, Waiting
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.metrics import Counts, Gauge

LOOK_SECONDS: Final = 30.0
REST: Final = 19
"""After a look, at least so many times as long as it took: a look reads all that waits, which may be much."""
STALE_SECONDS: Final = 300.0
"""What was seen so long ago is not shown any more."""


class Business:
    """Looks for ever, and shows what it saw last."""

    def __init__(self, kpis: Kpis, backoff: Backoff) -> None:
        self._kpis = kpis
        self._backoff = backoff
        self._waiting: Sequence[Waiting] = ()
        self._ages: dict[str, float] = {}
        self._behind: float | None = None

    async def run(self) -> None:
        """Look after look."""
        loop = asyncio.get_running_loop()
        seen_at = loop.time()
        while True:
            began = loop.time()
            if await self._has_looked():
                seen_at = loop.time()
                self._backoff.reset()
                await asyncio.sleep(max(LOOK_SECONDS, REST * (seen_at - began)))
                continue
            if loop.time() - seen_at > STALE_SECONDS:
                self._waiting, self._ages, self._behind = (), {}, None
            await self._backoff.wait()

    async def _has_looked(self) -> bool:
        try:
            await self.look()
        except StoreUnavailable:
            return False
        except Exception as error:  # noqa: BLE001  # a mistake in a figure must not end a process that moves money
            telemetry.figures_failed(error)
            return False
        return True

    async def look(self) -> None:
        """Look once; ages are by the database's clock. Raises `StoreUnavailable`."""
        progress, waiting = await self._kpis.progress(), await self._kpis.waiting()
        self._ages = {
            each.flow: 0.0 if each.oldest is None else max(0.0, (progress.at - each.oldest).total_seconds())
            for each in waiting
        }
        self._waiting = waiting
        uncounted = progress.uncounted
        self._behind = 0.0 if uncounted is None else max(0.0, (progress.at - uncounted).total_seconds())

    def show(self, counts: Counts) -> None:
        """Add its gauges."""
        counts.gauges += [
            Gauge("business_waiting", "What waits, by flow; see docs/kpis.md.", ("flow",),
                  lambda: {(each.flow,): float(each.count) for each in self._waiting}),
            Gauge("business_waiting_oldest_seconds", "Age of the oldest that waits.", ("flow",),
                  lambda: {(flow,): age for flow, age in self._ages.items()}),
            Gauge("figures_behind_seconds", "Age of the oldest line that is not counted.", (),
                  lambda: {} if self._behind is None else {(): self._behind}),
            Gauge("business_waiting_money", "Money in what waits.", ("flow", "currency"),
                  lambda: {(each.flow, currency): float(amount)
                           for each in self._waiting for currency, amount in each.money.items()}),
        ]  # fmt: skip
