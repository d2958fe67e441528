"""The operators' audit in memory."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.memory.rows import Act as Row
from adapters.memory.tables import Clock, Tables
from adapters.ports.audit import NOTHING_BEFORE, Act, ActFilter, Chain, Head, Link, Seal, SealedAct, sealed


class MemoryAudit:
    """Port `Audit`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def page(self, chosen: ActFilter, *, before: int | None, limit: int) -> list[SealedAct]:
        seals = {seal.act: seal for seal in self._tables.seals}
        acts = [
            act
            for act in reversed(_acts(self._tables))
            if (before is None or act.id < before) and _is_meant(act, chosen)
        ]
        return [SealedAct(act, seals.get(act.id)) for act in acts[:limit]]

    async def chain(self) -> Chain:
        tables = self._tables
        head = tables.seals[-1] if tables.seals else None
        return Chain(
            Head(0, NOTHING_BEFORE) if head is None else Head(head.place, head.hash),
            0 if head is None else head.act,
            None if tables.sealed_until is None else _moment(tables.sealed_until),
            len(tables.audit) - len(tables.seals),
        )

    async def links(self, *, after: int, through: int, limit: int) -> list[Link]:
        seals = {seal.act: seal for seal in self._tables.seals}
        chosen = [act for act in _acts(self._tables) if after < act.id <= through][:limit]
        return [Link(act.id, act, seals.get(act.id)) for act in chosen]

    async def close(self) -> None:
        """Nothing to close."""


class MemorySealing:
    """Port `Sealing`. Acts are there at once, so all are sealed that were there at the call before."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def seal(self, *, page: int) -> int | None:
        tables, now = self._tables, _moment(self._clock())
        marked, marked_at = tables.audit_mark
        count = 0
        for act in _acts(tables)[len(tables.seals) : marked][:page]:
            last = tables.seals[-1] if tables.seals else Seal(0, 0, now, b"", NOTHING_BEFORE)
            tables.seals.append(sealed(last.place + 1, now, act, last.hash))
            count += 1
        if count < page:
            tables.sealed_until = marked_at
            tables.audit_mark = (len(tables.audit), self._clock())
        return count

    async def until(self) -> datetime | None:
        until = self._tables.sealed_until
        return None if until is None else _moment(until)

    async def close(self) -> None:
        """Nothing to close."""


def _acts(tables: Tables) -> list[Act]:
    return [_act(place, row) for place, row in enumerate(tables.audit, 1)]


def _act(id: int, row: Row) -> Act:
    entity, key = (None, None) if row.key is None else (row.key.entity or None, row.key.id or None)
    return Act(id, _moment(row.at), row.actor, row.action, entity, key, row.ref, row.reason)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _is_meant(act: Act, chosen: ActFilter) -> bool:
    return (
        chosen.actor in (None, act.actor)
        and (chosen.action is None or act.action == chosen.action or act.action.startswith(f"{chosen.action}."))
        and chosen.entity in (None, act.entity)
        and chosen.key in (None, act.key)
        and (chosen.since is None or act.at >= chosen.since)
        and (chosen.until is None or act.at < chosen.until)
    )
