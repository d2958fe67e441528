"""A life in doubt: a process that has begun, and has neither ended in order nor lived for long.

Whoever begins while another life is in doubt takes a first look at the lanes before all else: that life may have died
of what stands there. In doubt are, too, those that begin at the same time; a look for nothing costs milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import UUID

from adapters.ports.looks import Looks
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.first_look import FirstLook

PROVEN_SECONDS: Final = 60.0
"""A process that has lived for so long does not die of what it found in lanes at its start."""

Answer = TypeVar("Answer")


class Life:
    """The life of this process, which `id` names."""

    def __init__(self, id: UUID, looks: Looks, first_look: FirstLook, backoff: Backoff) -> None:
        self._id = id
        self._looks = looks
        self._first_look = first_look
        self._backoff = backoff

    async def begin(self) -> None:
        """Take the first look, if there is need of one; waits for the store."""
        others = await self._insist(lambda: self._looks.begin(self._id))
        if others:
            telemetry.first_look(len(others))
            if await self._first_look.take():
                await self._insist(lambda: self._looks.end(others))

    async def run(self) -> None:
        """End the doubt once it has lived for long enough; runs for ever."""
        await asyncio.sleep(PROVEN_SECONDS)
        await self._insist(lambda: self._looks.end([self._id]))
        await asyncio.Event().wait()

    async def end(self) -> None:
        """The process ends in order. Without the store it stays in doubt, which costs the next one a look."""
        try:
            await self._looks.end([self._id])
        except StoreUnavailable as error:
            telemetry.store_lost(error, unknown=True)

    async def _insist(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        while True:
            try:
                answer = await ask()
            except StoreUnavailable:
                await self._backoff.wait()
            else:
                self._backoff.reset()
                return answer
