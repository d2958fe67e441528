"""The broker of a simulation, and processes that stand still: nothing reaches them, and nothing overtakes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from adapters.memory.broker import MemoryAdministration, MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming, MemorySubscription
from adapters.ports.broker import Delivery, Exchange, Outgoing, Published, Queue, Topology
from tests.sim.owner import Owner, SimLoop, context_of

T = TypeVar("T")
A_WHILE = 1.0
"""Seconds of virtual time in which a lost consumer is long back."""


@dataclass(eq=False)
class Consumer:
    """A process that consumes the queue, and what has reached it."""

    broker: MemoryBroker
    owner: Owner = field(default_factory=Owner)
    taken: list[Delivery] = field(default_factory=list)

    async def subscribe(self) -> MemorySubscription:
        """Begin to consume, as a step of its own."""
        consuming = MemoryConsuming(self.broker, on_error=lambda queue, error: pytest.fail(f"{queue}: {error}"))
        return await self.step(consuming.subscribe(["q"], prefetch=10, on_delivery=self.taken.append))

    async def step(self, does: Coroutine[Any, Any, T]) -> T:
        """Let the process do something."""
        return await asyncio.get_running_loop().create_task(does, context=context_of(self.owner))

    @property
    def bodies(self) -> list[int]:
        return [int(delivery.body) for delivery in self.taken]


async def broker_with_queue() -> MemoryBroker:
    broker = MemoryBroker()
    queue = Queue("q", "x", ("#",), {"x-single-active-consumer": True})
    await MemoryAdministration(broker).apply(Topology((Exchange("x", "topic", {}),), (queue,)))
    return broker


async def publish(broker: MemoryBroker, *bodies: int) -> None:
    batch = [Outgoing("x", "k", str(n).encode(), "application/json", {}, f"m{n}") for n in bodies]
    assert set(await MemoryPublishing(broker).publish(batch)) == {Published.CONFIRMED}


def run(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=SimLoop) as runner:
        runner.run(story)


def test_what_one_gives_back_and_stands_still_reaches_the_next_before_anything_later() -> None:
    async def story() -> None:
        broker = await broker_with_queue()
        first, second = Consumer(broker), Consumer(broker)
        leaving = await first.subscribe()
        await second.subscribe()
        await publish(broker, 0, 1)
        await asyncio.sleep(A_WHILE)
        assert (first.bodies, second.bodies) == ([0, 1], [])
        # When the first gives back what it has not acked, and stands still at once
        first.owner.at_step(2, lambda: setattr(first.owner, "is_still", True))
        await first.step(leaving.close())
        await publish(broker, 2)
        await asyncio.sleep(A_WHILE)
        # Then its stand-by has all of it, in order
        assert second.bodies == [0, 1, 2]

    run(story())


def test_nothing_reaches_one_that_stands_still_until_it_goes_on() -> None:
    async def story() -> None:
        broker = await broker_with_queue()
        consumer = Consumer(broker)
        await consumer.subscribe()
        consumer.owner.is_still = True
        await publish(broker, 0, 1)
        await asyncio.sleep(A_WHILE)
        assert consumer.bodies == []
        consumer.owner.go_on(asyncio.get_running_loop())
        await publish(broker, 2)
        await asyncio.sleep(A_WHILE)
        assert consumer.bodies == [0, 1, 2]

    run(story())


def test_one_that_stands_still_when_its_channel_is_lost_consumes_again_only_once_it_goes_on() -> None:
    async def story() -> None:
        broker = await broker_with_queue()
        still, other = Consumer(broker), Consumer(broker)
        subscription = await still.subscribe()
        await publish(broker, 0)
        await asyncio.sleep(A_WHILE)
        still.owner.is_still = True
        broker.cut()
        await asyncio.sleep(A_WHILE)
        assert not subscription.is_active
        await other.subscribe()
        await publish(broker, 1)
        await asyncio.sleep(A_WHILE)
        assert (still.bodies, other.bodies) == ([0], [0, 1])
        still.owner.go_on(asyncio.get_running_loop())
        await asyncio.sleep(A_WHILE)
        assert subscription.is_active

    run(story())
