"""What operators do to lanes, on PostgreSQL: each act is one function, which locks the row and writes the audit."""

from __future__ import annotations

from typing import assert_never
from uuid import UUID

from adapters.ports.store import (
    CommandChanged,
    CommandInUse,
    CommandNotFound,
    LaneChanged,
    LaneKills,
    LaneNotFound,
    Seen,
    SeenAttempts,
    SeenCase,
)
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from schemas.keys import ActorKey

_RETRY = "SELECT tallystick.retry_lane($1, $2, $3, $4, $5)"
_DISCARD = "SELECT tallystick.discard_head($1, $2, $3, $4, $5)"
_CLOSE_GAP = "SELECT tallystick.close_gap($1, $2, $3, $4, $5, $6)"

_SETTLE = "SELECT outcome, counts_as FROM tallystick.settle_command($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"


class PostgresLaneActs:
    """Port `LaneActs`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def retry(self, key: ActorKey, *, actor: str, reason: str, force: bool = False) -> None:
        try:
            async with self._link as connection:
                outcome = await connection.fetchval(_RETRY, key.entity, key.id, actor, reason, force)
        except Exception as error:
            raise read_error(error) from error
        match outcome:
            case "done":
                return
            case "kills":
                raise LaneKills(f"a message in the lane of {key} has ended the process each time it was decided")
            case _:
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

    async def close_gap(self, key: ActorKey, *, series: str, through: int, actor: str, reason: str) -> None:
        try:
            async with self._link as connection:
                outcome = await connection.fetchval(_CLOSE_GAP, key.entity, key.id, series, through, actor, reason)
        except Exception as error:
            raise read_error(error) from error
        match outcome:
            case "done":
                return
            case "closed":
                raise LaneChanged(f"the numbers of {series} up to {through} are closed already")
            case "beyond":
                raise LaneChanged(f"number {through} of {series} is not below the first that waits in the lane")
            case _:
                raise LaneNotFound(f"{key} has no numbered events of {series}")

    async def settle(
        self, key: ActorKey, *, command: UUID, seen: Seen, is_there: bool, external_id: str | None, actor: str,
        reason: str,
    ) -> str:  # fmt: skip
        try:
            async with self._link as connection:
                [said] = await connection.fetch(
                    _SETTLE, key.entity, key.id, command, *_seen(seen), is_there, external_id, actor, reason
                )
        except Exception as error:
            raise read_error(error) from error
        match said["outcome"]:
            case "done":
                return str(said["counts_as"])
            case "changed":
                raise CommandChanged(f"command {command} is not as it was seen")
            case "open":
                raise CommandInUse(f"command {command} is not parked, and may be sent at any time: pause {key} first")
            case "sending":
                raise CommandInUse(f"command {command} is being sent: settle it when that has ended")
            case _:
                raise CommandNotFound(f"{key} has no open command {command}")

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()


def _seen(seen: Seen) -> tuple[int | None, int | None, int | None]:
    """The number of the case, its version, and the number of the newest attempt."""
    match seen:
        case SeenCase(id, version):
            return id, version, None
        case SeenAttempts(number):
            return None, None, number
        case _:
            assert_never(seen)
