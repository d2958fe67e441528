"""Pauses on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from adapters.ports.pauses import Pause, PauseNotFound, Scope
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from schemas.keys import ActorKey

_ACTIVE = "SELECT * FROM tallystick.pause ORDER BY id"
_BEGIN = "SELECT * FROM tallystick.begin_pause($1, $2, $3, $4, $5)"
_END = "SELECT tallystick.end_pause($1, $2, $3)"
_RELEASE = "SELECT * FROM tallystick.release_paused($1)"


class PostgresPauses:
    """Port `Pauses`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def active(self) -> list[Pause]:
        try:
            async with self._link as connection:
                return [_pause(record) for record in await connection.fetch(_ACTIVE)]
        except Exception as error:
            raise read_error(error) from error

    async def begin(self, scope: Scope, *, actor: str, reason: str) -> Pause:
        try:
            async with self._link as connection:
                [record] = await connection.fetch(_BEGIN, scope.entity, scope.key, scope.legal_entity, actor, reason)
        except Exception as error:
            raise read_error(error) from error
        return _pause(record)

    async def end(self, id: int, *, actor: str, reason: str) -> None:
        try:
            async with self._link as connection:
                there = await connection.fetchval(_END, id, actor, reason)
        except Exception as error:
            raise read_error(error) from error
        if not there:
            raise PauseNotFound(f"no pause {id} is in force")

    async def release(self, *, page: int) -> Sequence[ActorKey]:
        try:
            async with self._link as connection:
                found = await connection.fetch(_RELEASE, page)
        except Exception as error:
            raise read_error(error) from error
        return [ActorKey(record[0], record[1]) for record in found]

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()


def _pause(record: asyncpg.Record) -> Pause:
    scope = Scope(record["entity"], record["key"], record["legal_entity"])
    return Pause(record["id"], scope, record["actor"], record["reason"], record["at"])
