"""What a second person must allow, on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import asyncpg

from adapters.ports.approvals import ASKED, ENTITY, GIVEN, LASTS, NOBODY_ASKS, ONE_S_OWN, STEPS, USED, NotToApprove
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error

_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('tallystick.approval.' || $1, 0))"
"""One step of one approval at a time: else two would use the same one."""
_LAST: Final = """
    SELECT a.action, a.at, tallystick.person(a.actor) AS person FROM tallystick.audit a
    WHERE a.entity = $1 AND a.key = $2 AND a.at > now() - $3::interval AND a.action = ANY ($4::text[])
    ORDER BY a.id DESC LIMIT 1
"""
"""Who asks by a key is the person who made it."""
_STEP: Final = """
    INSERT INTO tallystick.audit (actor, action, entity, key, reason) VALUES ($1, $2, $3, $4, $5) RETURNING at
"""


class PostgresApprovals:
    """Port `Approvals`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def use(self, what: str, *, actor: str, reason: str) -> datetime | None:
        async with self._step(what) as (connection, last):
            used_at: datetime | None = None
            if last is not None and last["action"] == GIVEN:
                used_at = await connection.fetchval(_STEP, actor, USED, ENTITY, what, reason)
            elif last is None or last["action"] != ASKED:
                await connection.execute(_STEP, actor, ASKED, ENTITY, what, reason)
        return used_at

    async def used(self, what: str) -> datetime | None:
        async with self._step(what) as (_, last):
            used_at: datetime | None = last["at"] if last is not None and last["action"] == USED else None
        return used_at

    async def give(self, what: str, *, actor: str, reason: str) -> None:
        async with self._step(what) as (connection, last):
            is_asked = last is not None and last["action"] == ASKED
            is_own = last is not None and last["person"] == actor
            if is_asked and not is_own:
                await connection.execute(_STEP, actor, GIVEN, ENTITY, what, reason)
        if not is_asked or is_own:
            raise NotToApprove(ONE_S_OWN if is_asked else NOBODY_ASKS)

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    @asynccontextmanager
    async def _step(self, what: str) -> AsyncIterator[tuple[asyncpg.Connection[asyncpg.Record], asyncpg.Record | None]]:
        """The newest step that still counts, and a transaction in which nobody else takes one."""
        try:
            # Each statement sees what was committed before it, so the second what stands under the lock.
            async with self._link as connection, connection.transaction(isolation="read_committed"):
                await connection.execute(_LOCK, what)
                yield connection, await connection.fetchrow(_LAST, ENTITY, what, LASTS, STEPS)
        except Exception as error:
            raise read_error(error) from error
