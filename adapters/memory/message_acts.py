"""What operators do about one message, in memory."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from adapters.memory.arranging import arrange
from adapters.memory.notices import case_notice
from adapters.memory.rows import Accepted, Act, Happened
from adapters.memory.tables import Tables
from adapters.ports.cases import Closed
from adapters.ports.message_acts import (
    ENDED,
    EditTaken,
    KeptMessage,
    MessageElsewhere,
    MessageNotFound,
    MessageOvertaken,
)
from adapters.ports.turns import Lane, Message
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict

_PASSING = frozenset({Verdict.WAITING, Verdict.BACKOFF})


class MemoryMessageActs:
    """Port `MessageActs`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def kept(self, ref: UUID) -> KeptMessage | None:
        row = self._tables.inbox.get(ref)
        return None if row is None else KeptMessage(row.message, row.key, row.verdict, row.position is not None)

    async def undiscard(self, ref: UUID, *, actor: str, reason: str) -> ActorKey:
        row = self._found(ref, Verdict.DISCARDED)
        self._must_be_last(row)
        return self._bring_back(row, "undiscard", "undiscarded", actor, reason)

    async def force(self, ref: UUID, *, actor: str, reason: str) -> ActorKey:
        row = self._found(ref, Verdict.STALE)
        row.message = row.message._replace(series=None, sequence=None)
        return self._bring_back(row, "force", "forced", actor, reason)

    async def edit(self, ref: UUID, edited: Message, *, actor: str, reason: str) -> ActorKey:
        tables = self._tables
        row = tables.inbox.get(ref)
        if row is None:
            raise MessageNotFound(f"there is no message {ref}")
        key, position, old = row.key, row.position, row.message
        if edited.ref in tables.inbox:
            return key
        is_back = position is None
        if key.is_external or (is_back and row.verdict not in ENDED):
            raise _elsewhere(ref)
        if is_back and row.verdict is not Verdict.STALE:
            self._must_be_last(row)
        if (old.source, edited.id) in tables.identities:
            raise EditTaken(f"another message of its source has the id that message {ref} would get")
        if row.verdict is Verdict.STALE:
            old = old._replace(series=None, sequence=None)
        if position is None:
            position = self._first_place(key)
        is_head = not is_back and tables.lane(key)[0] is row
        new = edited._replace(source=old.source, type=old.type, series=old.series, sequence=old.sequence)
        told = f"{actor} edited it, as {new.id}: {reason}"
        tables.inbox[new.ref] = Accepted(new, key, Verdict.QUEUED, tables.clock(), None, 0, None)
        tables.identities[new.source, new.id] = new.ref
        tables.place(tables.inbox[new.ref], key, position, Verdict.QUEUED)
        tables.place(row, key, None, Verdict.SUPERSEDED)
        row.reason = told
        if is_back:
            arrange(tables, key, frozenset())
        elif is_head:
            self._open_behind(key)
        else:
            tables.reopen(key, tables.row(key).lane, tables.entities[key].retry_at)
        self._happened(key, Verdict.SUPERSEDED, ref, told)
        self._happened(key, "edited", new.ref, told)
        closed = tables.close_cases({ref}, Closed.SUPERSEDED, actor)
        tables.tell([(ref, Verdict.SUPERSEDED), (new.ref, Verdict.QUEUED)], map(case_notice, closed))
        tables.audit.append(Act(actor, "message.edit", key, ref, f"as {new.id}: {reason}", tables.clock()))
        return key

    async def close(self) -> None:
        """Nothing to close."""

    def _found(self, ref: UUID, verdict: Verdict) -> Accepted:
        row = self._tables.inbox.get(ref)
        if row is None:
            raise MessageNotFound(f"there is no message {ref}")
        if row.verdict is not verdict or row.key.is_external:
            raise _elsewhere(ref)
        return row

    def _bring_back(self, row: Accepted, action: str, what: str, actor: str, reason: str) -> ActorKey:
        tables, key, ref = self._tables, row.key, row.message.ref
        tables.place(row, key, self._first_place(key), Verdict.QUEUED)
        row.attempts, row.reason = 0, None
        arrange(tables, key, frozenset())  # a smaller number may have come since it was discarded
        self._happened(key, what, ref, f"{actor}: {reason}")
        closed = tables.close_cases({ref}, Closed.RETRIED, actor)
        tables.tell([(ref, Verdict.QUEUED)], map(case_notice, closed))
        tables.audit.append(Act(actor, f"message.{action}", key, ref, reason, tables.clock()))
        return key

    def _must_be_last(self, row: Accepted) -> None:
        """Raise `MessageOvertaken` if anything of its key was applied since it ended."""
        lines = [line for line in self._tables.timeline if line.key == row.key]
        ends = (row.message.ref, str(row.verdict))
        ended = max((at for at, line in enumerate(lines) if (line.ref, str(line.what)) == ends), default=None)
        if ended is None or any(line.what == Verdict.APPLIED for line in lines[ended:]):
            raise MessageOvertaken(f"something of {row.key} was applied since it ended")

    def _first_place(self, key: ActorKey) -> int:
        """The place before all others of a lane, which opens for one message more."""
        standing, lane = self._tables.lane(key), self._tables.row(key).lane
        tail = lane.tail + (not standing)
        self._open_behind(key, replace(lane, depth=lane.depth + 1, tail=tail))
        return lane.tail if not standing else (standing[0].position or 0) - 1

    def _open_behind(self, key: ActorKey, lane: Lane | None = None) -> None:
        """The lane may run again, unless it is paused; its former head is decided anew once it is reached."""
        lane = self._tables.row(key).lane if lane is None else lane
        for each in self._tables.lane(key):
            if each.verdict in _PASSING:
                self._tables.place(each, key, each.position, Verdict.QUEUED)
        keeps = lane.state is LaneState.PAUSED
        self._tables.reopen(key, lane if keeps else Lane(LaneState.OPEN, lane.depth, lane.tail))

    def _happened(self, key: ActorKey, what: str, ref: UUID, reason: str) -> None:
        version = self._tables.row(key).entity_version
        self._tables.timeline.append(Happened(key, version, what, ref, reason=reason, at=self._tables.clock()))


def _elsewhere(ref: UUID) -> MessageElsewhere:
    return MessageElsewhere(f"message {ref} has another verdict, or waits for an id to be bound")
