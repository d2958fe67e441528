"""A broker that is connected and silent, a consumer that it forgot, and a stall of our own that is neither."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from adapters.ports.broker import Outgoing
from adapters.rabbitmq.consuming import RabbitConsuming, RabbitSubscription
from adapters.rabbitmq.reports import Change, Report
from adapters.rabbitmq.topology import EVENTS, topology
from adapters.rabbitmq.watchdog import Care
from tests.adapters.rabbitmq.wire import wire_to
from tests.contracts.broker_stands import RabbitStand, Taken, until

PROJECTS = "tallystick.project"
ALERT = Care(every=0.1, patience=1.0, forgotten=1.0)
STALL = 5.0
"""Seconds for which our own loop stands still."""


@pytest.fixture
async def stand(amqp_url: str) -> AsyncIterator[RabbitStand]:
    async with wire_to(amqp_url) as wire:
        stand = RabbitStand(amqp_url, wire)
        await stand.administration.apply(topology(["project"]))
        yield stand
        await stand.close()


async def publish(stand: RabbitStand, *numbers: int) -> None:
    publishing = stand.publishing()
    await publishing.publish(
        [Outgoing(EVENTS, "project.activated", str(n).encode(), "application/json", {}, f"m{n}") for n in numbers]
    )
    await publishing.close()


def consuming(url: str, reports: list[Report]) -> RabbitConsuming:
    return RabbitConsuming(url, report=reports.append, delay=lambda _: 0.05, care=ALERT)


def changes(reports: list[Report], *wanted: Change) -> list[Change]:
    return [report.change for report in reports if report.change in wanted]


async def cancel_at_the_broker(subscription: RabbitSubscription) -> None:
    """Let the broker forget the consumer, and nobody else know."""
    generation = subscription._intakes[PROJECTS]._generation
    assert generation is not None
    [tag] = generation._channel.consumers  # type: ignore[attr-defined]  # aiormq's own, not in its interface
    await generation._channel.basic_cancel(tag)


async def test_a_silent_broker_makes_the_subscription_inactive_and_nothing_is_cut(stand: RabbitStand) -> None:
    await publish(stand, 1, 2)
    reports: list[Report] = []
    ours = consuming(stand.wire.url, reports)
    subscription = await ours.subscribe([PROJECTS], prefetch=10, on_delivery=(taken := Taken()))
    await until(lambda: subscription.is_active and taken.bodies == [1, 2])
    stand.wire.stall()
    await until(lambda: not subscription.is_active)
    assert changes(reports, Change.SILENT, Change.DISCONNECTED) == [Change.SILENT]
    stand.wire.resume()
    await until(lambda: subscription.is_active)
    assert changes(reports, Change.SILENT, Change.ANSWERING, Change.DISCONNECTED) == [Change.SILENT, Change.ANSWERING]
    assert all(delivery.is_live for delivery in taken.deliveries), "what was delivered can still be acked"
    await ours.close()


async def test_a_consumer_that_the_broker_forgot_is_registered_again(stand: RabbitStand) -> None:
    reports: list[Report] = []
    ours = consuming(stand.wire.url, reports)
    subscription = await ours.subscribe([PROJECTS], prefetch=10, on_delivery=(taken := Taken()))
    await until(lambda: subscription.is_active)
    await cancel_at_the_broker(subscription)
    assert subscription.is_active, "nobody has told the consumer"
    await publish(stand, 1)
    await until(lambda: taken.bodies == [1])
    assert [report.reason for report in reports if report.change is Change.CONSUMER_LOST] == [
        "no delivery for 1 s, though the broker knows no consumer"
    ]
    await ours.close()


async def test_a_stand_by_is_left_alone_however_long_messages_are_ready(stand: RabbitStand) -> None:
    reports: list[Report] = []
    active, stand_by = consuming(stand.wire.url, []), consuming(stand.wire.url, reports)
    first = await active.subscribe([PROJECTS], prefetch=1, on_delivery=(taken := Taken()))
    await until(lambda: first.is_active)
    second = await stand_by.subscribe([PROJECTS], prefetch=1, on_delivery=Taken())
    await until(lambda: second.is_active)
    await publish(stand, 1, 2, 3)
    await until(lambda: taken.bodies == [1])
    looks = second._watchdog
    asked: list[float] = []
    ask = looks._look

    def counted(queue: str, counts: object) -> None:
        asked.append(time.monotonic())
        ask(queue, counts)  # type: ignore[arg-type]  # passed on as it came

    looks._look = counted  # type: ignore[method-assign]  # to know how often it has looked
    await until(lambda: len(asked) > 3 * ALERT.forgotten / ALERT.every)
    assert changes(reports, Change.CONSUMER_LOST) == []
    assert second.is_active
    await active.close()
    await stand_by.close()


async def test_one_that_got_messages_and_gets_none_though_some_are_ready_is_registered_again(
    stand: RabbitStand,
) -> None:
    reports: list[Report] = []
    ours, others = consuming(stand.wire.url, reports), consuming(stand.wire.url, [])
    first = await ours.subscribe([PROJECTS], prefetch=5, on_delivery=(taken := Taken()))
    await until(lambda: first.is_active)
    second = await others.subscribe([PROJECTS], prefetch=1, on_delivery=(taken_by_others := Taken()))
    await until(lambda: second.is_active)
    await publish(stand, 1)
    await until(lambda: taken.bodies == [1])
    taken.ack(1)
    await until(lambda: first.unacked(PROJECTS) == 0)
    await cancel_at_the_broker(first)
    await publish(stand, 2, 3, 4)
    await until(lambda: taken_by_others.bodies == [2])
    await until(lambda: bool(changes(reports, Change.CONSUMER_LOST)))
    assert [report.reason for report in reports if report.change is Change.CONSUMER_LOST] == [
        "no delivery for 1 s, though 2 messages are ready"
    ]
    await ours.close()
    await others.close()


@pytest.mark.parametrize(("heartbeat", "losses"), [("", 0), ("?heartbeat=1", 1)], ids=["ours", "too short"])
async def test_a_loop_that_stood_still_for_five_seconds_goes_on(
    amqp_url: str, stand: RabbitStand, heartbeat: str, losses: int
) -> None:
    await publish(stand, 1, 2, 3)
    reports: list[Report] = []
    ours = consuming(amqp_url + heartbeat, reports)
    subscription = await ours.subscribe([PROJECTS], prefetch=2, on_delivery=(taken := Taken()))
    await until(lambda: taken.bodies == [1, 2])
    time.sleep(STALL)  # noqa: ASYNC251  # the stall itself
    await until(lambda: len(changes(reports, Change.DISCONNECTED)) == losses)
    if losses:
        await until(lambda: taken.bodies == [1, 2, 1, 2])
    await until(lambda: subscription.is_active)
    taken.ack(1, 2)
    await until(lambda: taken.bodies[-1] == 3)
    assert len(changes(reports, Change.DISCONNECTED)) == losses
    assert changes(reports, Change.SILENT) == [], "it was not the broker that was silent"
    await ours.close()
