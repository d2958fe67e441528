"""The contenders: what each is, what it needs before its round, and how the round is checked after it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import aio_pika

from adapters.postgres.migrations.upgrade import upgrade
from adapters.rabbitmq.topology import EVENTS
from bench import checks, load, plain
from bench.servers import Place
from gateway.app import declare

QUEUE_OF_T: Final = "tallystick.timesheet"


@dataclass(frozen=True, slots=True)
class Contender:
    """`prepare` makes queue and tables and answers the exchange to fill; `check` raises `WrongRound`."""

    name: str
    module: str
    what: str
    queue: str
    prepare: Callable[[Place], Awaitable[str]]
    check: Callable[[Place, int, int], Awaitable[None]]


async def prepare_queue(place: Place) -> str:
    """A quorum queue."""
    connection = await aio_pika.connect(place.amqp_url)
    channel = await connection.channel()
    exchange = await channel.declare_exchange("bench", aio_pika.ExchangeType.TOPIC, durable=True)
    queue = await channel.declare_queue(plain.QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    await queue.bind(exchange, "timesheet.#")
    await connection.close()
    return "bench"


async def prepare_plain(place: Place) -> str:
    """D's tables and a quorum queue."""
    for statement in plain.SCHEMA:
        await place.fetch(statement)
    return await prepare_queue(place)


async def prepare_gateway(place: Place) -> str:
    """T's schema, topology, and the projects that the sheets refer to."""
    await asyncio.to_thread(upgrade, place.database_url)
    await declare(place.amqp_url)
    await load.seed_projects(place.database_url)
    return EVENTS


async def no_rows(_place: Place, _count: int, _keys: int) -> None:
    """A, B, and C leave nothing to look at but their queue."""


A: Final = Contender(
    "A", "bench.ceiling", "aiormq, no work, one ack for 100 messages", plain.QUEUE, prepare_queue, no_rows
)
B: Final = Contender("B", "bench.consumer", "aio-pika, no work, an ack each", plain.QUEUE, prepare_queue, no_rows)
C: Final = Contender(
    "C", "bench.framework", "FastStream, an empty subscriber with a pydantic model", plain.QUEUE, prepare_queue, no_rows
)
D: Final = Contender(
    "D", "bench.plain", "aio-pika, a lock per key, one transaction per message", plain.QUEUE, prepare_plain,
    checks.plain,
)  # fmt: skip
T: Final = Contender(
    "T", "bench.gateway", "the gateway as shipped, relay and notices off", QUEUE_OF_T, prepare_gateway, checks.gateway
)
CONTENDERS: Final = (A, B, C, D, T)
