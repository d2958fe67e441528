"""The two brokers as the contract sees them: how to get at their ports, and how to make them fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import aiormq
from aiormq import spec

from adapters.memory.broker import MemoryAdministration, MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming
from adapters.memory.broker_keepsakes import MemoryKeepsakes
from adapters.ports.broker import Administration, Consuming, Delivery, Keepsakes, Publishing
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.consuming import RabbitConsuming
from adapters.rabbitmq.keepsakes import RabbitKeepsakes
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.reports import Change, Report
from tests.adapters.rabbitmq.wire import Wire

PATIENCE = 15.0
"""Seconds that a state may take to come about before the test fails."""


class Stand(Protocol):
    """A broker under test."""

    user: str
    administration: Administration
    failures: list[str]
    """Queues on which taking a delivery raised, as reported."""

    def consuming(self) -> Consuming:
        """On a new connection."""
        ...

    def publishing(self) -> Publishing:
        """On a new connection."""
        ...

    def keepsakes(self) -> Keepsakes:
        """On a new connection."""
        ...

    def cut(self) -> None:
        """Lose every connection that the ports have."""
        ...

    def block(self) -> None:
        """Raise an alarm."""
        ...

    def unblock(self) -> None: ...

    async def delete_queue(self, name: str) -> None: ...

    async def close(self) -> None: ...


class MemoryStand:
    def __init__(self) -> None:
        self.user = "guest"
        self.failures: list[str] = []
        self._broker = MemoryBroker()
        self.administration = MemoryAdministration(self._broker)
        self._open: list[Consuming] = []

    def consuming(self) -> Consuming:
        consuming = MemoryConsuming(self._broker, on_error=lambda queue, _: self.failures.append(queue))
        self._open.append(consuming)
        return consuming

    def publishing(self) -> Publishing:
        return MemoryPublishing(self._broker, user=self.user, patience=0.5)

    def keepsakes(self) -> Keepsakes:
        return MemoryKeepsakes(self._broker)

    def cut(self) -> None:
        self._broker.cut()

    def block(self) -> None:
        self._broker.block()

    def unblock(self) -> None:
        self._broker.unblock()

    async def delete_queue(self, name: str) -> None:
        self._broker.delete_queue(name)

    async def close(self) -> None:
        for consuming in self._open:
            await consuming.close()


class RabbitStand:
    def __init__(self, broker_url: str, wire: Wire) -> None:
        self.user = "guest"
        self.failures: list[str] = []
        self.reports: list[Report] = []
        self.wire = wire
        self.administration = RabbitAdministration(broker_url)
        self._broker_url = broker_url
        self._open: list[Consuming | Publishing | Keepsakes] = []

    def consuming(self) -> RabbitConsuming:
        consuming = RabbitConsuming(self.wire.url, report=self._note, delay=lambda _: 0.05)
        self._open.append(consuming)
        return consuming

    def publishing(self) -> RabbitPublishing:
        publishing = RabbitPublishing(self.wire.url, report=self._note, delay=lambda _: 0.05, patience=0.5)
        self._open.append(publishing)
        return publishing

    def keepsakes(self) -> RabbitKeepsakes:
        keepsakes = RabbitKeepsakes(self.wire.url)
        self._open.append(keepsakes)
        return keepsakes

    def cut(self) -> None:
        self.wire.cut()

    def block(self) -> None:
        self.wire.say(spec.Connection.Blocked("low on memory"))

    def unblock(self) -> None:
        self.wire.say(spec.Connection.Unblocked())

    async def delete_queue(self, name: str) -> None:
        async with aiormq.connect(self._broker_url) as connection:
            channel = await connection.channel()
            await channel.queue_delete(name)

    async def close(self) -> None:
        for port in self._open:
            await port.close()
        await self.administration.close()

    def _note(self, report: Report) -> None:
        self.reports.append(report)
        if report.change is Change.DELIVERY_FAILED:
            self.failures.append(report.subject)


class Taken:
    """What was handed over, in order; done only when the test says so."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []

    def __call__(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    @property
    def bodies(self) -> list[int]:
        return [int(delivery.body) for delivery in self.deliveries]

    def of(self, queue: str) -> list[int]:
        return [int(delivery.body) for delivery in self.deliveries if delivery.queue == queue]

    def ack(self, *bodies: int) -> None:
        """Ack every copy of these messages."""
        for delivery in self.deliveries:
            if int(delivery.body) in bodies:
                delivery.ack()

    def forget(self) -> list[Delivery]:
        old, self.deliveries = self.deliveries, []
        return old


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait for a state; fails after `PATIENCE`."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = holds()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            await asyncio.sleep(0.005)
