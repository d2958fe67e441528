"""What a message costs, counted and not timed: no task of its own, one ack for many, and no garbage in cycles."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.acks import AckWindow
from adapters.rabbitmq.consuming import RabbitConsuming
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.topology import EVENTS, topology
from tests.adapters.rabbitmq.wire import wire_to
from tests.contracts.broker_stands import RabbitStand, Taken, until

PROJECTS = "tallystick.project"
MESSAGES = 2000
FEW = MESSAGES // 20
"""Of what is needed anyhow: watchdog, heartbeats, and acks as they fall due."""


@pytest.fixture
async def filled(amqp_url: str) -> AsyncIterator[str]:
    """The URL of a broker with a queue of 2,000 messages."""
    async with wire_to(amqp_url) as wire:
        stand = RabbitStand(amqp_url, wire)
        await stand.administration.apply(topology(["project"]))
        publishing = RabbitPublishing(amqp_url, report=lambda _: None)
        batch = [Outgoing(EVENTS, "project.activated", b"%d" % n, "x/y", {}, f"m{n}") for n in range(MESSAGES)]
        assert set(await publishing.publish(batch)) == {Published.CONFIRMED}
        await publishing.close()
        yield amqp_url
        await stand.close()


async def test_deliveries_make_no_tasks_and_no_cycles(filled: str) -> None:
    made: list[str] = []

    def noting(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **options)

    consuming = RabbitConsuming(filled, report=lambda _: None)
    taken = Taken()
    gc.collect()
    gc.disable()
    asyncio.get_running_loop().set_task_factory(noting)
    try:
        await consuming.subscribe([PROJECTS], prefetch=MESSAGES, on_delivery=taken)
        await until(lambda: len(taken.deliveries) == MESSAGES)
        for delivery in taken.deliveries:
            delivery.ack()
        del delivery
        taken.forget()
        await until(lambda: consuming.held_bytes == 0)
        await asyncio.sleep(0)
        cycles = gc.collect()
    finally:
        asyncio.get_running_loop().set_task_factory(None)
        gc.enable()
    assert len(made) < FEW, made[:20]
    assert cycles < FEW * 10
    await consuming.close()


async def test_what_is_published_makes_no_tasks_be_it_routed_or_returned(filled: str) -> None:
    made: list[str] = []

    def noting(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine.__qualname__)
        return asyncio.Task(coroutine, loop=loop, **options)

    publishing = RabbitPublishing(filled, report=lambda _: None)
    exchanges = (EVENTS, "amq.topic")
    batch = [Outgoing(exchanges[n % 2], "project.activated", b"%d" % n, "x/y", {}, f"n{n}") for n in range(MESSAGES)]
    asyncio.get_running_loop().set_task_factory(noting)
    try:
        answers = await publishing.publish(batch)
    finally:
        asyncio.get_running_loop().set_task_factory(None)
    assert answers == [Published.CONFIRMED, Published.UNROUTABLE] * (MESSAGES // 2)
    assert len(made) < FEW, made[:20]
    await publishing.close()


def test_a_batch_that_is_done_together_is_one_ack() -> None:
    window = AckWindow(1000)
    for tag in range(1, 501):
        window.enter(tag)
    for tag in range(500, 0, -1):
        window.done(tag)
    assert len(list(window.flush(everything=False))) == 1
