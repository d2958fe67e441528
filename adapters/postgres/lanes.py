"""Lanes on PostgreSQL: finding those that may run, waking those that wait, and asking about long waits."""

from __future__ import annotations

from adapters.ports.store import OpenLane
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement
from schemas.keys import ActorKey

_RUNNABLE = statement("runnable")
_SWEEP = statement("sweep")
_WAKE = "SELECT * FROM tallystick.wake_lanes($1)"
_OVERDUE = "SELECT tallystick.open_overdue($1)"
_IDLE_WAKES = 1000
"""Wakes in a row that find nobody, after which the rest is left to the next call."""


class PostgresLanes:
    """Port `Lanes`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def runnable(self, *, after: ActorKey | None, limit: int) -> list[OpenLane]:
        entity, key = after or ("", "")
        try:
            async with self._link as connection:
                found = await connection.fetch(_RUNNABLE, entity, key, limit)
        except Exception as error:
            raise read_error(error) from error
        return [OpenLane(ActorKey(record[0], record[1]), record[2]) for record in found]

    async def wake(self, *, page: int) -> list[ActorKey]:
        for _ in range(_IDLE_WAKES):
            try:
                async with self._link as connection:
                    found = await connection.fetch(_WAKE, page)
            except Exception as error:
                raise read_error(error) from error
            if not found or found[0][0] is not None:
                return [ActorKey(record[0], record[1]) for record in found]
        return []

    async def sweep(self) -> int:
        try:
            async with self._link as connection:
                done = await connection.execute(_SWEEP)
        except Exception as error:
            raise read_error(error) from error
        return int(done.rpartition(" ")[2])

    async def open_overdue(self, *, page: int) -> int:
        try:
            async with self._link as connection:
                return int(await connection.fetchval(_OVERDUE, page))
        except Exception as error:
            raise read_error(error) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()
