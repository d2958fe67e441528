"""A private RabbitMQ knows its users, keeps durable queues through a restart, and leaves nothing behind."""

from __future__ import annotations

import aio_pika
import pytest
from aiormq.exceptions import AMQPConnectionError

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
