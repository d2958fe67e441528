"""Consuming through everything that befalls a connection: closed by the broker, by the network, or not there at all."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
from aiormq import spec

from adapters.ports.broker import Delivery, Exchange, Outgoing, Queue, Topology
from adapters.rabbitmq.consuming import RabbitConsuming, RabbitSubscription
from adapters.rabbitmq.reports import Change, Report
from adapters.rabbitmq.topology import DEAD, EVENTS, consumed, topology
from tests.adapters.rabbitmq.wire import Wire, wire_to
from tests.contracts.broker_stands import RabbitStand, Taken, until

PROJECTS = "tallystick.project"


@pytest.fixture
async def stand(amqp_url: str) -> AsyncIterator[RabbitStand]:
    async with wire_to(amqp_url) as wire:
        stand = RabbitStand(amqp_url, wire)
        await stand.administration.apply(topology(["project"]))
        yield stand
        await stand.close()


async def publish(stand: RabbitStand, count: int) -> None:
    publishing = stand.publishing()
    await publishing.publish(
        [Outgoing(EVENTS, "project.activated", str(n).encode(), "application/json", {}, f"m{n}") for n in range(count)]
    )
    await publishing.close()


async def consume(stand: RabbitStand, taken: Taken, prefetch: int = 20) -> RabbitSubscription:
    subscription = await stand.consuming().subscribe([PROJECTS], prefetch=prefetch, on_delivery=taken)
    await until(lambda: subscription.is_active)
    return subscription


async def test_a_connection_closed_by_the_broker_comes_back(stand: RabbitStand) -> None:
    await publish(stand, 3)
    subscription = await consume(stand, taken := Taken())
    await until(lambda: taken.bodies == [0, 1, 2])
    stand.wire.say(spec.Connection.Close(320, "CONNECTION_FORCED - Closed via management plugin", 0, 0))
    await until(lambda: taken.bodies == [0, 1, 2, 0, 1, 2])
    await until(lambda: subscription.is_active)
    assert "CONNECTION_FORCED" in next(
        report.reason for report in stand.reports if report.change is Change.DISCONNECTED
    )


async def test_a_channel_closed_by_the_broker_comes_back(stand: RabbitStand) -> None:
    await publish(stand, 3)
    subscription = await consume(stand, taken := Taken())
    await until(lambda: taken.bodies == [0, 1, 2])
    stand.wire.say(spec.Channel.Close(406, "PRECONDITION_FAILED - delivery acknowledgement timed out", 0, 0), channel=1)
    await until(lambda: not taken.deliveries[0].is_live)
    await until(lambda: subscription.is_active)
    assert "timed out" in next(report.reason for report in stand.reports if report.change is Change.CONSUMER_LOST)


async def test_a_broker_that_is_not_there_yet_is_waited_for(amqp_url: str) -> None:
    wire, reports, taken = Wire(amqp_url), list[Report](), Taken()
    await wire.open()
    await wire.shut()
    consuming = RabbitConsuming(wire.url, report=reports.append, delay=lambda _: 0.05)
    subscription = await consuming.subscribe([PROJECTS], prefetch=1, on_delivery=taken)
    await until(lambda: [report.change for report in reports] == [Change.UNREACHABLE] * 3)
    assert not subscription.is_active
    await wire.open()
    await until(lambda: consuming.is_connected)
    await consuming.close()
    await wire.shut()


async def test_a_wrong_password_is_said_plainly_and_not_shown(amqp_url: str) -> None:
    reports: list[Report] = []
    consuming = RabbitConsuming(amqp_url.replace("guest:guest", "guest:c4nary"), report=reports.append)
    await consuming.subscribe([PROJECTS], prefetch=1, on_delivery=Taken())
    await until(lambda: len(reports) > 0)
    assert "refused user or password" in reports[0].reason
    assert "c4nary" not in repr(reports) + repr(consuming)
    await consuming.close()


async def test_a_silent_consumer_can_be_seen_and_reopened(stand: RabbitStand) -> None:
    subscription = await consume(stand, taken := Taken())
    registered = subscription.quiet_since(PROJECTS)
    await publish(stand, 2)
    await until(lambda: taken.bodies == [0, 1])
    assert registered is not None
    assert (subscription.quiet_since(PROJECTS) or 0) > registered
    assert subscription.unacked(PROJECTS) == 2
    subscription.reopen(PROJECTS, "no delivery for a minute though messages are ready")
    assert subscription.quiet_since(PROJECTS) is None
    assert subscription.unacked(PROJECTS) == 0
    await until(lambda: taken.bodies == [0, 1, 0, 1])
    await until(lambda: subscription.is_active)


async def test_closing_does_not_wait_for_a_broker_that_is_gone(stand: RabbitStand) -> None:
    await publish(stand, 2)
    consuming = stand.consuming()
    await consuming.subscribe([PROJECTS], prefetch=2, on_delivery=(taken := Taken()))
    await until(lambda: taken.bodies == [0, 1])
    await stand.wire.shut()
    taken.ack(0, 1)
    await consuming.close()
    assert not any(delivery.is_live for delivery in taken.deliveries)
    await stand.wire.open()


async def test_with_acks_in_any_order_and_losses_at_random_every_message_is_done_and_no_ack_is_refused(
    stand: RabbitStand,
) -> None:
    await publish(stand, 300)
    rng, done, open_deliveries = random.Random(7), set[int](), list[Delivery]()

    def take(delivery: Delivery) -> None:
        """As the gateway does: what is done already is acked at once."""
        if int(delivery.body) in done:
            delivery.ack()
        else:
            open_deliveries.append(delivery)

    consuming = stand.consuming()
    await consuming.subscribe([PROJECTS], prefetch=20, on_delivery=take)
    while len(done) < 300:
        await until(lambda: any(delivery.is_live for delivery in open_deliveries))
        open_deliveries[:] = [delivery for delivery in open_deliveries if delivery.is_live]
        chosen = open_deliveries.pop(rng.randrange(len(open_deliveries)))
        chosen.ack()
        done.add(int(chosen.body))
        if len(done) % 60 == 0:
            stand.cut()
    assert done == set(range(300))
    await consuming.close()
    assert not any("delivery tag" in report.reason for report in stand.reports)


async def test_beyond_the_delivery_limit_a_message_is_kept_with_the_dead(stand: RabbitStand) -> None:
    usual = consumed("limited", "limited", "")
    limited = Queue("limited", "limited", ("",), {**usual.arguments, "x-delivery-limit": 1})
    await stand.administration.apply(Topology((Exchange("limited", "fanout", {}),), (limited,)))
    await stand.publishing().publish([Outgoing("limited", "", b"1", "application/json", {}, "m")])
    subscription = await stand.consuming().subscribe(["limited"], prefetch=1, on_delivery=(taken := Taken()))
    for times in (1, 2):
        await until(lambda times=times: len(taken.bodies) == times)  # type: ignore[misc]
        subscription.reopen("limited", "not acked on purpose")

    async def is_dead() -> bool:
        return await stand.administration.depth(DEAD) == 1

    await until(is_dead)
