"""Putting a lane in order: numbered messages take their places, and what is superseded ends."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from uuid import UUID

from adapters.memory.notices import case_notice
from adapters.memory.rows import Accepted, Happened
from adapters.memory.tables import Tables
from adapters.ports.cases import Closed
from adapters.ports.turns import Lane
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict


def arrange(tables: Tables, key: ActorKey, superseding: Container[UUID]) -> None:
    """After messages entered the lane at its end; if its head is another one then, the lane is open."""
    before = tables.lane(key)
    ended = _superseded(before, superseding)
    for row, by in ended:
        tables.place(row, key, None, Verdict.SUPERSEDED)
        row.reason = f"superseded by {by.message.id}"
    standing = [row for row in before if row.position is not None]
    ordered = _in_order(standing)
    if not ended and ordered == standing:
        return
    for row, position in zip(ordered, [row.position for row in standing], strict=True):
        tables.place(row, key, position, row.verdict)
    close_numbers(tables, key, [row for row, _ in ended])
    entity = tables.entities[key]
    lane = replace(entity.row.lane, depth=len(ordered))
    if not ordered or ordered[0] is not before[0]:
        keeps = lane.state is LaneState.PAUSED or (key.is_external and bool(ordered))
        entity.waiting_since = entity.waiting_since if keeps else None
        lane = lane if keeps else Lane(LaneState.OPEN, lane.depth, lane.tail)
        _change_heads(tables, key, before[0], ordered)
    tables.reopen(key, lane, entity.retry_at if lane.state is LaneState.BACKOFF else None)
    refs = {row.message.ref for row, _ in ended}
    version = entity.row.entity_version
    tables.timeline.extend(
        Happened(key, version, Verdict.SUPERSEDED, row.message.ref, reason=row.reason, at=tables.clock())
        for row, _ in ended
    )
    tables.tell(
        ((ref, Verdict.SUPERSEDED) for ref in sorted(refs)),
        map(case_notice, tables.close_cases(refs, Closed.SUPERSEDED)),
    )


def _change_heads(tables: Tables, key: ActorKey, before: Accepted, ordered: list[Accepted]) -> None:
    """The head of before, if it waited and stands behind another one now, is decided anew when it is reached."""
    if before.position is not None and before.verdict is Verdict.WAITING:
        tables.place(before, key, before.position, Verdict.QUEUED)
    if ordered and key.is_external:
        tables.place(ordered[0], key, ordered[0].position, Verdict.WAITING)


def close_numbers(tables: Tables, key: ActorKey, ended: Iterable[Accepted]) -> None:
    """Messages that ended outside of a turn: their numbers count as final."""
    row = tables.row(key)
    cursors = dict(row.cursors)
    for accepted in ended:
        series, number = accepted.message.series, accepted.message.sequence
        if series is not None and number is not None and series in cursors:
            cursors[series] = cursors[series].closed(number)
    tables.entities[key].row = replace(row, cursors=cursors)


def _superseded(lane: list[Accepted], superseding: Container[UUID]) -> list[tuple[Accepted, Accepted]]:
    """Messages of the lane of which a newer one of their source and type stands there, and the newest of these."""
    ended = []
    for old in lane:
        newer = [
            new
            for new in lane
            if _is_newer(new, old) and (old.message.ref in superseding or new.message.ref in superseding)
        ]
        if newer:
            ended.append((old, max(newer, key=lambda row: (row.message.sequence or 0, row.position or 0))))
    return ended


def _is_newer(new: Accepted, old: Accepted) -> bool:
    one, other = new.message, old.message
    if (one.source, _without_version(one.type), one.series) != (
        other.source,
        _without_version(other.type),
        other.series,
    ):
        return False
    if one.sequence is None or other.sequence is None:
        return (new.position or 0) > (old.position or 0)
    return one.sequence > other.sequence


def _in_order(lane: list[Accepted]) -> list[Accepted]:
    """Each numbered message stands where the first of its series with no smaller number stood."""

    def place(row: Accepted) -> tuple[int, int, int]:
        position, series, number = row.position or 0, row.message.series, row.message.sequence or 0
        if series is None:
            return position, 0, position
        behind = [
            other.position or 0
            for other in lane
            if other.message.series == series
            and ((other.message.sequence or 0, other.position or 0) >= (number, position))
        ]
        return min(behind), number, position

    return sorted(lane, key=place)


def _without_version(event_type: str) -> str:
    return event_type.rpartition(".v")[0] or event_type
