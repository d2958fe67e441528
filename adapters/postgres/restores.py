"""Restores of the database, on PostgreSQL."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from adapters.ports.restores import (
    IN_THE_FUTURE,
    NOTHING_HELD,
    NOTHING_RELEASED,
    Found,
    Restore,
    RestoreConflict,
    Seen,
    Tick,
)
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement

_TICK = "SELECT counter, epoch, found FROM tallystick.tick_watermark($1, $2)"
_DECLARE = "SELECT * FROM tallystick.declare_restore($1, $2, $3, $4, $5)"
_RELEASE = "SELECT * FROM tallystick.release_restore($1, $2)"
_END = "SELECT * FROM tallystick.end_restore($1, $2)"
_LOOK = statement("look_at_restores")


class PostgresRestores:
    """Port `Restores`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def tick(self, remembered: int, epoch: UUID | None = None) -> Tick:
        [record] = await self._fetch(_TICK, remembered, epoch)
        return Tick(record["counter"], None if record["found"] is None else Found(record["found"]), record["epoch"])

    async def declare(
        self, *, since: datetime | None, found: Found, actor: str, reason: str, remembered: int = 0
    ) -> Restore:
        return _one(await self._fetch(_DECLARE, since, found, actor, reason, remembered), IN_THE_FUTURE)

    async def release(self, *, actor: str, reason: str) -> Restore:
        return _one(await self._fetch(_RELEASE, actor, reason), NOTHING_HELD)

    async def end(self, *, actor: str, reason: str) -> Restore:
        return _one(await self._fetch(_END, actor, reason), NOTHING_RELEASED)

    async def look(self) -> Seen:
        [record] = await self._fetch(_LOOK)
        return Seen(record["counter"], None if record["id"] is None else _restore(record))

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _fetch(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(text, *arguments)
        except Exception as error:
            raise read_error(error) from error


def _one(found: list[asyncpg.Record], otherwise: str) -> Restore:
    if not found:
        raise RestoreConflict(otherwise)
    return _restore(found[0])


def _restore(record: asyncpg.Record) -> Restore:
    return Restore(
        record["id"],
        record["since"],
        Found(record["found"]),
        record["declared_at"],
        record["declared_by"],
        record["reason"],
        record["released_at"],
        record["released_by"],
        record["ended_at"],
        record["ended_by"],
    )
