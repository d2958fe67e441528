"""First looks in memory."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from adapters.memory.tables import Tables
from adapters.ports.turns import StoreUnavailable


class MemoryLooks:
    """Port `Looks`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def begin(self, life: UUID) -> list[UUID]:
        self._tables.lives[life] = None
        return [other for other in self._tables.lives if other != life]

    async def end(self, lives: Sequence[UUID]) -> None:
        for life in lives:
            self._tables.lives.pop(life, None)

    async def take(self, survived: Sequence[UUID]) -> dict[UUID, int] | None:
        tables = self._tables
        if tables.looker is None:
            tables.looker = self
        if tables.looker is not self:
            return None
        self._forget(survived)
        self._forget([ref for ref in tables.lane_suspects if tables.inbox[ref].position is None])
        return dict(tables.lane_suspects)

    async def record(self, refs: Sequence[UUID], *, alone: bool, survived: Sequence[UUID]) -> None:
        if self._tables.looker is not self:
            raise StoreUnavailable("the connection was lost, and with it the look")
        self._forget(survived)
        for ref in refs:
            self._tables.lane_suspects[ref] = self._tables.lane_suspects.get(ref, 0) + alone

    async def leave(self, survived: Sequence[UUID]) -> None:
        self._forget(survived)
        await self.close()

    async def close(self) -> None:
        """Let another look."""
        if self._tables.looker is self:
            self._tables.looker = None

    def _forget(self, refs: Sequence[UUID]) -> None:
        for ref in refs:
            self._tables.lane_suspects.pop(ref, None)
