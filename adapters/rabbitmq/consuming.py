"""Consuming from RabbitMQ: a connection of its own, and a channel for each queue."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from adapters.ports.broker import Delivery
from adapters.rabbitmq.address import parse_address
from adapters.rabbitmq.backoff import RECONNECT, Delay
from adapters.rabbitmq.intake import Intake
from adapters.rabbitmq.link import Link
from adapters.rabbitmq.reports import Reporter
from adapters.rabbitmq.valve import BYTES, Valve
from adapters.rabbitmq.watchdog import Care, Watchdog

MOST_PREFETCH: Final = 65_535
"""basic.qos carries a short."""
CARE: Final = Care()


class RabbitSubscription:
    """A `Subscription` over some queues."""

    def __init__(self, intakes: Mapping[str, Intake], watchdog: Watchdog) -> None:
        self._intakes = intakes
        self._watchdog = watchdog

    def __repr__(self) -> str:
        return f"RabbitSubscription({list(self._intakes.values())})"

    @property
    def is_active(self) -> bool:
        return self._watchdog.is_answering and all(intake.is_active for intake in self._intakes.values())

    async def pause(self) -> None:
        for intake in self._intakes.values():
            intake.pause()

    async def resume(self) -> None:
        for intake in self._intakes.values():
            intake.resume()

    def quiet_since(self, queue: str) -> float | None:
        """Loop time of the last delivery, or of the registration if none has come since; None without a consumer.

        With `unacked`, and with the queue's depth, this shows a consumer that the broker forgot.
        """
        return self._intakes[queue].quiet_since

    def unacked(self, queue: str) -> int:
        """Deliveries that hold the prefetch of `queue` right now."""
        return self._intakes[queue].unacked

    def reopen(self, queue: str, reason: str) -> None:
        """Give up the queue's channel, and open another after the first wait."""
        self._intakes[queue].reopen(reason)

    async def close(self) -> None:
        await asyncio.gather(self._watchdog.close(), *(intake.close() for intake in self._intakes.values()))


class RabbitConsuming:
    """`Consuming` on RabbitMQ. Comes back by itself after every loss; `report` hears of each."""

    def __init__(
        self,
        url: str,
        *,
        report: Reporter,
        delay: Delay = RECONNECT,
        name: str = "tallystick consuming",
        most_bytes: int = BYTES,
        care: Care = CARE,
    ) -> None:
        """Reads on below `most_bytes` of deliveries in memory. Raises `ValueError` if `url` is not one for AMQP."""
        self._care = care
        self._valve = Valve(most_bytes)
        self._link = Link(parse_address(url), name, delay=delay, report=report, valve=self._valve)
        self._delay = delay
        self._report = report
        self._subscriptions: list[RabbitSubscription] = []

    def __repr__(self) -> str:
        return f"RabbitConsuming({self._link}, {self._subscriptions})"

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    @property
    def held_bytes(self) -> int:
        return self._valve.held

    async def subscribe(
        self, queues: Sequence[str], *, prefetch: int, on_delivery: Callable[[Delivery], None]
    ) -> RabbitSubscription:
        """Begin to consume, and return at once: `is_active` tells when all queues have their consumer.

        If `on_delivery` raises, that is reported, and the queue's channel is closed with all of its deliveries unacked.
        """
        if not 0 < prefetch <= MOST_PREFETCH:
            raise ValueError(f"a prefetch of {prefetch} is not between 1 and {MOST_PREFETCH}; 0 would mean no bound")
        self._link.start()
        intakes = {
            queue: Intake(
                self._link,
                queue,
                prefetch=prefetch,
                on_delivery=on_delivery,
                delay=self._delay,
                report=self._report,
                valve=self._valve,
            )
            for queue in queues
        }
        watchdog = Watchdog(self._link, intakes, self._care, self._report, self._valve)
        subscription = RabbitSubscription(intakes, watchdog)
        self._subscriptions.append(subscription)
        return subscription

    async def close(self) -> None:
        """Close every subscription, then the connection."""
        await asyncio.gather(*(subscription.close() for subscription in self._subscriptions))
        await self._link.close()
