"""Commands that stand open for too long, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection

import asyncpg

from adapters.ports.overdue import Looked, OpenCommands, Term
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement
from schemas.keys import ActorKey

_OPEN = "SELECT * FROM tallystick.open_overdue_commands($1, $2, $3, $4, $5, $6, $7)"
_CLOSE = "SELECT tallystick.close_overdue_commands($1)"
_SYSTEMS = statement("open_commands")


class PostgresOverdue:
    """Port `Overdue`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def open_cases(self, system: str, term: Term, *, after: ActorKey | None, page: int) -> Looked:
        entity, key = after or ("", "")
        [found] = await self._fetch(_OPEN, system, term.is_listed, term.age, term.grace, entity, key, page)
        last = None if found["entity"] is None else ActorKey(found["entity"], found["key"])
        return Looked(found["opened"], last)

    async def close_cases(self, *, page: int) -> int:
        [found] = await self._fetch(_CLOSE, page)
        return int(found[0])

    async def systems(self, *, but: Collection[str]) -> list[OpenCommands]:
        found = await self._fetch(_SYSTEMS, list(but))
        return [OpenCommands(record["system"], record["commands"], record["oldest"]) for record in found]

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(query, *arguments)
        except Exception as error:
            raise read_error(error) from error
