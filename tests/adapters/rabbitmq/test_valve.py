"""The valve: bytes in memory stay bounded whatever the bodies; nothing is lost by it, and a loss doubles nothing."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.consuming import RabbitConsuming
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.reports import Change, Report
from adapters.rabbitmq.topology import EVENTS, topology
from adapters.rabbitmq.valve import Valve
from tests.adapters.rabbitmq.wire import Wire, wire_to
from tests.contracts.broker_stands import RabbitStand, Taken, until

PROJECTS = "tallystick.project"
BODY = 500_000
MESSAGES = 60
LIMIT = 4_000_000
SLACK = 2_500_000
"""A message of each queue that was begun, frames that aiormq keeps of a channel (10 of 128 KiB), and a read buffer."""


def test_a_valve_shuts_at_its_limit_and_opens_at_half_of_it() -> None:
    valve, seen = Valve(10), []
    for change in (9, 1, -4, -1):
        (valve.take if change > 0 else valve.give)(abs(change))
        seen.append(valve.is_open)
    assert seen == [True, False, False, True]


@pytest.fixture
async def wire(amqp_url: str) -> AsyncIterator[Wire]:
    async with wire_to(amqp_url) as wire:
        stand = RabbitStand(amqp_url, wire)
        await stand.administration.apply(topology(["project"]))
        yield wire
        await stand.close()


async def publish(url: str, first: int, count: int) -> None:
    """Numbered bodies of half a megabyte each."""
    publishing = RabbitPublishing(url, report=lambda _: None)
    for number in range(first, first + count):
        body = str(number).encode().ljust(BODY)
        answers = await publishing.publish([Outgoing(EVENTS, "project.activated", body, "x/y", {}, f"m{number}")])
        assert answers == [Published.CONFIRMED]
    await publishing.close()


async def at_rest(consuming: RabbitConsuming, taken: Taken, most: int = MESSAGES, limit: int = LIMIT) -> None:
    """Wait until the valve is shut, or `most` are there, and until nothing more arrives."""
    await until(lambda: consuming.held_bytes >= limit or len(taken.deliveries) == most)
    before = -1
    while before != len(taken.deliveries):
        before = len(taken.deliveries)
        await asyncio.sleep(0.3)


async def test_bytes_in_memory_stay_below_the_limit_and_all_messages_come_in_order(wire: Wire, amqp_url: str) -> None:
    await publish(amqp_url, 0, MESSAGES)
    reports: list[Report] = []
    consuming = RabbitConsuming(wire.url, report=reports.append, most_bytes=LIMIT)
    await consuming.subscribe([PROJECTS], prefetch=1000, on_delivery=(taken := Taken()))
    seen: list[int] = []
    held: list[int] = []
    while len(seen) < MESSAGES:
        await at_rest(consuming, taken, MESSAGES - len(seen))
        held.append(consuming.held_bytes)
        for delivery in taken.deliveries:
            delivery.ack()
        seen.extend(taken.bodies)
        taken.forget()
    assert seen == list(range(MESSAGES))
    assert LIMIT <= max(held) <= LIMIT + SLACK
    assert len(held) > 3, "it was shut several times"
    await until(lambda: consuming.held_bytes == 0)
    assert {report.change for report in reports} == {Change.CONNECTED, Change.CONSUMING}, "no connection was lost"
    await consuming.close()


@pytest.mark.parametrize(
    "headers",
    [
        {f"h{n}": "x" * 1000 for n in range(100)},
        {"long": "x" * 100_000},
        {"deep": {"er": [{"list": ["x" * 1000] * 100}]}},
        {f"{n:x}": True for n in range(12_000)},
    ],
    ids=["large", "long", "nested", "many"],
)
async def test_headers_count_as_bodies_do(wire: Wire, amqp_url: str, headers: dict[str, Any]) -> None:
    publishing = RabbitPublishing(amqp_url, report=lambda _: None)
    batch = [Outgoing(EVENTS, "project.activated", b"%d" % n, "x/y", headers, f"m{n}") for n in range(MESSAGES)]
    assert set(await publishing.publish(batch)) == {Published.CONFIRMED}
    await publishing.close()
    consuming = RabbitConsuming(wire.url, report=lambda _: None, most_bytes=LIMIT // 4)
    await consuming.subscribe([PROJECTS], prefetch=1000, on_delivery=(taken := Taken()))
    await at_rest(consuming, taken, limit=LIMIT // 4)
    # then: it has stopped early, and goes on as they are done
    assert consuming.held_bytes >= LIMIT // 4
    assert len(taken.deliveries) < MESSAGES // 2
    seen: list[int] = []
    while len(seen) < MESSAGES:
        await until(lambda: bool(taken.deliveries))
        seen.extend(taken.bodies)
        for delivery in taken.forget():
            delivery.ack()
    assert seen == list(range(MESSAGES))
    await until(lambda: consuming.held_bytes == 0)
    await consuming.close()


async def test_what_a_lost_connection_leaves_in_memory_counts_until_it_is_dropped(wire: Wire, amqp_url: str) -> None:
    await publish(amqp_url, 0, 30)
    consuming = RabbitConsuming(wire.url, report=lambda _: None, delay=lambda _: 0.05, most_bytes=LIMIT)
    subscription = await consuming.subscribe([PROJECTS], prefetch=1000, on_delivery=(taken := Taken()))
    await at_rest(consuming, taken)
    held, count = consuming.held_bytes, len(taken.deliveries)
    # when: the connection is lost while everything is still in memory
    wire.cut()
    await until(lambda: not taken.deliveries[0].is_live)
    await asyncio.sleep(0.5)
    # then: it does not fill the memory a second time
    assert (consuming.held_bytes, len(taken.deliveries)) == (held, count)
    assert not subscription.is_active
    # when: somebody lets go of it
    taken.forget().clear()
    gc.collect()
    await until(lambda: subscription.is_active)
    await until(lambda: bool(taken.bodies))
    assert taken.bodies[0] == 0
    taken.forget().clear()
    await consuming.close()


async def test_closing_does_not_wait_for_what_cannot_be_read(wire: Wire, amqp_url: str) -> None:
    await publish(amqp_url, 0, 30)
    consuming = RabbitConsuming(wire.url, report=lambda _: None, most_bytes=LIMIT)
    await consuming.subscribe([PROJECTS], prefetch=1000, on_delivery=(taken := Taken()))
    await at_rest(consuming, taken)
    async with asyncio.timeout(15):
        await consuming.close()


async def test_a_pause_that_outlasts_the_heartbeats_ends_in_a_redelivery(wire: Wire, amqp_url: str) -> None:
    await publish(amqp_url, 0, 20)
    reports: list[Report] = []
    consuming = RabbitConsuming(f"{wire.url}?heartbeat=1", report=reports.append, most_bytes=LIMIT)
    subscription = await consuming.subscribe([PROJECTS], prefetch=1000, on_delivery=(taken := Taken()))
    await at_rest(consuming, taken)
    count = len(taken.deliveries)
    await until(lambda: not taken.deliveries[0].is_live)
    assert len(taken.deliveries) == count
    for delivery in taken.forget():
        delivery.ack()
    await until(lambda: subscription.is_active and bool(taken.deliveries))
    assert taken.bodies[0] == 0
    assert taken.deliveries[0].delivery_count == 1
    assert Change.DISCONNECTED in {report.change for report in reports}
    await consuming.close()
