"""Keys of programs in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from adapters.memory.rows import Act
from adapters.memory.tables import Clock, Tables
from adapters.ports.api_keys import ENTITY, MADE, REVOKED, ApiKey, KeyNameTaken, KeyNotFound, Scope
from schemas.keys import ActorKey


class MemoryApiKeys:
    """Port `ApiKeys`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def make(self, name: str, digest: bytes, scope: Scope, *, days: int, actor: str, reason: str) -> ApiKey:
        kept = self._tables.api_keys
        if any(key.name == name for key in kept.values()):
            raise KeyNameTaken(f"there is, or was, a key {name}")
        now = self._now()
        kept[digest] = ApiKey(len(kept) + 1, name, scope, actor, reason, now, now + timedelta(days=days))
        self._tables.record(Act(actor, MADE, ActorKey(ENTITY, name), None, reason))
        return kept[digest]

    async def of(self, digest: bytes) -> ApiKey | None:
        key = self._tables.api_keys.get(digest)
        return key if key is not None and key.revoked_at is None and key.expires_at > self._now() else None

    async def page(self, *, before: int | None, limit: int) -> list[ApiKey]:
        newest_first = sorted(self._tables.api_keys.values(), key=lambda key: key.id, reverse=True)
        return [key for key in newest_first if before is None or key.id < before][:limit]

    async def revoke(self, id: int, *, actor: str, reason: str) -> ApiKey:
        kept = self._tables.api_keys
        digest = next((digest for digest, key in kept.items() if key.id == id), None)
        if digest is None:
            raise KeyNotFound(f"there is no key {id}")
        if kept[digest].revoked_at is None:
            kept[digest] = replace(kept[digest], revoked_at=self._now(), revoked_by=actor)
            self._tables.record(Act(actor, REVOKED, ActorKey(ENTITY, kept[digest].name), None, reason))
        return kept[digest]

    async def close(self) -> None:
        """Nothing to close."""

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)
