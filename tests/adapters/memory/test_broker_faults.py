"""What befalls the broker in memory, and what it does as RabbitMQ was seen to do."""

from __future__ import annotations

import pytest

from adapters.memory.broker import MemoryAdministration, MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming, MemorySubscription
from adapters.ports.broker import BrokerUnavailable, Exchange, Outgoing, Published, Queue, Topology
from tests.contracts.broker_stands import Taken, until


async def broker_with_queue(*, single: bool = True) -> MemoryBroker:
    broker = MemoryBroker()
    queue = Queue("q", "x", ("#",), {"x-single-active-consumer": single})
    await MemoryAdministration(broker).apply(Topology((Exchange("x", "topic", {}),), (queue,)))
    return broker


async def publish(broker: MemoryBroker, count: int) -> None:
    batch = [Outgoing("x", "k", str(n).encode(), "application/json", {}, f"m{n}") for n in range(count)]
    assert set(await MemoryPublishing(broker).publish(batch)) == {Published.CONFIRMED}


async def consume(broker: MemoryBroker, taken: Taken, prefetch: int) -> MemorySubscription:
    consuming = MemoryConsuming(broker, on_error=lambda queue, error: pytest.fail(f"{queue}: {error}"))
    return await consuming.subscribe(["q"], prefetch=prefetch, on_delivery=taken)


async def test_a_lowered_prefetch_breaks_the_order_of_what_comes_back_as_on_a_quorum_queue() -> None:
    """4→2→4 delivered 3,4,1,2 on RabbitMQ 3.10.8."""
    broker = await broker_with_queue()
    await publish(broker, 6)
    for prefetch, expected in ((4, [0, 1, 2, 3]), (2, [0, 1]), (4, [2, 3, 0, 1])):
        subscription = await consume(broker, taken := Taken(), prefetch)
        await until(lambda expected=expected, taken=taken: taken.bodies == expected)  # type: ignore[misc]
        await subscription.close()


async def test_without_single_active_consumer_consumers_take_turns() -> None:
    broker = await broker_with_queue(single=False)
    await consume(broker, first := Taken(), 10)
    await consume(broker, second := Taken(), 10)
    await publish(broker, 6)
    await until(lambda: len(first.bodies) + len(second.bodies) == 6)
    assert sorted((first.bodies, second.bodies)) == [[0, 2, 4], [1, 3, 5]]


async def test_an_ack_on_its_way_is_lost_with_the_connection() -> None:
    broker = await broker_with_queue()
    await publish(broker, 2)
    await consume(broker, taken := Taken(), 10)
    await until(lambda: taken.bodies == [0, 1])
    taken.ack(0)
    broker.cut()
    await until(lambda: taken.bodies == [0, 1, 0, 1])


async def test_a_confirm_on_its_way_is_lost_with_the_connection_though_the_message_arrived() -> None:
    broker = await broker_with_queue()

    class CuttingTaken(Taken):
        def __call__(self, delivery: object) -> None:
            broker.cut()

    await consume(broker, CuttingTaken(), 10)
    batch = [Outgoing("x", "k", b"0", "application/json", {}, "m0")]
    assert await MemoryPublishing(broker).publish(batch) == [Published.REFUSED]


async def test_a_stopped_broker_refuses_everything_and_keeps_its_messages() -> None:
    broker = await broker_with_queue()
    await publish(broker, 1)
    subscription = await consume(broker, taken := Taken(), 10)
    await until(lambda: taken.bodies == [0])
    broker.stop()
    assert not subscription.is_active
    publishing = MemoryPublishing(broker)
    assert not publishing.is_connected
    with pytest.raises(BrokerUnavailable):
        await publishing.publish([])
    with pytest.raises(BrokerUnavailable):
        await MemoryAdministration(broker).depth("q")
    broker.start()
    await until(lambda: taken.bodies == [0, 0])
    assert subscription.is_active


async def test_a_silent_consumer_can_be_seen_and_reopened() -> None:
    broker = await broker_with_queue()
    subscription = await consume(broker, taken := Taken(), 10)
    registered = subscription.quiet_since("q")
    await publish(broker, 2)
    await until(lambda: taken.bodies == [0, 1])
    assert registered is not None
    assert (subscription.quiet_since("q") or 0) >= registered
    assert subscription.unacked("q") == 2
    subscription.reopen("q", "no delivery for a minute")
    assert (subscription.quiet_since("q"), subscription.unacked("q")) == (None, 0)
    await until(lambda: taken.bodies == [0, 1, 0, 1])
