"""Counts a whole database: what stands, what is settled, and where each message ended. For small databases only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement

_COUNTS = statement("tally_counts")
_MESSAGES = "SELECT source, event_id, verdict FROM tallystick.inbox"
_LETTERS = "SELECT body FROM tallystick.dead_letter"


@dataclass(frozen=True, slots=True)
class Counted:
    """`lanes`: those that hold messages, by state. `commands`: not settled, by state. `wakes`: not yet taken."""

    verdicts: Mapping[str, int]
    lanes: Mapping[str, int]
    commands: Mapping[str, int]
    dead_letters: int
    wakes: int

    @property
    def messages(self) -> int:
        """Messages that were accepted; each has one verdict."""
        return sum(self.verdicts.values())


@dataclass(frozen=True, slots=True)
class Judged:
    """A message of the inbox and its verdict."""

    source: str
    id: str
    verdict: str


class PostgresTally:
    """Reads over a connection of its own. Raises `StoreUnavailable`."""

    def __init__(self, url: str) -> None:
        self._link = Link(url)

    async def count(self) -> Counted:
        """The counts as of now, all from one snapshot."""
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
        """Every accepted message."""
        return [Judged(*row) for row in await self._fetch(_MESSAGES)]

    async def dead_letters(self) -> list[bytes]:
        """The body of every dead letter."""
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
