"""One life of a queue's channel: what was delivered on it can be acked on it, and nowhere else."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiormq import spec
from aiormq.abc import AbstractChannel, DeliveredMessage

from adapters.ports.broker import BrokerUnavailable, Delivery
from adapters.rabbitmq.acks import Ack, AckWindow, TagGap
from adapters.rabbitmq.delivery import RabbitDelivery
from adapters.rabbitmq.seam import FAREWELL, PATIENCE, broker_call, close_quietly, reason_of
from adapters.rabbitmq.sieve import Arrival, Sieve
from adapters.rabbitmq.valve import Valve

LINGER: Final = 0.02
"""Seconds that an ack may wait for company: acks one by one cost the broker more than the messages do."""

CROWD: Final = 8
"""Acks wait no longer once a prefetch / CROWD of them is due, so that a small prefetch is not slowed down."""


@dataclass(frozen=True, slots=True)
class End:
    """Why a generation ended; with the error, where taking a delivery raised."""

    reason: str
    error: Exception | None = None


class Generation:
    """One channel with one consumer, from its registration until it is gone for whatever reason."""

    def __init__(
        self,
        channel: AbstractChannel,
        sieve: Sieve,
        queue: str,
        prefetch: int,
        take: Callable[[Delivery], None],
        valve: Valve,
    ) -> None:
        self._sieve = sieve
        self._valve = valve
        self.queue = queue
        self.is_registered = False
        self.quiet_since = 0.0
        """Loop time of the last delivery, or of the registration if none has come."""
        self.has_delivered = False
        self._loop = asyncio.get_running_loop()
        self._channel = channel
        self._prefetch = prefetch
        self._crowd = max(1, prefetch // CROWD)
        self._take = take
        self._end: End | None = None
        self._is_leaving = False
        self._window = AckWindow(prefetch)
        self._acks: deque[Ack] = deque()
        self._wake = asyncio.Event()
        self._linger: asyncio.TimerHandle | None = None
        self._held: deque[RabbitDelivery] | None = None
        """What arrived while paused, bounded by the prefetch; None while deliveries are handed over."""

    def __repr__(self) -> str:
        return f"Generation({self.queue!r}, is_live={self.is_live}, {self._window})"

    @property
    def is_live(self) -> bool:
        """Asked for each delivery, so what ends it is told here, by the channel and by the sieve."""
        return self._end is None

    @property
    def unacked(self) -> int:
        """How many deliveries of it count against the prefetch."""
        return self._window.unacked

    async def register(self) -> None:
        """Consume; deliveries may arrive before the broker's answer does. Raises `BrokerUnavailable`."""
        self._channel.closing.add_done_callback(self._on_close)
        self._channel.on_consumer_cancel_callbacks.add(self._on_cancel)
        self._sieve.enter(self._channel.number, self)
        async with broker_call(f"consume {self.queue}", PATIENCE):
            await self._channel.basic_qos(prefetch_count=self._prefetch)
            await self._channel.basic_consume(self.queue, self._on_detour)
        self.quiet_since = self._loop.time()
        self.is_registered = True

    async def live(self) -> End:
        """Send acks as they fall due, until the end. Raises `BrokerUnavailable`."""
        while self._end is None:
            await self._wake.wait()
            self._wake.clear()
            await self._flush()
        return self._end

    async def close(self) -> None:
        """Send the acks that are due if it still lives; then close the channel, which gives back what is not acked."""
        self._is_leaving = True
        if self.is_live:
            with suppress(BrokerUnavailable):
                await self._flush(everything=True)
        self.end("closed")
        self._sieve.leave(self._channel.number, self)
        await close_quietly(self._channel, within=FAREWELL)

    def end(self, reason: str, error: Exception | None = None) -> None:
        """Declare it dead, at once: nothing more is handed over or acked. The first reason stands."""
        if self._end is None:
            self._end = End(reason, error)
            if self._held is not None:
                self._held.clear()
            self._wake.set()

    def ack(self, tag: int) -> None:
        """Mark as done, to be sent soon and together with others. Does nothing after the end."""
        if self._end is not None:
            return
        self._window.done(tag)
        if self._window.ready >= self._crowd:
            self._wake.set()
        elif self._linger is None:
            self._linger = self._loop.call_later(LINGER, self._wake.set)

    def pause(self) -> None:
        """Keep what arrives from now on; the prefetch bounds it."""
        if self._held is None:
            self._held = deque()

    def resume(self) -> None:
        """Hand over what was kept, in order, and from now on whatever comes."""
        held, self._held = self._held, None
        for delivery in held or ():
            self._hand_over(delivery)

    async def _flush(self, *, everything: bool = False) -> None:
        """Write the acks that are due; waits for nothing but room in the connection's write queue."""
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        self._acks.extend(self._window.flush(everything=everything))
        async with broker_call(f"ack {self.queue}", PATIENCE):
            while self._acks and self._end is None:
                tag, multiple = self._acks[0]
                await self._channel.basic_ack(tag, multiple=multiple, wait=False)
                self._acks.popleft()

    def lost(self) -> None:
        """The connection is gone."""
        self.end("the connection was lost")

    def arrived(self, arrival: Arrival) -> None:
        """A delivery, in the broker's order."""
        if self._end is not None or self._is_leaving:
            return
        try:
            self._window.enter(arrival.tag)
        except TagGap as gap:
            self.end(str(gap), gap)
            return
        self.quiet_since = self._loop.time()
        self.has_delivered = True
        delivery = RabbitDelivery(arrival, self, self._valve)
        if self._held is None:
            self._hand_over(delivery)
        else:
            self._held.append(delivery)

    async def _on_detour(self, _: DeliveredMessage) -> None:
        """Called by aiormq for a delivery that the sieve did not take: after the end, else never."""
        self.end("a delivery passed the sieve")

    def _hand_over(self, delivery: RabbitDelivery) -> None:
        try:
            if self._end is None:
                self._take(delivery)
        except Exception as error:  # noqa: BLE001 - whatever it is: end the channel, so that nothing of it is acked
            self.end(f"taking a delivery raised {type(error).__name__}", error)

    def _on_cancel(self, _: spec.Basic.Cancel) -> None:
        """The broker cancelled the consumer, as it does when the queue is deleted; the channel itself stays open."""
        self.end("the broker cancelled the consumer")

    def _on_close(self, closing: asyncio.Future[None]) -> None:
        error = None if closing.cancelled() else closing.exception()
        self.end("the channel was closed" if error is None else reason_of(error))
