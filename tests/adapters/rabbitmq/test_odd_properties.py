"""Odd properties through the broker: each arrives as a delivery between its neighbours, and the connection stays."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator

import aiormq
import pytest
from aiormq import spec

from adapters.ports.broker import Delivery, Queue, Topology
from adapters.rabbitmq.reports import Change
from adapters.rabbitmq.tolerance import Unreadable
from adapters.rabbitmq.topology import EVENTS, topology
from schemas.codec import decode
from schemas.envelope import Undecodable
from tests.adapters.rabbitmq.odd import (
    CONTENT_TYPE,
    HEADERS,
    MESSAGE_ID,
    TIMESTAMP,
    RawProperties,
    RawText,
    counted,
    nested_arrays,
    nested_tables,
    short,
    text_field,
)
from tests.adapters.rabbitmq.wire import wire_to
from tests.contracts.broker_stands import RabbitStand, Taken, until

PROJECTS = "tallystick.project"
CLASSIC = "classic"
"""A queue that keeps the bytes as they were sent; one of the quorum type writes them anew."""
KEY = "project.activated"
BEYOND = struct.pack(">Q", 2**64 - 1)

ODD = {
    "microseconds": RawProperties(TIMESTAMP, struct.pack(">Q", 1_700_000_000_000_000)),
    "nanoseconds": RawProperties(TIMESTAMP, struct.pack(">Q", 1_700_000_000_000_000_000)),
    "tables 900 deep": RawProperties(HEADERS, counted(nested_tables(900))),
    "tables 9000 deep": RawProperties(HEADERS, counted(nested_tables(9_000))),
    "arrays 900 deep": RawProperties(HEADERS, counted(nested_arrays(900))),
    "a moment in a header": RawProperties(HEADERS, counted(short(b"ce-time") + b"T" + BEYOND)),
    "a header's name": RawProperties(HEADERS, counted(text_field(b"\xff", b"x"))),
    "a header's value": RawProperties(HEADERS, counted(text_field(b"ce-id", b"\xff"))),
    "a decimal": RawProperties(HEADERS, counted(short(b"ce-id") + b"D\xff\xff\xff\xff\xff")),
    "content type": RawProperties(CONTENT_TYPE, short(b"\xff\xfe")),
    "message id": RawProperties(MESSAGE_ID, short(b"\xff\xfe")),
    "more flags to come": RawProperties(CONTENT_TYPE | 1, short(b"\x01")),
}


@pytest.fixture
async def stand(amqp_url: str) -> AsyncIterator[RabbitStand]:
    async with wire_to(amqp_url) as wire:
        stand = RabbitStand(amqp_url, wire)
        await stand.administration.apply(topology(["project"]))
        await stand.administration.apply(Topology((), (Queue(CLASSIC, EVENTS, (KEY,), {"x-queue-type": "classic"}),)))
        yield stand
        await stand.close()


async def publish(url: str, messages: list[tuple[str, spec.Basic.Properties]]) -> None:
    """Publish in order, numbered from 0, each confirmed."""
    async with aiormq.connect(url) as connection:
        channel = await connection.channel()
        for number, (key, properties) in enumerate(messages):
            body = str(number).encode()
            answer = await channel.basic_publish(body, exchange=EVENTS, routing_key=key, properties=properties)
            assert isinstance(answer, spec.Basic.Ack)


async def consumed(stand: RabbitStand, queue: str, count: int) -> list[Delivery]:
    """What arrives, once it is all there; asserts that each came once, in order, over one connection."""
    subscription = await stand.consuming().subscribe([queue], prefetch=100, on_delivery=(taken := Taken()))
    await until(lambda: len(taken.deliveries) >= count)
    await until(lambda: subscription.is_active)
    assert taken.bodies == list(range(count))
    assert {report.change for report in stand.reports} == {Change.CONNECTED, Change.CONSUMING}
    assert all(delivery.is_live for delivery in taken.deliveries)
    return taken.deliveries


@pytest.mark.parametrize("queue", [PROJECTS, CLASSIC])
async def test_odd_messages_arrive_between_good_ones(stand: RabbitStand, amqp_url: str, queue: str) -> None:
    good = spec.Basic.Properties(content_type="application/json", delivery_mode=2)
    pairs = [[(KEY, good), (KEY, odd)] for odd in ODD.values()]
    messages = [each for pair in pairs for each in pair] + [(KEY, good)]
    await publish(amqp_url, messages)
    deliveries = await consumed(stand, queue, len(messages))
    odd = dict(zip(ODD, deliveries[1::2], strict=True))
    assert isinstance(odd["a moment in a header"].headers["ce-time"], Unreadable)
    assert odd["content type"].content_type == "��"
    for delivery in odd.values():
        with pytest.raises(Undecodable):
            decode(delivery.body, delivery.content_type, delivery.headers)
        assert delivery.user_id is None
    assert {delivery.content_type for delivery in deliveries[::2]} == {"application/json"}


async def test_a_routing_key_that_is_not_utf8_arrives_among_the_unrouted(stand: RabbitStand, amqp_url: str) -> None:
    good = spec.Basic.Properties(delivery_mode=2)
    await publish(amqp_url, [("nobody's", good), (RawText("\xff\xfe"), good), ("nobody's", good)])
    deliveries = await consumed(stand, "tallystick.unrouted", 3)
    assert [delivery.routing_key for delivery in deliveries] == ["nobody's", "��", "nobody's"]
