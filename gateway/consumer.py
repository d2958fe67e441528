"""The consumer: takes deliveries as they come, admits each at the door, and hands it to the bus or to the burial."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from adapters.ports.broker import Delivery
from gateway.burial import Burial
from gateway.bus import Bus
from gateway.door import Door
from schemas.envelope import Undecodable
from schemas.verdicts import Failure, FailureClass

SLICE: Final = 64
"""Deliveries admitted before others get the loop, at most."""
SLICE_SECONDS: Final = 0.01
"""The same in time: a body made to be slow must not add up with its neighbours."""


class Consumer:
    """`observed` hears the queue of each delivery, and the failure of one that was turned away."""

    def __init__(
        self, door: Door, bus: Bus, burial: Burial, observed: Callable[[Delivery, Failure | None], None]
    ) -> None:
        self._door = door
        self._bus = bus
        self._burial = burial
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
        """Admit for ever, in order of arrival, a slice at a time."""
        while True:
            if not self._arrived:
                self._is_idle.set()
                self._has_arrived.clear()
                await self._has_arrived.wait()
            self._admit_slice(asyncio.get_running_loop())
            await asyncio.sleep(0)

    def _admit_slice(self, loop: asyncio.AbstractEventLoop) -> None:
        end = loop.time() + SLICE_SECONDS
        for _ in range(min(SLICE, len(self._arrived))):
            self._admit(self._arrived.popleft())
            if loop.time() > end:
                return

    def _admit(self, delivery: Delivery) -> None:
        if not delivery.is_live:
            return  # its channel is gone: it is delivered again
        try:
            key, entry = self._door.admit(delivery)
        except Undecodable as error:
            failure = error.failure
        except Exception as error:  # noqa: BLE001  # our bug must neither stop the consumer nor lose the message
            reason = f"decoding raised {type(error).__name__}: report it"
            failure = Failure(FailureClass.INTERNAL, "door_failed", reason)
        else:
            self._observed(delivery, None)
            self._bus.deliver(key, entry)
            return
        self._observed(delivery, failure)
        self._burial.bury(delivery, failure)
