"""Plans of repair on PostgreSQL."""

from __future__ import annotations

import asyncpg

from adapters.ports.recon_plans import Plan, PlanOpen
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error

_KEEP = "SELECT * FROM tallystick.keep_recon_plan($1, $2, $3, $4, $5)"
_OF = "SELECT * FROM tallystick.recon_plan WHERE run = $1 ORDER BY number"
_OPEN = "SELECT * FROM tallystick.recon_plan WHERE ended_at IS NULL ORDER BY at, id"
_END = "UPDATE tallystick.recon_plan SET ended_at = now() WHERE id = $1 AND ended_at IS NULL"


class PostgresPlans:
    """Port `Plans`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def keep(self, run: int, body: bytes, *, by: str, click: str, reason: str) -> Plan:
        [found] = await self._fetch(_KEEP, run, body, by, click, reason)
        plan = _plan(found)
        if not plan.is_of(run, by, click):
            raise PlanOpen(plan)
        return plan

    async def of(self, run: int) -> list[Plan]:
        return [_plan(record) for record in await self._fetch(_OF, run)]

    async def open(self) -> list[Plan]:
        return [_plan(record) for record in await self._fetch(_OPEN)]

    async def end(self, id: str) -> None:
        await self._fetch(_END, id)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _fetch(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(text, *arguments)
        except Exception as error:
            raise read_error(error) from error


def _plan(record: asyncpg.Record) -> Plan:
    return Plan(
        record["id"], record["run"], record["by"], record["at"], bytes(record["body"]), record["click"],
        record["ended_at"],
    )  # fmt: skip
