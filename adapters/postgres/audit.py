"""The operators' audit on PostgreSQL."""

from __future__ import annotations

from datetime import datetime

import asyncpg

from adapters.ports.audit import Act, ActFilter, Chain, Head, Link, Seal, SealedAct
from adapters.postgres.connection import Link as Connection
from adapters.postgres.errors import read_error
from adapters.postgres.read_links import ReadLinks
from adapters.postgres.statements import statement

_PAGE = statement("audit_page")
_CHAIN = statement("audit_chain")
_LINKS = statement("audit_links")
_SEAL = "SELECT tallystick.seal_audit($1)"
_UNTIL = "SELECT until FROM tallystick.audit_chain"


class PostgresAudit:
    """Port `Audit`, over connections that cannot write."""

    def __init__(self, url: str) -> None:
        self._links = ReadLinks(url, "audit")

    async def page(self, chosen: ActFilter, *, before: int | None, limit: int) -> list[SealedAct]:
        found = await self._links.fetch(
            _PAGE, before, chosen.actor, chosen.action, chosen.entity, chosen.key, chosen.since, chosen.until, limit
        )
        return [SealedAct(_act(record), _seal(record)) for record in found]

    async def chain(self) -> Chain:
        [found] = await self._links.fetch(_CHAIN)
        return Chain(Head(found["place"], found["hash"]), found["through"], found["until"], found["unsealed"])

    async def links(self, *, after: int, through: int, limit: int) -> list[Link]:
        found = await self._links.fetch(_LINKS, after, through, limit)
        return [
            Link(record["id"], None if record["action"] is None else _act(record), _seal(record)) for record in found
        ]

    async def close(self) -> None:
        """Close the connections."""
        await self._links.close()


class PostgresSealing:
    """Port `Sealing`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Connection(url)

    async def seal(self, *, page: int) -> int | None:
        try:
            async with self._link as connection:
                sealed: int | None = await connection.fetchval(_SEAL, page)
        except Exception as error:
            raise read_error(error) from error
        return sealed

    async def until(self) -> datetime | None:
        try:
            async with self._link as connection:
                until: datetime | None = await connection.fetchval(_UNTIL)
        except Exception as error:
            raise read_error(error) from error
        return until

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()


def _act(record: asyncpg.Record) -> Act:
    return Act(
        record["id"], record["at"], record["actor"], record["action"], record["entity"], record["key"], record["ref"],
        record["reason"],
    )  # fmt: skip


def _seal(record: asyncpg.Record) -> Seal | None:
    if record["place"] is None:
        return None
    return Seal(record["place"], record["id"], record["sealed_at"], record["previous"], record["hash"])
