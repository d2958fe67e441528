"""Audited looks, in memory."""

from __future__ import annotations

from uuid import UUID

from adapters.memory.rows import Act
from adapters.memory.tables import Tables
from adapters.ports.reveals import NotKept
from schemas.keys import ActorKey


class MemoryReveals:
    """Port `Reveals`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def message(self, ref: UUID, *, actor: str, reason: str) -> bytes:
        accepted = self._tables.inbox.get(ref)
        if accepted is None:
            raise NotKept(f"no message {ref} is kept")
        self._tables.record(Act(actor, "message.payload", accepted.key, ref, reason))
        return accepted.message.body

    async def entity(self, key: ActorKey, *, actor: str, reason: str) -> None:
        self._tables.record(Act(actor, "entity.reveal", key, None, reason))

    async def close(self) -> None:
        """Nothing to close."""
