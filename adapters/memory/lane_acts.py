"""What operators do to lanes, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, assert_never
from uuid import UUID

from adapters.memory.arranging import close_numbers
from adapters.memory.lanes import run_again
from adapters.memory.notices import case_notice
from adapters.memory.pauses import is_paused
from adapters.memory.rows import Act, Happened, Logged, Standing
from adapters.memory.tables import Tables
from adapters.ports.cases import Closed
from adapters.ports.outbox import Attempt, Ending, SendLane
from adapters.ports.store import (
    CommandChanged,
    CommandInUse,
    CommandNotFound,
    LaneChanged,
    LaneKills,
    LaneNotFound,
    Seen,
    SeenAttempts,
    SeenCase,
)
from adapters.ports.turns import Lane
from schemas.commands import command_id
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict

_REFUSED = frozenset({Ending.REJECTED, Ending.ABSENT})
_NOTHING_DONE = frozenset({Ending.DEFERRED, Ending.UNSENT, Ending.UNANSWERED, Ending.REJECTED})
_STOPPED = frozenset({LaneState.BACKOFF, LaneState.WAITING, LaneState.PARKED})


class MemoryLaneActs:
    """Port `LaneActs`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def retry(self, key: ActorKey, *, actor: str, reason: str, force: bool = False) -> None:
        tables = self._tables
        if not tables.row(key).row_version:
            raise LaneNotFound(f"there is no {key}")
        parked = [row for row in tables.outbox.values() if row.command.key == key and row.is_parked]
        kills = not force and self._kills(key)
        if kills and not parked:
            raise LaneKills(f"a message in the lane of {key} has ended the process each time it was decided")
        lane = tables.row(key).lane
        again: set[UUID] = set()
        if lane.depth and lane.state in _STOPPED and not key.is_external and not kills:
            again.update(run_again(tables, key, Verdict.WAITING, Verdict.BACKOFF, Verdict.PARKED))
            for ref in again:
                tables.lane_suspects.pop(ref, None)
        again.update(standing.command.id for standing in parked)
        tables.tell([], map(case_notice, tables.close_cases(again, Closed.RETRIED, actor)))
        for standing in parked:
            self._reopen_command(standing)
        tables.record(Act(actor, "lane.retry", key, None, reason))

    async def discard(self, key: ActorKey, *, head: UUID, actor: str, reason: str) -> None:
        tables = self._tables
        standing = tables.lane(key)
        if not standing:
            raise LaneNotFound(f"no message stands in the lane of {key}")
        if standing[0].message.ref != head:
            raise LaneChanged(f"the head of {key} is not {head} any more: look at the lane again")
        row, why = tables.row(key), f"{actor}: {reason}"
        tables.place(standing[0], key, None, Verdict.DISCARDED)
        standing[0].reason = why
        keeps = row.lane.state is LaneState.PAUSED or (key.is_external and len(standing) > 1)
        depth, tail = row.lane.depth - 1, row.lane.tail
        tables.reopen(key, replace(row.lane, depth=depth) if keeps else Lane(LaneState.OPEN, depth, tail))
        close_numbers(tables, key, standing[:1])
        tables.timeline.append(
            Happened(key, row.entity_version, Verdict.DISCARDED, head, reason=why, at=tables.clock())
        )
        tables.tell([(head, Verdict.DISCARDED)], map(case_notice, tables.close_cases({head}, Closed.DISCARDED, actor)))
        tables.record(Act(actor, "lane.discard", key, head, reason))

    async def close_gap(self, key: ActorKey, *, series: str, through: int, actor: str, reason: str) -> None:
        tables = self._tables
        row = tables.row(key)
        cursor = row.cursors.get(series)
        if cursor is None or cursor.through is None:
            raise LaneNotFound(f"{key} has no numbered events of {series}")
        if cursor.through >= through:
            raise LaneChanged(f"the numbers of {series} up to {cursor.through} are closed already")
        waiting = [one.message.sequence or 0 for one in tables.lane(key) if one.message.series == series]
        if through >= min((number for number in waiting if number > cursor.through), default=0):
            raise LaneChanged(f"number {through} of {series} is not below the first that waits in the lane")
        closed = {**row.cursors, series: cursor.closed_through(through)}
        lane = row.lane
        if lane.state is LaneState.WAITING and lane.target is None and not key.is_external:
            lane = Lane(LaneState.OPEN, lane.depth, lane.tail)
        tables.write(replace(row, row_version=row.row_version + 1, lane=lane, cursors=closed))
        why = f"{series} up to {through}: {reason}"
        line = f"{actor} closed the numbers of {why}"
        tables.timeline.append(Happened(key, row.entity_version, "gap_closed", reason=line, at=tables.clock()))
        tables.record(Act(actor, "lane.close_gap", key, None, why))

    async def settle(
        self, key: ActorKey, *, command: UUID, seen: Seen, is_there: bool, external_id: str | None, actor: str,
        reason: str,
    ) -> str:  # fmt: skip
        tables = self._tables
        standing = tables.outbox.get(command)
        if standing is None or standing.command.key != key:
            raise CommandNotFound(f"{key} has no open command {command}")
        if not self._is_as(seen, command):
            raise CommandChanged(f"command {command} is not as it was seen")
        if not standing.is_parked and not is_paused(tables, standing.command):
            raise CommandInUse(f"command {command} is not parked, and may be sent at any time: pause {key} first")
        if SendLane(standing.command.system, key) in tables.leases:
            raise CommandInUse(f"command {command} is being sent: settle it when that has ended")
        later = _found_later([logged.attempt for logged in tables.attempts.get(command, ())]) if is_there else None
        if later is not None:
            standing = self._renamed(standing, later.generation)
            external_id = external_id or later.external_id
        ending = Ending.CONFIRMED if is_there else Ending.ABSENT
        self._log(standing, ending, external_id, f"{actor}: {reason}")
        tables.tell([], map(case_notice, tables.close_cases({standing.command.id}, Closed.RESOLVED, actor)))
        told = f"{standing.command.reference} is {'' if is_there else 'not '}there: {reason}"
        if is_there:
            _let_go(standing)
        else:
            standing = self._reopen_command(standing)
        tables.record(Act(actor, "command.settle", key, None, told))
        return standing.command.reference

    async def close(self) -> None:
        """Nothing to close."""

    def _is_as(self, seen: Seen, command: UUID) -> bool:
        match seen:
            case SeenCase(id, version):
                cases = self._tables.cases
                return any((row.id, row.version, row.opened.command_id) == (id, version, command) for row in cases)
            case SeenAttempts(number):
                return number == max(
                    (each.attempt.number for each in self._tables.attempts.get(command, ())), default=0
                )
            case _:
                assert_never(seen)

    def _kills(self, key: ActorKey) -> bool:
        parked = {row.message.ref for row in self._tables.lane(key) if row.verdict is Verdict.PARKED}
        return any(
            case.is_open and case.opened.ref in parked and case.opened.case.failure.code == "kills_process"
            for case in self._tables.cases
        )

    def _log(self, standing: Standing, ending: Ending, external_id: str | None, why: str) -> None:
        """What a person says, as the newest attempt."""
        command, now = standing.command, self._tables.clock()
        log = self._tables.attempts.setdefault(command.id, [])
        number = log[-1].attempt.number + 1 if log else 1
        said = Attempt(number, ending, 0.0, None, external_id, None, "settled_by_person", why)
        log.append(Logged(command.id, said, now, now, command, standing.place))

    def _reopen_command(self, standing: Standing) -> Standing:
        """Let it run again, as it stands then; a command that did nothing gets a new generation.

        It is behind every one that the system was found to have: who remembers it would answer for what was undone.
        """
        id, generation = standing.command.id, standing.command.generation
        if self._is_to_be_renamed(id):
            found = [logged.attempt.found_generation or 0 for logged in self._tables.attempts.get(id, ())]
            standing = self._renamed(standing, max([generation, *found]) + 1)
        _let_go(standing)
        return standing

    def _is_to_be_renamed(self, id: UUID) -> bool:
        """Only what did nothing: the effect of another must be found under the name that it was sent with."""
        return _did_nothing([logged.attempt.ending for logged in self._tables.attempts.get(id, ())])

    def _renamed(self, standing: Standing, generation: int) -> Standing:
        """The command under another generation, and so another identity, at the same place.

        Its cases go along: should it fail again, they are the same.
        """
        tables, old = self._tables, standing.command
        new = command_id(old.system, old.operation, old.key, old.line, generation)
        reference = f"{old.reference.rpartition('/')[0]}/{generation}"
        tables.unqueue(old.id)
        renamed = Standing(
            old._replace(id=new, generation=generation, reference=reference), standing.place, standing.at,
            resend=standing.resend, doubted_at=standing.doubted_at,
        )  # fmt: skip
        tables.queue(renamed)
        for row in tables.cases:
            if row.opened.command_id == old.id:
                row.opened = replace(row.opened, command_id=new)
        return renamed


class _Later(NamedTuple):
    """What a system was found to have of a later generation."""

    generation: int
    external_id: str | None


def _let_go(standing: Standing) -> None:
    standing.is_parked, standing.reason, standing.due_at = False, None, None


def _found_later(attempts: Sequence[Attempt]) -> _Later | None:
    """The one that was found last, unless everything was proved absent since."""
    for attempt in reversed(attempts):
        if attempt.ending is Ending.ABSENT:
            return None
        if attempt.found_generation is not None:
            return _Later(attempt.found_generation, attempt.external_id)
    return None


def _did_nothing(endings: Sequence[Ending | None]) -> bool:
    """Whether a command was rejected or absent, and nothing since it was last absent may have landed."""
    since = 0
    for place, ending in enumerate(endings, 1):
        if ending is Ending.ABSENT:
            since = place
    return not _REFUSED.isdisjoint(endings) and _NOTHING_DONE.issuperset(endings[since:])
