"""Declaring and looking at what stands in RabbitMQ, over a connection that is opened when first needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import aiormq
from aiormq import ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.abc import AbstractChannel, AbstractConnection, ArgumentsType

from adapters.ports.broker import BrokerUnavailable, Exchange, Queue, Topology, TopologyDiffers
from adapters.rabbitmq.address import parse_address
from adapters.rabbitmq.seam import FAREWELL, PATIENCE, broker_call, close_quietly, open_channel, reason_of

T = TypeVar("T")


class RabbitAdministration:
    """`Administration` on RabbitMQ. Nothing runs in between: a verb opens the connection if it is not there."""

    def __init__(self, url: str, *, name: str = "tallystick administration") -> None:
        """Raises `ValueError` if `url` is not one for AMQP."""
        self._address = parse_address(url)
        self._name = name
        self._connection: AbstractConnection | None = None
        self._connecting = asyncio.Lock()

    def __repr__(self) -> str:
        return f"RabbitAdministration({self._address})"

    async def apply(self, topology: Topology) -> None:
        """Declare everything as durable; what stands there with the same arguments stays as it is."""
        for exchange in topology.exchanges:
            await self._declare(f"exchange {exchange.name}", declaring_exchange(exchange))
        for queue in topology.queues:
            await self._declare(f"queue {queue.name}", declaring_queue(queue))

    async def missing(self, topology: Topology) -> list[str]:
        """What is not there, as `exchange NAME` and `queue NAME`. Raises `BrokerUnavailable`."""
        exchanges = [x.name for x in topology.exchanges if not await self._has_exchange(x.name)]
        queues = [q.name for q in topology.queues if await self._ready_in(q.name) is None]
        return [f"exchange {name}" for name in exchanges] + [f"queue {name}" for name in queues]

    async def depth(self, queue: str) -> int:
        """Messages ready in `queue`. Raises `LookupError` if there is no such queue, and `BrokerUnavailable`."""
        ready = await self._ready_in(queue)
        if ready is None:
            raise LookupError(f"there is no queue {queue}; `tallystick topology apply` declares it")
        return ready

    async def close(self) -> None:
        if self._connection is not None:
            await close_quietly(self._connection, within=FAREWELL)

    async def _declare(self, what: str, declare: Callable[[AbstractChannel], Awaitable[None]]) -> None:
        try:
            await self._ask(f"declare {what}", declare)
        except BrokerUnavailable as error:
            if not isinstance(error.__cause__, ChannelPreconditionFailed):
                raise
            raise TopologyDiffers(
                f"{what} stands in the broker with other arguments: {reason_of(error.__cause__)}. Arguments cannot be"
                " changed in place: stop who publishes to it, let it run empty, delete it, and apply the topology again"
            ) from error

    async def _has_exchange(self, name: str) -> bool:
        try:
            await self._ask(f"look at exchange {name}", lambda channel: channel.exchange_declare(name, passive=True))
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, ChannelNotFoundEntity):
                return False
            raise
        return True

    async def _ready_in(self, queue: str) -> int | None:
        """Messages ready in it; None if there is no such queue."""
        try:
            answer = await self._ask(
                f"look at queue {queue}", lambda channel: channel.queue_declare(queue, passive=True)
            )
        except BrokerUnavailable as error:
            if isinstance(error.__cause__, ChannelNotFoundEntity):
                return None
            raise
        return answer.message_count or 0

    async def _ask(self, what: str, question: Callable[[AbstractChannel], Awaitable[T]]) -> T:
        """One question on a channel of its own, since RabbitMQ closes the channel when it says no.

        Raises `BrokerUnavailable`, caused by what the broker said.
        """
        channel = await open_channel(await self._connected(), within=PATIENCE)
        try:
            async with broker_call(what, PATIENCE):
                return await question(channel)
        finally:
            await close_quietly(channel, within=FAREWELL)

    async def _connected(self) -> AbstractConnection:
        async with self._connecting, broker_call(f"connect to {self._address}", PATIENCE):
            if self._connection is None or not self._connection.is_opened:
                self._connection = await aiormq.connect(
                    self._address.url, client_properties={"connection_name": self._name}
                )
            return self._connection


def declaring_exchange(exchange: Exchange) -> Callable[[AbstractChannel], Awaitable[None]]:
    async def declare(channel: AbstractChannel) -> None:
        await channel.exchange_declare(
            exchange.name, exchange_type=exchange.kind, durable=True, arguments=field_table(exchange.arguments)
        )

    return declare


def declaring_queue(queue: Queue) -> Callable[[AbstractChannel], Awaitable[None]]:
    async def declare(channel: AbstractChannel) -> None:
        await channel.queue_declare(queue.name, durable=True, arguments=field_table(queue.arguments))
        for routing_key in queue.routing_keys:
            await channel.queue_bind(queue.name, queue.exchange, routing_key)

    return declare


def field_table(arguments: Mapping[str, object]) -> ArgumentsType:
    """AMQP's table of arguments, of which we use texts, whole numbers, and truth values. Raises `TypeError`."""
    table: ArgumentsType = {}
    for name, value in arguments.items():
        if not isinstance(value, str | int):
            raise TypeError(f"the argument {name} is a {type(value).__name__}; only texts and whole numbers are known")
        table[name] = value
    return table
