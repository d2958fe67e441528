"""Being a guest in somebody's broker: only where no Tallystick lives, and leaving nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiormq

from adapters.ports.broker import Topology
from adapters.rabbitmq.address import parse_address
from adapters.rabbitmq.administration import RabbitAdministration
from adapters.rabbitmq.seam import FAREWELL, PATIENCE, broker_call, close_quietly, open_channel


class BrokerInUse(RuntimeError):
    """A gateway's queues stand in this virtual host; the message says which, and what to use instead."""


@asynccontextmanager
async def guest(url: str, topology: Topology) -> AsyncIterator[None]:
    """Declare `topology` in a virtual host that has nothing of it, and delete all of it at the end.

    An empty queue is refused too: what its senders publish meanwhile would be taken from their gateway. Raises
    `BrokerInUse`, `BrokerUnavailable`; `ValueError` if `url` is not one for AMQP.
    """
    administration = RabbitAdministration(url, name="tallystick guest")
    try:
        missing = await administration.missing(topology)
        present = [each.name for each in topology.queues if f"queue {each.name}" not in missing]
        if present:
            raise BrokerInUse(
                f"a Tallystick lives in {parse_address(url)} and stays untouched (queues {', '.join(present)}): make a "
                "virtual host of its own with `rabbitmqctl add_vhost demo`, and name that"
            )
        try:
            await administration.apply(topology)
            yield
        finally:
            await _delete(url, topology)
    finally:
        await administration.close()


async def _delete(url: str, topology: Topology) -> None:
    """Queues first, so that nothing is routed into nowhere. What is not there is no error to RabbitMQ."""
    address = parse_address(url)
    async with broker_call(f"clear {address}", PATIENCE):
        connection = await aiormq.connect(address.url, client_properties={"connection_name": "tallystick guest"})
        try:
            channel = await open_channel(connection, within=PATIENCE)
            for queue in topology.queues:
                await channel.queue_delete(queue.name)
            for exchange in topology.exchanges:
                await channel.exchange_delete(exchange.name)
        finally:
            await close_quietly(connection, within=FAREWELL)
