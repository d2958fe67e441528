"""Notices in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import orjson

from adapters.memory.rows import Told
from adapters.memory.tables import Tables
from adapters.ports.outbox import NoticeRow
from adapters.ports.turns import Turn
from schemas.verdicts import Verdict


class MemoryNotices:
    """Port `Notices`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def pending(self, *, limit: int) -> list[NoticeRow]:
        return [row for told in self._tables.notices[:limit] for row in self._rows(told)]

    async def published(self, ids: Sequence[int]) -> None:
        self._tables.notices = [told for told in self._tables.notices if told.id not in ids]

    async def close(self) -> None:
        """Nothing to close."""

    def _rows(self, told: Told) -> Iterator[NoticeRow]:
        for ref, verdict in told.verdicts:
            yield NoticeRow(told.id, f"message.{verdict}", self._message(ref, verdict))
        for routing_key, body in told.facts:
            yield NoticeRow(told.id, routing_key, body)

    def _message(self, ref: UUID, verdict: Verdict) -> bytes:
        """A message as it stands in the inbox. Its time is the clock's, read as seconds since 1970."""
        row = self._tables.inbox[ref]
        return orjson.dumps(
            {"ref": ref, "source": row.message.source, "id": row.message.id, "type": row.message.type,
             "entity": row.key.entity, "key": row.key.id, "verdict": verdict, "reason": row.reason,
             "at": datetime.fromtimestamp(row.at, UTC)}
        )  # fmt: skip


def facts_of(turn: Turn) -> Iterator[tuple[str, bytes]]:
    """A turn's entity facts and opened cases, with their routing keys."""
    entity, key = turn.key
    for notice in turn.notices:
        body = {"entity": entity, "key": key, "entity_version": turn.entity_version, "fact": notice.fact,
                "attributes": dict(notice.attributes)}  # fmt: skip
        yield f"entity.{entity}.{notice.fact}", orjson.dumps(body)
    for opened in turn.opened:
        failure = opened.case.failure
        body = {"what": "opened", "class": failure.failure_class, "code": failure.code, "entity": entity, "key": key,
                "reason": failure.reason}  # fmt: skip
        yield "case.opened", orjson.dumps(body)
