"""Waiting at the start for what is not there yet: told once, told again when the reason changes or time goes by."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from adapters.ports.broker import BrokerUnavailable
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.exits import explain

TELL_SECONDS: Final = 30.0
"""How long nothing is said while the reason stays the same."""

Answer = TypeVar("Answer")


class Patience:
    """Tries again for as long as something is away, which only the process's end stops."""

    def __init__(self, backoff: Backoff, told: Callable[[str, str], None] = telemetry.waiting_for) -> None:
        self._backoff = backoff
        self._told = told
        self._last = ("", 0.0)

    async def until_done(self, what: str, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return what `attempt` does, once it has. Its refusals, and our bugs, are raised."""
        while True:
            try:
                answer = await attempt()
            except (StoreUnavailable, BrokerUnavailable) as error:
                self._tell(what, str(explain(error) or error))
                await self._backoff.wait()
            else:
                self._backoff.reset()
                return answer

    def _tell(self, what: str, reason: str) -> None:
        now = asyncio.get_running_loop().time()
        before, at = self._last
        if before != reason or now - at >= TELL_SECONDS:
            self._last = (reason, now)
            self._told(what, reason)
