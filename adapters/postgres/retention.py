"""Retention on PostgreSQL."""

from __future__ import annotations

from adapters.ports.retention import Old
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error

_REMOVE = "SELECT tallystick.remove_old($1, $2, $3)"


class PostgresRetention:
    """Port `Retention`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def remove(self, old: Old, *, age: float, limit: int) -> int | None:
        try:
            async with self._link as connection:
                removed: int | None = await connection.fetchval(_REMOVE, old, age, limit)
        except Exception as error:
            raise read_error(error) from error
        return removed

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()
