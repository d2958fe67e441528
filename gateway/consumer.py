"""The consumer: takes deliveries as they come, admits each at the door, and hands it to the bus or to the burial."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, assert_never

from adapters.ports.broker import Delivery
from gateway.activation import Entry
from gateway.burial import Burial
from gateway.bus import Bus
from gateway.door import Door
from gateway.failures import KILLS
from gateway.suspicion import Suspicion, Treatment, is_suspect
from schemas.verdicts import Failure

SLICE: Final = 64
"""Deliveries admitted before others get the loop, at most."""
SLICE_SECONDS: Final = 0.01
"""The same in time: a body made to be slow must not add up with its neighbours."""


class Consumer:
    """`observed` hears of each delivery what was admitted, or the failure of one that was turned away."""

    def __init__(
        self,
        door: Door,
        bus: Bus,
        burial: Burial,
        suspicion: Suspicion,
        observed: Callable[[Delivery, Entry | Failure], None],
    ) -> None:
        self._door = door
        self._bus = bus
        self._burial = burial
        self._suspicion = suspicion
        self._observed = observed
        self._arrived: deque[Delivery] = deque()
        self._has_arrived = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def on_delivery(self, delivery: Delivery) -> None:
        """Called by the broker in order of arrival; neither blocks nor raises."""
        self._arrived.append(delivery)
        self._is_idle.clear()
        self._has_arrived.set()

    async def quiet(self) -> None:
        """Wait until everything that arrived was handed on."""
        await self._is_idle.wait()

    async def run(self) -> None:
        """Admit for ever, in order of arrival, a slice at a time; suspects alone."""
        while True:
            if not self._arrived:
                await self._suspicion.relieve()
            if not self._arrived:
                self._is_idle.set()
                self._has_arrived.clear()
                await self._has_arrived.wait()
            suspect = self._admit_slice(asyncio.get_running_loop())
            if suspect is None:
                await asyncio.sleep(0)
            else:
                await self._suspicion.run_alone(suspect, self._treat, self._next_suspect)

    def _admit_slice(self, loop: asyncio.AbstractEventLoop) -> Delivery | None:
        """Admit what has arrived; a suspect ends the slice, and is left to the caller."""
        end = loop.time() + SLICE_SECONDS
        for _ in range(min(SLICE, len(self._arrived))):
            delivery = self._arrived.popleft()
            if not delivery.is_live:
                continue  # its channel is gone: it is delivered again
            if is_suspect(delivery):
                return delivery
            self._admit(delivery)
            if loop.time() > end:
                return None
        return None

    def _next_suspect(self) -> Delivery | None:
        """The next delivery if it is a suspect too."""
        return self._arrived.popleft() if self._arrived and is_suspect(self._arrived[0]) else None

    def _treat(self, suspect: Delivery, treatment: Treatment) -> None:
        match treatment:
            case Treatment.ALONE:
                self._admit(suspect)
            case Treatment.PARKED:
                self._admit(suspect, held=KILLS)
            case Treatment.BURIED:
                self._bury(suspect, KILLS)
            case _:
                assert_never(treatment)

    def _admit(self, delivery: Delivery, held: Failure | None = None) -> None:
        match self._door.try_admit(delivery):
            case Failure() as failure:
                self._bury(delivery, failure)
            case key, entry:
                entry.held = held
                self._observed(delivery, entry)
                self._bus.deliver(key, entry)

    def _bury(self, delivery: Delivery, failure: Failure) -> None:
        self._observed(delivery, failure)
        self._burial.bury(delivery, failure)
