"""What has happened, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from adapters.ports.history import GivenId, PastMessage
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement
from schemas.keys import ActorKey

_MESSAGES = statement("past_messages")
_GIVEN_IDS = statement("given_ids")


class PostgresHistory:
    """Port `History`, over a connection of its own. `timeout`: seconds for one read, which may be long."""

    def __init__(self, url: str, timeout: float = 300.0) -> None:
        self._link = Link(url, timeout=timeout)

    async def messages(self, *, since: datetime | None, until: datetime | None, limit: int) -> list[PastMessage]:
        try:
            async with self._link as connection:
                found = await connection.fetch(_MESSAGES, since, until, limit)
        except Exception as error:
            raise read_error(error) from error
        return [
            PastMessage(row["ref"], ActorKey(row["entity"], row["key"]), row["body"], row["received_at"])
            for row in found
        ]

    async def given_ids(self, keys: Sequence[ActorKey]) -> list[GivenId]:
        try:
            async with self._link as connection:
                found = await connection.fetch(_GIVEN_IDS, [key.entity for key in keys], [key.id for key in keys])
        except Exception as error:
            raise read_error(error) from error
        return [
            GivenId(
                row["system"], row["operation"], ActorKey(row["entity"], row["key"]), row["line"], row["external_id"]
            )
            for row in found
        ]

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()
