"""Publishing in order and with confirms, on the broker in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from adapters.memory.broker import MemoryAdministration, MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming
from adapters.ports.broker import BrokerUnavailable, Delivery, Outgoing, Published
from gateway.app import the_topology
from gateway.demo.posting import Posting
from gateway.demo.telling.play import make_play
from gateway.demo.telling.sending import Sender, Sending

SENDINGS: list[Sending] = make_play(2, 0.1).sendings[:60]


@pytest.fixture
async def broker() -> MemoryBroker:
    broker = MemoryBroker()
    await MemoryAdministration(broker).apply(the_topology())
    return broker


async def received(broker: MemoryBroker, count: int) -> dict[str, list[tuple[str | None, bytes]]]:
    """What stands in the queues, `count` messages: user and body of each."""
    taken: dict[str, list[tuple[str | None, bytes]]] = {}

    is_all_there = asyncio.Event()

    def take(delivery: Delivery) -> None:
        taken.setdefault(delivery.queue, []).append((delivery.user_id, delivery.body))
        if sum(map(len, taken.values())) == count:
            is_all_there.set()

    def fail(queue: str, error: Exception) -> None:
        raise AssertionError(queue) from error

    queues = [queue.name for queue in the_topology().queues]
    subscription = await MemoryConsuming(broker, on_error=fail).subscribe(queues, prefetch=1000, on_delivery=take)
    async with asyncio.timeout(10):
        await is_all_there.wait()
    await subscription.close()
    return taken


async def test_each_sender_publishes_as_itself_and_in_order(broker: MemoryBroker) -> None:
    posting = Posting({sender: MemoryPublishing(broker, user=sender.value) for sender in Sender})
    await posting.publish(SENDINGS, 0.0)
    assert posting.confirmed == len(SENDINGS)
    arrived = await received(broker, len(SENDINGS))
    assert sorted(arrived) == ["tallystick.customer", "tallystick.employee", "tallystick.timesheet"]
    for queue, taken in arrived.items():
        due = [each for each in SENDINGS if f"tallystick.{each.routing_key.partition('.')[0]}" == queue]
        assert taken == [(each.sender.value, each.outgoing.body) for each in due]


class Moody(MemoryPublishing):
    """Is unavailable once, then refuses from the middle of a batch on, then obeys."""

    moods = 2

    async def publish(self, messages: Sequence[Outgoing]) -> list[Published]:
        self.moods -= 1
        if self.moods == 1:
            raise BrokerUnavailable("not now")
        if self.moods == 0:
            half = len(messages) // 2
            return await super().publish(messages[:half]) + [Published.REFUSED] * (len(messages) - half)
        return await super().publish(messages)


async def test_what_was_not_taken_is_published_again(broker: MemoryBroker) -> None:
    customers = [each for each in SENDINGS if each.sender is Sender.CRM]
    posting = Posting({Sender.CRM: Moody(broker, user="crm")})
    await posting.publish(customers, 0.0)
    assert posting.confirmed == len(customers)
    assert sum(len(taken) for taken in (await received(broker, len(customers))).values()) == len(customers)
