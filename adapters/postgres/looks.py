"""First looks on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from adapters.ports.turns import StoreUnavailable
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error

_BEGIN = "SELECT life FROM tallystick.begin_life($1)"
_END = "DELETE FROM tallystick.life WHERE life = ANY ($1::uuid[])"
_LOOK_ALONE = "SELECT pg_try_advisory_lock(hashtextextended('tallystick.look', 0))"
_TAKE = "SELECT ref, attempts FROM tallystick.take_look($1)"
_RECORD = "SELECT tallystick.record_look($1, $2, $3)"
_LEAVE = "SELECT tallystick.leave_look($1)"


class PostgresLooks:
    """Port `Looks`, over a connection of its own, whose session holds the lock of the one that looks."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)
        self._alone_on: object = None
        """The connection that holds the lock; with it the lock is lost."""

    async def begin(self, life: UUID) -> list[UUID]:
        try:
            async with self._link as connection:
                return [record["life"] for record in await connection.fetch(_BEGIN, life)]
        except Exception as error:
            raise read_error(error) from error

    async def end(self, lives: Sequence[UUID]) -> None:
        try:
            async with self._link as connection:
                await connection.execute(_END, list(lives))
        except Exception as error:
            raise read_error(error) from error

    async def take(self, survived: Sequence[UUID]) -> dict[UUID, int] | None:
        try:
            async with self._link as connection:
                if self._alone_on is not connection:
                    if not await connection.fetchval(_LOOK_ALONE):
                        return None
                    self._alone_on = connection
                found = await connection.fetch(_TAKE, list(survived))
        except Exception as error:
            raise read_error(error) from error
        return {record["ref"]: record["attempts"] for record in found}

    async def record(self, refs: Sequence[UUID], *, alone: bool, survived: Sequence[UUID]) -> None:
        try:
            async with self._link as connection:
                if self._alone_on is not connection:
                    raise StoreUnavailable("the connection was lost, and with it the look")
                await connection.execute(_RECORD, list(refs), alone, list(survived))
        except Exception as error:
            raise read_error(error) from error

    async def leave(self, survived: Sequence[UUID]) -> None:
        self._alone_on = None
        try:
            async with self._link as connection:
                await connection.execute(_LEAVE, list(survived))
        except Exception as error:
            raise read_error(error) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()
