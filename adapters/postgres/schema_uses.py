"""Which types of events each source sends, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adapters.ports.schema_uses import TOLD_AGAIN, SchemaUse, Use
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error

_ADD: Final = "SELECT tallystick.add_schema_uses($1, $2, $3, $4, $5)"
_PAGE: Final = """
    SELECT source, type, seen, first_at, last_at, told_at FROM tallystick.schema_use
    WHERE $1::text IS NULL OR (source, type) > ($1, $2) ORDER BY source, type LIMIT $3
"""


class PostgresSchemaUses:
    """Port `SchemaUses`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def add(self, uses: Sequence[Use]) -> None:
        sources, types = [use.source for use in uses], [use.type for use in uses]
        counts, instead = [use.count for use in uses], [use.instead for use in uses]
        try:
            async with self._link as connection:
                await connection.execute(_ADD, sources, types, counts, instead, TOLD_AGAIN)
        except Exception as error:
            raise read_error(error) from error

    async def page(self, *, after: tuple[str, str] | None, limit: int) -> list[SchemaUse]:
        source, type_ = after or (None, None)
        try:
            async with self._link as connection:
                found = await connection.fetch(_PAGE, source, type_, limit)
        except Exception as error:
            raise read_error(error) from error
        return [SchemaUse(*record) for record in found]

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()
