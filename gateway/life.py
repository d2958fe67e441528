"""A life in doubt: a process that has begun, and has neither ended in order nor lived for long.

Whoever begins while another life is in doubt takes a first look at the lanes before all else: that life may have died
of what stands there. In doubt are, too, those that begin at the same time; a look for nothing costs milliseconds.
"""

from __future__ import annotations

import asyncio
from typing import Final
from uuid import UUID

from adapters.ports.looks import Looks
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.first_look import FirstLook
from gateway.starting import Patience

PROVEN_SECONDS: Final = 60.0
"""A process that has lived for so long does not die of what it found in lanes at its start."""
PARTING_SECONDS: Final = 2.0
"""How long an end in the midst of the look may take to leave no trace."""
STORE: Final = "postgresql"


class Life:
    """The life of this process, which `id` names."""

    def __init__(self, id: UUID, looks: Looks, first_look: FirstLook, backoff: Backoff) -> None:
        self._id = id
        self._looks = looks
        self._first_look = first_look
        self._patience = Patience(backoff)
        self._parting: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Take the first look, if there is need of one; waits for the store.

        To be cancelled is an end in order, and nobody's death: what the look had begun is forgotten.
        """
        try:
            await self._begin()
        except asyncio.CancelledError:
            self._parting = asyncio.create_task(self._part(), name="part")
            await asyncio.shield(self._parting)
            raise

    async def _begin(self) -> None:
        others = await self._patience.until_done(STORE, lambda: self._looks.begin(self._id))
        if others:
            telemetry.first_look(len(others))
            if await self._first_look.take():
                await self._patience.until_done(STORE, lambda: self._looks.end(others))

    async def _part(self) -> None:
        try:
            async with asyncio.timeout(PARTING_SECONDS):
                await self._first_look.give_up()
                await self._looks.end([self._id])
        except StoreUnavailable as error:
            telemetry.first_look_left(str(error))
        except TimeoutError:
            telemetry.first_look_left(f"no answer within {PARTING_SECONDS:g} s")

    async def run(self) -> None:
        """End the doubt once it has lived for long enough; runs for ever."""
        await asyncio.sleep(PROVEN_SECONDS)
        await self._patience.until_done(STORE, lambda: self._looks.end([self._id]))
        await asyncio.Event().wait()

    async def end(self) -> None:
        """The process ends in order. Without the store it stays in doubt, which costs the next one a look."""
        try:
            await self._looks.end([self._id])
        except StoreUnavailable as error:
            telemetry.store_lost(error, unknown=True)
