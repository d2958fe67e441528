"""Counting a whole PostgreSQL database."""

from __future__ import annotations

import asyncpg

from adapters.ports.tally import Counted, Judged
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement

_COUNTS = statement("tally_counts")
_MESSAGES = "SELECT source, event_id, verdict FROM tallystick.inbox"
_LETTERS = "SELECT body FROM tallystick.dead_letter"


class PostgresTally:
    """Port `Tally`, over a connection of its own."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def count(self) -> Counted:
        rows = await self._fetch(_COUNTS)
        by_kind: dict[str, dict[str, int]] = {}
        for kind, name, count in rows:
            by_kind.setdefault(kind, {})[name] = count
        return Counted(
            verdicts=by_kind.get("verdict", {}),
            lanes=by_kind.get("lane", {}),
            commands=by_kind.get("command", {}),
            dead_letters=by_kind["dead_letter"][""],
            wakes=by_kind["wake"][""],
        )

    async def messages(self) -> list[Judged]:
        return [Judged(*row) for row in await self._fetch(_MESSAGES)]

    async def dead_letters(self) -> list[bytes]:
        return [row[0] for row in await self._fetch(_LETTERS)]

    async def close(self) -> None:
        """Close the connection."""
        await self._link.close()

    async def _fetch(self, query: str) -> list[asyncpg.Record]:
        try:
            async with self._link as connection:
                return await connection.fetch(query)
        except Exception as error:
            raise read_error(error) from error
