"""Suspects on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error

_ATTEMPT = "SELECT tallystick.attempt_suspect($1, $2)"
_CLEAR = "DELETE FROM tallystick.suspect WHERE digest = ANY ($1::bytea[])"


class PostgresSuspects:
    """Port `Suspects`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def attempt(self, digest: bytes, *, survived: Sequence[bytes]) -> int:
        try:
            async with self._link as connection:
                return int(await connection.fetchval(_ATTEMPT, digest, list(survived)))
        except Exception as error:
            raise read_error(error) from error

    async def clear(self, survived: Sequence[bytes]) -> None:
        try:
            async with self._link as connection:
                await connection.execute(_CLEAR, list(survived))
        except Exception as error:
            raise read_error(error) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()
