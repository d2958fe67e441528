"""How far systems are read, on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import asyncpg

from adapters.ports.changes import NotHeld, Position, ReaderRow, Version
from adapters.postgres.connection import SETTINGS, Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement

_HOLD = "SELECT pg_try_advisory_lock(hashtextextended('tallystick.reader.' || $1, 0))"
_POSITION = statement("reader_position")
_UNSEEN = statement("reader_unseen")
_SAW = statement("reader_saw")
_ADVANCE = statement("reader_advance")
_FAILED = statement("reader_failed")
_READERS = statement("readers")

LEAVE: Final = {"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""The server notices within half a minute that the machine of a reader is gone, and another one can hold."""


class PostgresPositions:
    """Port `Positions`, over a connection of its own, whose session holds the lock of the one that reads.

    `reader` names this process to people.
    """

    def __init__(self, url: str, reader: str) -> None:
        self._link = Link(url, settings={**SETTINGS, **LEAVE})
        self._reader = reader
        self._held: set[str] = set()
        self._held_on: object = None
        """The connection that holds the locks; with it they are lost."""

    async def hold(self, system: str) -> bool:
        try:
            async with self._link as connection:
                if self._held_on is not connection:
                    self._held.clear()
                    self._held_on = connection
                if system not in self._held and await connection.fetchval(_HOLD, system):
                    self._held.add(system)
        except Exception as error:
            raise read_error(error) from error
        return system in self._held

    async def position(self, system: str, record: str) -> Position:
        async with self._holding(system) as connection:
            [row] = await connection.fetch(_POSITION, system, record, self._reader)
        return Position(system, record, row["read_until"], row["looked_at"], row["at"])

    async def unseen(self, system: str, record: str, versions: Sequence[Version]) -> list[Version]:
        once = list(dict.fromkeys(versions))
        async with self._holding(system) as connection:
            found = await connection.fetch(_UNSEEN, system, record, *_columns(once))
        return [once[row["place"] - 1] for row in found]

    async def saw(self, system: str, record: str, versions: Sequence[Version], *, until: datetime) -> None:
        async with self._holding(system) as connection:
            await connection.execute(_SAW, system, record, *_columns(versions), until)

    async def advance(
        self, position: Position, read_until: datetime, *, forget_before: datetime, forget: int = 10_000
    ) -> None:
        system, record = position.system, position.record
        async with self._holding(system) as connection:
            await connection.execute(_ADVANCE, system, record, read_until, position.at, forget_before, forget)

    async def failed(self, system: str, record: str, reason: str) -> None:
        async with self._holding(system) as connection:
            await connection.execute(_FAILED, system, record, reason.replace("\x00", "\N{REPLACEMENT CHARACTER}"))

    async def close(self) -> None:
        """Close the connection, and hold nothing any more."""
        await self._link.close()

    @asynccontextmanager
    async def _holding(self, system: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        """The connection, if it is the one that holds `system`. Raises what the port raises."""
        try:
            async with self._link as connection:
                if self._held_on is not connection or system not in self._held:
                    raise NotHeld(f"the connection that held {system} is gone; another process may read it by now")
                yield connection
        except NotHeld:
            raise
        except Exception as error:
            raise read_error(error) from error


class PostgresReaders:
    """Port `Readers`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def readers(self) -> list[ReaderRow]:
        try:
            async with self._link as connection:
                found = await connection.fetch(_READERS)
        except Exception as error:
            raise read_error(error) from error
        return [ReaderRow(**row) for row in found]

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()


def _columns(versions: Sequence[Version]) -> tuple[list[str], list[str]]:
    return [version.id for version in versions], [version.version for version in versions]
