"""Lanes in memory: finding those that may run, waking those that wait, and what operators do to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from adapters.memory.notices import case_notice
from adapters.memory.rows import Act, Happened, Standing
from adapters.memory.tables import Clock, Tables
from adapters.ports.outbox import Ending
from adapters.ports.store import LaneChanged, LaneNotFound, OpenLane
from adapters.ports.turns import Lane
from schemas.commands import command_id
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict

_REFUSED = frozenset({Ending.REJECTED, Ending.ABSENT})
_NOTHING_DONE = frozenset({Ending.REJECTED, Ending.DEFERRED, Ending.UNSENT})
_STOPPED = frozenset({LaneState.BACKOFF, LaneState.WAITING, LaneState.PARKED})


class MemoryLanes:
    """Port `Lanes`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def runnable(self, *, after: ActorKey | None, limit: int) -> list[OpenLane]:
        keys = sorted(key for key in self._tables.lanes if (after is None or key > after) and self._may_run(key))
        return [OpenLane(key, self._tables.row(key).row_version) for key in keys[:limit]]

    async def wake(self, *, page: int) -> list[ActorKey]:
        tables = self._tables
        for target, version in sorted(tables.wakes.items()):
            sleeping = tables.sleeping(target, version)
            if len(sleeping) <= page:
                del tables.wakes[target]
            woken = sorted(sleeping[:page])
            for key in woken:
                self._run_again(key, Verdict.WAITING)
            if woken:
                return woken
        return []

    async def sweep(self) -> int:
        tables = self._tables
        missed = {target: tables.row(target).entity_version for target in tables.waits}
        missed = {target: version for target, version in missed.items() if tables.sleeping(target, version)}
        for target, version in missed.items():
            tables.wakes[target] = max(version, tables.wakes.get(target, 0))
        return len(missed)

    async def retry(self, key: ActorKey, *, actor: str, reason: str) -> None:
        tables = self._tables
        if not tables.row(key).row_version:
            raise LaneNotFound(f"there is no {key}")
        lane = tables.row(key).lane
        again: set[UUID] = set()
        if lane.depth and lane.state in _STOPPED and not key.is_external:
            again.update(self._run_again(key, Verdict.WAITING, Verdict.BACKOFF, Verdict.PARKED))
        for standing in [row for row in tables.outbox.values() if row.command.key == key and row.is_parked]:
            again.add(standing.command.id)
            self._reopen_command(standing)
        tables.tell([], map(case_notice, tables.close_cases(again)))
        tables.audit.append(Act(actor, "lane.retry", key, None, reason))

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
        state = row.lane.state if keeps else LaneState.OPEN
        tables.reopen(key, Lane(state, row.lane.depth - 1, row.lane.tail))
        tables.timeline.append(Happened(key, row.entity_version, Verdict.DISCARDED, head, reason=why))
        tables.tell([(head, Verdict.DISCARDED)], map(case_notice, tables.close_cases({head})))
        tables.audit.append(Act(actor, "lane.discard", key, head, reason))

    async def close(self) -> None:
        """Nothing to close."""

    def _may_run(self, key: ActorKey) -> bool:
        entity = self._tables.entities[key]
        lane, retry_at = entity.row.lane, entity.retry_at
        is_due = lane.state is LaneState.BACKOFF and retry_at is not None and retry_at <= self._clock()
        return lane.depth > 0 and (lane.state is LaneState.OPEN or is_due)

    def _run_again(self, key: ActorKey, *verdicts: Verdict) -> list[UUID]:
        """Open the lane; the messages of these verdicts are queued again."""
        tables = self._tables
        lane = tables.row(key).lane
        tables.reopen(key, Lane(LaneState.OPEN, lane.depth, lane.tail))
        again = [accepted for accepted in tables.lane(key) if accepted.verdict in verdicts]
        for accepted in again:
            tables.place(accepted, key, accepted.position, Verdict.QUEUED)
        return [accepted.message.ref for accepted in again]

    def _reopen_command(self, standing: Standing) -> None:
        """A command that did nothing gets a new generation, and so a new identity, at the same place."""
        tables, old = self._tables, standing.command
        if _did_nothing([logged.attempt.ending for logged in tables.attempts.get(old.id, ())]):
            generation = old.generation + 1
            new = command_id(old.system, old.operation, old.key, old.line, generation)
            reference = f"{old.reference.rpartition('/')[0]}/{generation}"
            tables.unqueue(old.id)
            command = replace(old, id=new, generation=generation, reference=reference)
            standing = Standing(command, standing.place)
            tables.queue(standing)
        standing.is_parked, standing.reason, standing.due_at = False, None, None


def _did_nothing(endings: Sequence[Ending | None]) -> bool:
    """Whether a command was rejected or absent, and nothing since it was last absent may have landed."""
    since = 0
    for place, ending in enumerate(endings, 1):
        if ending is Ending.ABSENT:
            since = place
    return not _REFUSED.isdisjoint(endings) and _NOTHING_DONE.issuperset(endings[since:])
