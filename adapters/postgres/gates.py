"""Gates on PostgreSQL as people see and change them."""

from __future__ import annotations

import asyncpg

from adapters.ports.gate import BreakerState, GateRow
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement

_GATES = statement("gates")
_PAUSE = "SELECT tallystick.pause_system($1, $2, $3)"
_RESUME = "SELECT tallystick.resume_system($1, $2, $3)"


class PostgresGates:
    """Port `Gates`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def gates(self) -> list[GateRow]:
        return [_row(record) for record in await self._fetch(_GATES)]

    async def pause(self, system: str, *, actor: str, reason: str) -> None:
        await self._fetch(_PAUSE, system, actor, reason)

    async def resume(self, system: str, *, actor: str, reason: str) -> None:
        await self._fetch(_RESUME, system, actor, reason)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(query, *arguments)
        except Exception as error:
            raise read_error(error) from error


def _row(record: asyncpg.Record) -> GateRow:
    return GateRow(
        record["system"], record["at"], BreakerState(record["breaker"]), record["failures"], record["open_until"],
        record["last_failure"], record["last_failure_at"], record["wait_until"], record["paused_at"],
        record["paused_by"], record["pause_reason"], record["tokens"], record["tokens_at"], record["used"],
        record["quota_since"], record["in_flight"],
    )  # fmt: skip
