"""Restores in memory. Nothing can be restored here, so a test says that the tables went back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson

from adapters.memory.notices import case_notice
from adapters.memory.rows import Act, CaseRow
from adapters.memory.tables import Clock, Tables
from adapters.ports.restores import (
    CASE_ENTITY,
    IN_THE_FUTURE,
    NOTHING_HELD,
    NOTHING_RELEASED,
    Found,
    Phase,
    Restore,
    RestoreConflict,
    Seen,
    Tick,
    held_failure,
)
from adapters.ports.turns import Opened
from schemas.facts import Case
from schemas.keys import ActorKey


class MemoryRestores:
    """Port `Restores`. Its times are the clock's, read as seconds since 1970."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._past = tables.past
        self._clock = clock

    async def tick(self, remembered: int, epoch: UUID | None = None) -> Tick:
        past = self._past
        found = past.went_back(remembered, epoch)
        if found is None:
            past.counter += 1
            past.raised_at = self._clock()
        return Tick(past.counter, found, past.epoch)

    async def declare(
        self, *, since: datetime | None, found: Found, actor: str, reason: str, remembered: int = 0
    ) -> Restore:
        past, now = self._past, self._now()
        point = datetime.fromtimestamp(past.raised_at, UTC) if since is None else since
        if point > now:
            raise RestoreConflict(IN_THE_FUTURE)
        there = past.open
        if there is None:
            declared = Restore(len(past.restores) + 1, point, found, now, actor, reason)
            past.restores.append(declared)
        else:
            declared = Restore(there.id, min(there.since, point), found, now, actor, reason)
            self._put(declared)
        past.counter, past.raised_at = max(past.counter, remembered) + 1, self._clock()
        past.server, past.epoch = past.this_server, uuid4()
        self._tell(declared, "declared", actor, reason)
        if not self._cases(declared):
            change = self._tables.open_case(_case_key(declared), Opened(Case(held_failure(reason))))
            self._tables.tell([], [] if change is None else [case_notice(change)])
        return declared

    async def release(self, *, actor: str, reason: str) -> Restore:
        there = self._past.open
        if there is None or there.phase is not Phase.HELD:
            raise RestoreConflict(NOTHING_HELD)
        released = replace(there, released_at=self._now(), released_by=actor)
        self._put(released)
        self._tell(released, "released", actor, reason)
        self._tables.tell([], map(case_notice, self._tables.close_key(_case_key(released), actor)))
        return released

    async def end(self, *, actor: str, reason: str) -> Restore:
        there = self._past.open
        if there is None or there.phase is not Phase.RELEASED:
            raise RestoreConflict(NOTHING_RELEASED)
        over = replace(there, ended_at=self._now(), ended_by=actor)
        self._put(over)
        tables = self._tables
        open_keys = {row.command.key for row in tables.outbox.values()}
        open_keys |= {key for key, entity in tables.entities.items() if entity.row.lane.depth}
        for key in open_keys:
            self._past.keys.setdefault(key, set()).add(over.id)
        self._tell(over, "ended", actor, reason)
        return over

    async def look(self) -> Seen:
        past = self._past
        return Seen(past.counter, past.restores[-1] if past.restores else None)

    async def close(self) -> None:
        """Nothing to close."""

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _put(self, restore: Restore) -> None:
        self._past.restores[restore.id - 1] = restore

    def _cases(self, restore: Restore) -> list[CaseRow]:
        return [row for row in self._tables.cases if row.is_open and row.key == _case_key(restore)]

    def _tell(self, restore: Restore, what: str, actor: str, reason: str) -> None:
        self._tables.record(Act(actor, f"restore.{what}", None, None, reason))
        body = {"restore_id": str(restore.id), "what": what, "since": restore.since, "found": restore.found,
                "reason": reason}  # fmt: skip
        self._tables.tell([], [(f"restore.{what}", orjson.dumps(body))])


def _case_key(restore: Restore) -> ActorKey:
    return ActorKey(CASE_ENTITY, str(restore.id))
