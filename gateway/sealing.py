"""Sealing the audit: behind the acts each becomes a link of a chain, by one process at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

from adapters.ports.audit import Sealing
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff

PAGE: Final = 500
ROUND_SECONDS: Final = 5.0
"""Between calls, once everything is sealed that can be: so an act stands unsealed for ten seconds at most."""


class Sealer:
    """Seals for ever. `until`: what was committed before this moment is sealed, as far as this process knows."""

    def __init__(
        self,
        sealing: Sealing,
        backoff: Backoff,
        *,
        every: float = ROUND_SECONDS,
        failed: Callable[[Exception], None] = telemetry.sealing_failed,
    ) -> None:
        self._sealing = sealing
        self._backoff = backoff
        self._every = every
        self._failed = failed
        self.until: datetime | None = None

    async def run(self) -> None:
        """Page after page."""
        while True:
            try:
                sealed = await self._sealing.seal(page=PAGE)
                self.until = await self._sealing.until()
            except StoreUnavailable:
                await self._backoff.wait()
                continue
            except Exception as error:  # noqa: BLE001  # a mistake in the audit must not end a process that moves money
                self._failed(error)
                await self._backoff.wait()
                continue
            self._backoff.reset()
            if sealed != PAGE:
                await asyncio.sleep(self._every)
