"""Lanes on PostgreSQL: finding those that may run, waking those that wait, and what operators do to them."""

from __future__ import annotations

from uuid import UUID

from adapters.ports.store import LaneChanged, LaneNotFound, OpenLane
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement
from schemas.keys import ActorKey

_RUNNABLE = statement("runnable")
_SWEEP = statement("sweep")
_WAKE = "SELECT * FROM tallystick.wake_lanes($1)"
_RETRY = "SELECT tallystick.retry_lane($1, $2, $3, $4)"
_DISCARD = "SELECT tallystick.discard_head($1, $2, $3, $4, $5)"
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

    async def retry(self, key: ActorKey, *, actor: str, reason: str) -> None:
        try:
            async with self._link as connection:
                there = await connection.fetchval(_RETRY, key.entity, key.id, actor, reason)
        except Exception as error:
            raise read_error(error) from error
        if not there:
            raise LaneNotFound(f"there is no {key}")

    async def discard(self, key: ActorKey, *, head: UUID, actor: str, reason: str) -> None:
        try:
            async with self._link as connection:
                outcome = await connection.fetchval(_DISCARD, key.entity, key.id, head, actor, reason)
        except Exception as error:
            raise read_error(error) from error
        match outcome:
            case "done":
                return
            case "moved":
                raise LaneChanged(f"the head of {key} is not {head} any more: look at the lane again")
            case _:
                raise LaneNotFound(f"no message stands in the lane of {key}")

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()
