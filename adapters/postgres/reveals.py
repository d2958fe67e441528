"""Audited looks on PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from adapters.ports.reveals import NotKept
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement
from schemas.keys import ActorKey

_MESSAGE = statement("reveal_message")
_ENTITY = """
    INSERT INTO tallystick.audit (actor, action, entity, key, reason) VALUES ($1, 'entity.reveal', $2, $3, $4)
"""


class PostgresReveals:
    """Port `Reveals`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def message(self, ref: UUID, *, actor: str, reason: str) -> bytes:
        try:
            async with self._link as connection:
                body: bytes | None = await connection.fetchval(_MESSAGE, ref, actor, reason)
        except Exception as error:
            raise read_error(error) from error
        if body is None:
            raise NotKept(f"no message {ref} is kept")
        return body

    async def entity(self, key: ActorKey, *, actor: str, reason: str) -> None:
        try:
            async with self._link as connection:
                await connection.execute(_ENTITY, actor, key.entity, key.id, reason)
        except Exception as error:
            raise read_error(error) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()
