"""Rounds of contenders in turn, each on a fresh database and virtual host, each checked afterwards."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import aio_pika
import asyncpg

from adapters.postgres.migrations.upgrade import upgrade
from adapters.rabbitmq.topology import EVENTS
from bench import load, plain
from gateway.app import declare
from gateway.local.postgres import LocalPostgres
from gateway.local.rabbitmq import LocalRabbitMQ


class WrongRound(RuntimeError):
    """A round whose rows are not what the input demands: its speed means nothing."""


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers that all rounds share."""

    postgres: LocalPostgres
    rabbitmq: LocalRabbitMQ


@dataclass(frozen=True, slots=True)
class Contender:
    """`prepare` makes queue and tables and answers the exchange to fill; `check` raises `WrongRound`."""

    name: str
    module: str
    what: str
    prepare: Callable[[str, str], Awaitable[str]]
    check: Callable[[str, int, int], Awaitable[None]]


@asynccontextmanager
async def fresh(servers: Servers) -> AsyncIterator[tuple[str, str]]:
    """URLs of a virtual host and a database that nobody has used; the database is dropped afterwards."""
    name = f"bench_{uuid4().hex[:8]}"
    servers.rabbitmq.add_vhosts([name])
    admin = await asyncpg.connect(servers.postgres.url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield (
            servers.rabbitmq.url_for("guest", "guest", vhost=name),
            servers.postgres.url.rsplit("/", 1)[0] + f"/{name}",
        )
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()


async def run_contender(module: str, amqp_url: str, database_url: str, count: int) -> float:
    """Let a contender empty its queue in a process of its own; the seconds that it took. Raises `WrongRound`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, amqp_url, database_url, str(count), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 600)
    if process.returncode:
        raise WrongRound(f"{module} ended with {process.returncode}")
    return float(output.decode().strip().splitlines()[-1])


async def one_round(servers: Servers, contender: Contender, count: int, keys: int) -> float:
    """Fill a queue, let the contender empty it, check; messages per second."""
    async with fresh(servers) as (amqp_url, database_url):
        exchange = await contender.prepare(amqp_url, database_url)
        await load.fill(amqp_url, exchange, count, keys)
        seconds = await run_contender(contender.module, amqp_url, database_url, count)
        await contender.check(database_url, count, keys)
    return count / seconds


async def prepare_plain(amqp_url: str, database_url: str) -> str:
    """Tables and a quorum queue for D."""
    database = await asyncpg.connect(database_url)
    await database.execute(plain.SCHEMA)
    await database.close()
    connection = await aio_pika.connect(amqp_url)
    channel = await connection.channel()
    exchange = await channel.declare_exchange("bench", aio_pika.ExchangeType.TOPIC, durable=True)
    queue = await channel.declare_queue(plain.QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    await queue.bind(exchange, "timesheet.#")
    await connection.close()
    return "bench"


async def check_plain(database_url: str, count: int, keys: int) -> None:
    """Every message in the inbox and the outbox, and every line in its sheet."""
    await _expect(database_url, "SELECT count(*) FROM inbox", count)
    await _expect(database_url, "SELECT count(*) FROM outbox", count)
    await _expect(database_url, "SELECT count(*) FROM sheet", keys)
    await _expect(database_url, "SELECT sum(version) FROM sheet", count)


async def prepare_gateway(amqp_url: str, database_url: str) -> str:
    """Schema, topology, and the projects that the sheets refer to."""
    await asyncio.to_thread(upgrade, database_url)
    await declare(amqp_url)
    await load.seed_projects(database_url)
    return EVENTS


async def check_gateway(database_url: str, count: int, keys: int) -> None:
    """Every message applied in its key's order, with its command in the outbox and its place in the timeline."""
    await _expect(database_url, "SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied'", count)
    await _expect(database_url, "SELECT count(*) FROM tallystick.outbox", count)
    await _expect(database_url, "SELECT count(*) FROM tallystick.timeline", count)
    await _expect(database_url, "SELECT count(*) FROM tallystick.entity WHERE entity = 'timesheet'", keys)
    await _expect(
        database_url,
        "SELECT count(*) FROM (SELECT o.line, row_number() OVER (PARTITION BY key ORDER BY entity_version) - 1 AS place"
        " FROM tallystick.outbox o) ordered WHERE line <> 'L' || place || '.r1'",
        0,
    )


async def _expect(database_url: str, query: str, expected: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        found = await connection.fetchval(query)
    finally:
        await connection.close()
    if found != expected:
        raise WrongRound(f"{query}: {found}, not {expected}")


CONTENDERS = (
    Contender("D", "bench.plain", "aio-pika, a lock per key, one transaction per message", prepare_plain, check_plain),
    Contender("T", "bench.gateway", "the gateway, relay off", prepare_gateway, check_gateway),
)
