"""Work that is done round after round, for as long as the process lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff


class Rounds:
    """Does `work` for ever, which answers after how many seconds the next round is due. `what` names it in the log."""

    def __init__(self, what: str, work: Callable[[], Awaitable[float]], backoff: Backoff) -> None:
        self._what = what
        self._work = work
        self._backoff = backoff
        self._asked = asyncio.Event()

    def hint(self) -> None:
        """Begin the next round at once."""
        self._asked.set()

    async def run(self) -> None:
        """Round after round."""
        while True:
            self._asked.clear()
            try:
                seconds = await self._work()
            except StoreUnavailable:
                await self._backoff.wait()
                continue
            except Exception as error:  # noqa: BLE001  # a mistake here must not end a process that moves money
                telemetry.replay_failed(self._what, error)
                await self._backoff.wait()
                continue
            self._backoff.reset()
            if seconds:
                with suppress(TimeoutError):
                    async with asyncio.timeout(seconds):
                        await self._asked.wait()
