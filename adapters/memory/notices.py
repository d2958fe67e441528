"""Notices in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import orjson

from adapters.memory.rows import CaseChange, Told
from adapters.memory.tables import Tables
from adapters.ports.letters import DeadLetter
from adapters.ports.outbox import NoticeRow
from adapters.ports.turns import Turn
from schemas.verdicts import Verdict

_CONFLICT: Final = "conflict:"
"""Before the source of a message in conflict with an earlier one; behind its id stands `#` and its hash."""


class MemoryNotices:
    """Port `Notices`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def pending(self, *, limit: int) -> list[NoticeRow]:
        if self._tables.teller is None:
            self._tables.teller = self
        if self._tables.teller is not self:
            return []
        rows: list[NoticeRow] = []
        for told in self._tables.notices:
            if len(rows) >= limit:
                break
            rows.extend(self._rows(told))
        return rows

    async def published(self, ids: Sequence[int]) -> None:
        self._tables.notices = [told for told in self._tables.notices if told.id not in ids]

    async def close(self) -> None:
        """Let another tell."""
        if self._tables.teller is self:
            self._tables.teller = None

    def _rows(self, told: Told) -> Iterator[NoticeRow]:
        messages = [(f"message.{verdict}", self._message(ref, verdict)) for ref, verdict in told.verdicts]
        for place, (routing_key, body) in enumerate([*messages, *told.facts], 1):
            yield NoticeRow(told.id, place, routing_key, body)

    def _message(self, ref: UUID, verdict: Verdict) -> bytes:
        """A message as it stands in the inbox, under the source and id that its sender gave it.

        Its time is the clock's, read as seconds since 1970.
        """
        row = self._tables.inbox[ref]
        source, id = row.message.source, row.message.id
        if source.startswith(_CONFLICT):
            source, id = source.removeprefix(_CONFLICT), id.rpartition("#")[0]
        return orjson.dumps(
            {"ref": ref, "source": source, "id": id, "type": row.message.type,
             "entity": row.key.entity, "key": row.key.id, "verdict": verdict, "reason": row.reason,
             "at": datetime.fromtimestamp(row.at, UTC)}
        )  # fmt: skip


def facts_of(turn: Turn) -> Iterator[tuple[str, bytes]]:
    """A turn's entity facts, with their routing keys."""
    entity, key = turn.key
    for notice in turn.notices:
        body = {"entity": entity, "key": key, "entity_version": turn.entity_version, "fact": notice.fact,
                "attributes": dict(notice.attributes)}  # fmt: skip
        yield f"entity.{entity}.{notice.fact}", orjson.dumps(body)


def case_notice(change: CaseChange) -> tuple[str, bytes]:
    """What happened to a case, with its routing key."""
    what, row = change
    case, failure = row.opened.case, row.opened.case.failure
    body = {"case_id": str(row.id), "what": what, "class": failure.failure_class, "code": failure.code,
            "entity": row.key.entity, "key": row.key.id, "reason": failure.reason, "topic": case.topic,
            "owner": case.owner, "assignee": row.assignee}  # fmt: skip
    return f"case.{what}", orjson.dumps(body)


def letter_notice(letter: DeadLetter) -> tuple[str, bytes]:
    """That something could not become a message, with its routing key."""
    body = {"digest": letter.digest.hex(), "queue": letter.queue, "routing_key": letter.routing_key,
            "class": letter.failure_class, "code": letter.code, "reason": letter.reason}  # fmt: skip
    return "message.dead_letter", orjson.dumps({name: _plain(text) for name, text in body.items()})


def _plain(text: str) -> str:
    """Text that UTF-8 can carry: no lone surrogate."""
    return text.encode("utf-8", "backslashreplace").decode()
