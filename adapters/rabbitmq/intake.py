"""The standing consumption of one queue: opens a channel, and another one whenever it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from adapters.ports.broker import BrokerUnavailable, Delivery
from adapters.rabbitmq.backoff import Delay, Retry
from adapters.rabbitmq.generation import End, Generation
from adapters.rabbitmq.link import Link
from adapters.rabbitmq.reports import Change, Report, Reporter
from adapters.rabbitmq.seam import PATIENCE, open_channel
from adapters.rabbitmq.valve import Valve


class Intake:
    """One queue. Owns the task that keeps a consumer registered, from construction until `close`."""

    def __init__(
        self,
        link: Link,
        queue: str,
        *,
        prefetch: int,
        on_delivery: Callable[[Delivery], None],
        delay: Delay,
        report: Reporter,
        valve: Valve,
    ) -> None:
        self._valve = valve
        self._link = link
        self._queue = queue
        self._prefetch = prefetch
        self._on_delivery = on_delivery
        self._delay = delay
        self._report = report
        self._is_paused = False
        self._is_closed = False
        self._generation: Generation | None = None
        self._task = asyncio.create_task(self._keep_consuming(), name=f"intake {queue}")

    def __repr__(self) -> str:
        return f"Intake({self._queue!r}, is_paused={self._is_paused}, {self._generation})"

    @property
    def is_active(self) -> bool:
        return self._generation is not None and self._generation.is_registered and self._generation.is_live

    @property
    def quiet_since(self) -> float | None:
        """Loop time of the last delivery, or of the registration if none has come since; None without a consumer."""
        return self._generation.quiet_since if self._generation is not None and self.is_active else None

    @property
    def has_delivered(self) -> bool:
        """Whether the present consumer has had a delivery, and so is the queue's active one."""
        return self._generation is not None and self._generation.has_delivered

    @property
    def unacked(self) -> int:
        """Deliveries that hold the prefetch right now."""
        return self._generation.unacked if self._generation is not None and self.is_active else 0

    def pause(self) -> None:
        self._is_paused = True
        if self._generation is not None:
            self._generation.pause()

    def resume(self) -> None:
        self._is_paused = False
        if self._generation is not None:
            self._generation.resume()

    def reopen(self, reason: str) -> None:
        """Give the channel up and open another one."""
        if self._generation is not None:
            self._generation.end(reason)

    async def close(self) -> None:
        """Send the acks that are due, and close the channel."""
        self._is_closed = True
        self._task.cancel()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()

    async def _keep_consuming(self) -> None:
        """Live one generation after the other; `close` ends it by cancelling."""
        loop, retry = asyncio.get_running_loop(), Retry(self._delay)
        while not self._is_closed:
            began = loop.time()
            try:
                end = await self._consume()
            except BrokerUnavailable as error:
                end = End(str(error))
            change = Change.CONSUMER_LOST if end.error is None else Change.DELIVERY_FAILED
            self._report(Report(change, self._queue, end.reason, end.error))
            await asyncio.sleep(retry.after(loop.time() - began))

    async def _consume(self) -> End:
        """One generation, from its channel to its end."""
        connection = await self._link.connection()
        sieve = self._link.sieve
        channel = await open_channel(connection, within=PATIENCE)
        generation = Generation(channel, sieve, self._queue, self._prefetch, self._on_delivery, self._valve)
        if self._is_paused:
            generation.pause()
        self._generation = generation
        try:
            await generation.register()
            self._report(Report(Change.CONSUMING, self._queue, "registered"))
            return await generation.live()
        finally:
            await generation.close()
