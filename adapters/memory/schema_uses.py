"""Which types of events each source sends, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from adapters.memory.tables import Clock, Tables
from adapters.ports.schema_uses import TOLD_AGAIN, SchemaUse, Use


class MemorySchemaUses:
    """Port `SchemaUses`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def add(self, uses: Sequence[Use]) -> None:
        now, kept = datetime.fromtimestamp(self._clock(), UTC), self._tables.schema_uses
        facts: list[tuple[str, bytes]] = []
        for use in sorted(uses, key=lambda each: (each.source, each.type)):
            place = use.source, use.type
            was = kept.get(place, SchemaUse(*place, 0, now, now))
            is_told = use.instead is not None and (was.told_at is None or was.told_at <= now - TOLD_AGAIN)
            row = replace(was, seen=was.seen + use.count, last_at=now, told_at=now if is_told else was.told_at)
            kept[place] = row
            if is_told:
                body = {"source": row.source, "type": row.type, "instead": use.instead, "seen": row.seen,
                        "first_at": row.first_at}  # fmt: skip
                facts.append(("schema.deprecated", orjson.dumps(body)))
        self._tables.tell([], facts)

    async def page(self, *, after: tuple[str, str] | None, limit: int) -> list[SchemaUse]:
        kept = self._tables.schema_uses
        return [kept[place] for place in sorted(kept) if after is None or place > after][:limit]

    async def close(self) -> None:
        """Nothing to close."""
