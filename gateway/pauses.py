"""The pauses in force, as this process knows them: read every second, and at once when it has changed them itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from pydantic import BaseModel

from adapters.ports.pauses import Pause, Pauses
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff
from schemas.keys import ActorKey

LOOK_SECONDS: Final = 1.0
"""After how long, at most, a process decides by a pause that another one has made or ended."""
PAGE: Final = 500


class PauseBook:
    """Nothing may be decided before the pauses were read once."""

    def __init__(self, pauses: Pauses, poke: Callable[[ActorKey], None], backoff: Backoff) -> None:
        self._pauses = pauses
        self._poke = poke
        self._backoff = backoff
        self._active: tuple[Pause, ...] | None = None
        self._hinted = asyncio.Event()

    def active(self) -> tuple[Pause, ...]:
        """The pauses in force. Raises `StoreUnavailable` while they were never read."""
        if self._active is None:
            raise StoreUnavailable("the pauses were not read yet")
        return self._active

    @property
    def count(self) -> int:
        """How many are in force, as far as is known."""
        return len(self._active or ())

    def hint(self) -> None:
        """They have changed."""
        self._hinted.set()

    async def look(self) -> None:
        """Read them, and let go on what stood still for one that is over. Raises `StoreUnavailable`."""
        self._active = tuple(await self._pauses.active())
        while released := await self._pauses.release(page=PAGE):
            for key in released:
                self._poke(key)

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._hinted.clear()
            try:
                await self.look()
            except StoreUnavailable:
                await self._backoff.wait()
                continue
            self._backoff.reset()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._hinted.wait()
            except TimeoutError:
                continue


def legal_entity_of(data: BaseModel, state: BaseModel) -> str | None:
    """The legal entity that an event concerns: its own, or that of what it is about."""
    found = getattr(data, "legal_entity", None) or getattr(state, "legal_entity", None)
    return found if isinstance(found, str) else None
