"""A private RabbitMQ knows its users, keeps durable queues through a restart, and leaves nothing behind."""

from __future__ import annotations

import asyncio

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage
from aiormq.exceptions import AMQPConnectionError, ChannelAccessRefused

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.keepsakes import RabbitKeepsakes
from adapters.rabbitmq.publishing import RabbitPublishing
from adapters.rabbitmq.topology import EVENTS, NOTICES, UNROUTED, WATERMARK, topology
from gateway.local.definitions import BrokerUser, definitions
from gateway.local.ports import is_listening
from gateway.local.rabbitmq import AMQP_URL, LocalRabbitMQ, rabbitmq
from tests.fixtures.apart import apart
from tests.fixtures.rabbitmq import Vhost


async def _publish(url: str, user: str) -> None:
    connection = await aio_pika.connect(url, timeout=10)
    async with connection, connection.channel() as channel:
        await channel.declare_queue("kept", durable=True, arguments={"x-queue-type": "quorum"})
        message = aio_pika.Message(b"7", delivery_mode=aio_pika.DeliveryMode.PERSISTENT, user_id=user)
        await channel.default_exchange.publish(message, "kept")


async def _get(url: str) -> bytes:
    connection = await aio_pika.connect(url, timeout=10)
    async with connection, connection.channel() as channel:
        queue = await channel.get_queue("kept")
        message = await queue.get(timeout=10)
        await message.ack()
        return message.body


async def test_the_named_broker_is_used_before_anything_is_started() -> None:
    async with rabbitmq({AMQP_URL: "amqp://somewhere/else"}) as found:
        assert (found.url, found.origin) == ("amqp://somewhere/else", AMQP_URL)


async def test_a_source_may_publish_events_and_do_nothing_else(vhost: Vhost) -> None:
    # given: a source, on a broker with our topology, which a gateway's user has applied
    ours = BrokerUser(f"gateway-of-{vhost.name}", "secret")
    source = BrokerUser(f"source-of-{vhost.name}", "secret")
    await asyncio.to_thread(vhost.node.load, definitions([], [vhost.name], gateways=[ours], sources=[source]))
    administration = RabbitAdministration(vhost.node.url_for(*ours, vhost=vhost.name))
    await administration.apply(topology(["project"]))
    await administration.close()
    url = vhost.node.url_for(*source, vhost=vhost.name)

    # then: it can look for the exchange and publish, as `tallystick publish` does
    its_own = RabbitAdministration(url)
    assert await its_own.missing(topology(["project"])) == []
    await its_own.close()
    publishing = RabbitPublishing(url, report=lambda _: None)
    targets = (EVENTS, WATERMARK, NOTICES, UNROUTED)
    answers = {
        exchange: await publishing.publish([Outgoing(exchange, "project.activated", b"1", "x/y", {}, exchange)])
        for exchange in targets
    }
    await publishing.close()
    assert answers == {exchange: [Published.REFUSED] for exchange in targets} | {EVENTS: [Published.CONFIRMED]}

    # and: it cannot go round the exchanges, nor read what others published
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.default_exchange.publish(aio_pika.Message(b"7"), WATERMARK)
        channel = await connection.channel()
        with pytest.raises(ChannelAccessRefused):
            await (await channel.get_queue("tallystick.project", ensure=False)).get(timeout=10)


async def test_a_gateway_may_do_its_work_and_nothing_else(vhost: Vhost) -> None:
    # given: a user with a gateway's rights
    ours = BrokerUser(f"gateway-of-{vhost.name}", "secret")
    await asyncio.to_thread(vhost.node.load, definitions([], [vhost.name], gateways=[ours]))
    url = vhost.node.url_for(*ours, vhost=vhost.name)

    # then: it declares, tells, keeps its watermark, and reads
    administration = RabbitAdministration(url)
    await administration.apply(topology(["project"], {"project": ["legacy.#"]}))
    await administration.close()
    publishing = RabbitPublishing(url, report=lambda _: None)
    wanted = {NOTICES: Published.UNROUTABLE, WATERMARK: Published.CONFIRMED, EVENTS: Published.CONFIRMED}
    sent = [Outgoing(exchange, "project.activated", b"1", "x/y", {}, exchange) for exchange in wanted]
    assert await publishing.publish(sent) == list(wanted.values())
    await publishing.close()
    keepsakes = RabbitKeepsakes(url)
    assert [kept.body for kept in await keepsakes.take(WATERMARK)] == [b"1"]
    await keepsakes.close()
    connection = await aio_pika.connect(url, timeout=10)
    async with connection:
        channel = await connection.channel()
        arrived: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await (await channel.get_queue("tallystick.project")).consume(arrived.put)
        assert (await asyncio.wait_for(arrived.get(), 10)).body == b"1"

        # and: it declares nothing of others
        with pytest.raises(ChannelAccessRefused):
            await channel.declare_queue("another", durable=True)


async def test_each_user_publishes_under_its_own_name(vhost: Vhost) -> None:
    for user in ("crm", "psa", "gateway"):
        await _publish(vhost.url_for(user), user)
    with pytest.raises(AMQPConnectionError):
        await aio_pika.connect(vhost.url_for("crm").replace("crm-password", "wrong"), timeout=10)


@pytest.mark.rabbitmq
def test_a_restart_keeps_port_and_data_and_closing_leaves_nothing() -> None:
    with LocalRabbitMQ(users=[("firm", "with / @ signs")]) as node:
        url = node.url_for("firm", "with / @ signs")
        apart(_publish(url, "firm"))
        node.stop()
        assert not is_listening(node.port)
        node.start()
        assert apart(_get(url)) == b"7"
    assert not is_listening(node.port)
