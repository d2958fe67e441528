"""The consuming side of the broker in this process: comes back by itself, as the real one does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from typing import Final

from adapters.memory.broker import MemoryBroker
from adapters.memory.broker_queue import MemoryChannel
from adapters.ports.broker import Delivery

REOPEN_AFTER: Final = 0.1
"""Seconds of the loop's time from a loss to the next attempt."""

OnError = Callable[[str, Exception], None]
"""Told the queue, and what taking a delivery raised: a bug of ours."""


class MemoryIntake:
    """The standing consumption of one queue; what the broker brings about are steps of whoever began it."""

    def __init__(
        self,
        broker: MemoryBroker,
        queue: str,
        *,
        prefetch: int,
        on_delivery: Callable[[Delivery], None],
        on_error: OnError,
    ) -> None:
        self.queue = queue
        self._broker = broker
        self._prefetch = prefetch
        self._on_delivery = on_delivery
        self._on_error = on_error
        self._context = copy_context()
        self._is_paused = False
        self._channel: MemoryChannel | None = None
        self._reopening: asyncio.TimerHandle | None = None
        broker.standing.append(self)
        self.attach()

    def __repr__(self) -> str:
        return f"MemoryIntake({self.queue!r}, is_paused={self._is_paused}, {self._channel})"

    @property
    def is_active(self) -> bool:
        return self._channel is not None

    @property
    def quiet_since(self) -> float | None:
        return None if self._channel is None else self._channel.quiet_since

    @property
    def unacked(self) -> int:
        return 0 if self._channel is None else self._channel.unacked

    @property
    def held_bytes(self) -> int:
        return 0 if self._channel is None else self._channel.held_bytes

    def attach(self) -> None:
        """Open a channel, unless there is one, or nothing to consume; the broker calls again when there is."""
        queue = self._broker.queues.get(self.queue)
        if self._channel is not None or self._reopening is not None or queue is None or not self._broker.is_up:
            return
        self._channel = MemoryChannel(queue, self._prefetch, self._take, self._context)
        if self._is_paused:
            self._channel.pause()
        queue.attach(self._channel)

    def lose(self) -> None:
        """Drop the channel, and open another after a while."""
        if self._channel is not None:
            self._drop()
            loop = asyncio.get_running_loop()
            self._reopening = loop.call_later(REOPEN_AFTER, self._reopen, context=self._context)

    def close(self) -> None:
        self._broker.standing.remove(self)
        if self._reopening is not None:
            self._reopening.cancel()
        if self._channel is not None:
            self._channel.flush()
            self._drop()

    def pause(self) -> None:
        self._is_paused = True
        if self._channel is not None:
            self._channel.pause()

    def resume(self) -> None:
        self._is_paused = False
        if self._channel is not None:
            self._channel.resume()

    def _take(self, delivery: Delivery) -> None:
        try:
            self._on_delivery(delivery)
        except Exception as error:  # noqa: BLE001 - whatever it is: drop the channel, so that nothing of it is acked
            self._on_error(self.queue, error)
            self.lose()

    def _reopen(self) -> None:
        self._reopening = None
        self.attach()

    def _drop(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.queue.detach(channel)


class MemorySubscription:
    """A `Subscription` over some queues."""

    def __init__(self, intakes: Mapping[str, MemoryIntake]) -> None:
        self._intakes = intakes
        self._is_closed = False

    def __repr__(self) -> str:
        return f"MemorySubscription({list(self._intakes.values())})"

    @property
    def is_active(self) -> bool:
        return all(intake.is_active for intake in self._intakes.values())

    async def pause(self) -> None:
        for intake in self._intakes.values():
            intake.pause()

    async def resume(self) -> None:
        for intake in self._intakes.values():
            intake.resume()

    def quiet_since(self, queue: str) -> float | None:
        """Loop time of the last delivery, or of the registration if none has come since; None without a consumer."""
        return self._intakes[queue].quiet_since

    def unacked(self, queue: str) -> int:
        """Deliveries that hold the prefetch of `queue` right now."""
        return self._intakes[queue].unacked

    @property
    def held_bytes(self) -> int:
        """Bytes of the deliveries that are not acked."""
        return sum(intake.held_bytes for intake in self._intakes.values())

    def reopen(self, queue: str, reason: str) -> None:
        """Give up the queue's channel, and open another after a while."""
        self._intakes[queue].lose()

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            for intake in self._intakes.values():
                intake.close()


class MemoryConsuming:
    """`Consuming` from a broker in this process."""

    def __init__(self, broker: MemoryBroker, *, on_error: OnError) -> None:
        self._broker = broker
        self._on_error = on_error
        self._subscriptions: list[MemorySubscription] = []

    @property
    def is_connected(self) -> bool:
        return self._broker.is_up

    @property
    def held_bytes(self) -> int:
        """Unbounded, unlike RabbitMQ's: the messages are in this process in any case."""
        return sum(subscription.held_bytes for subscription in self._subscriptions)

    async def subscribe(
        self, queues: Sequence[str], *, prefetch: int, on_delivery: Callable[[Delivery], None]
    ) -> MemorySubscription:
        """Begin to consume; if `on_delivery` raises, the queue's channel is dropped with its deliveries unacked."""
        if prefetch <= 0:
            raise ValueError(f"a prefetch of {prefetch} would mean no bound")
        subscription = MemorySubscription(
            {
                queue: MemoryIntake(
                    self._broker, queue, prefetch=prefetch, on_delivery=on_delivery, on_error=self._on_error
                )
                for queue in queues
            }
        )
        self._subscriptions.append(subscription)
        return subscription

    async def close(self) -> None:
        for subscription in self._subscriptions:
            await subscription.close()
