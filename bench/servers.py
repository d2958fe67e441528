"""The servers that all rounds share, and a fresh database and virtual host for each round."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from gateway.local.rabbitmq import LocalRabbitMQ

AT_ONCE: Final = 24
"""Virtual hosts made at a time: many cost hardly more than one."""


@dataclass(slots=True)
class Servers:
    """`database_url` is a superuser's."""

    database_url: str
    rabbitmq: LocalRabbitMQ
    vhosts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Place:
    """Where one round takes place."""

    amqp_url: str
    database_url: str

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of the round's database."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def number(self, query: str, *arguments: object) -> float:
        """The one value of a query; 0 for null."""
        rows = await self.fetch(query, *arguments)
        return float(rows[0][0] or 0)


@asynccontextmanager
async def fresh(servers: Servers) -> AsyncIterator[Place]:
    """A virtual host and a database that nobody has used; the database is dropped afterwards."""
    if not servers.vhosts:
        servers.vhosts = [f"bench_{uuid4().hex[:8]}" for _ in range(AT_ONCE)]
        await asyncio.to_thread(servers.rabbitmq.add_vhosts, servers.vhosts)
    name = servers.vhosts.pop()
    admin = await asyncpg.connect(servers.database_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    try:
        yield Place(
            servers.rabbitmq.url_for("guest", "guest", vhost=name),
            urlsplit(servers.database_url)._replace(path=f"/{name}").geturl(),
        )
    finally:
        await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await admin.close()
