"""Lanes in memory: finding those that may run, waking those that wait, and what operators do to them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from adapters.memory.rows import Act, Happened, Standing
from adapters.memory.tables import Clock, Tables
from adapters.ports.outbox import Ending
from adapters.ports.store import LaneChanged, LaneNotFound, OpenLane
from adapters.ports.turns import Lane
from schemas.commands import command_id
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict

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
        if lane.depth and lane.state in _STOPPED and not key.is_external:
            self._run_again(key, Verdict.WAITING, Verdict.BACKOFF, Verdict.PARKED)
        for standing in [row for row in tables.outbox.values() if row.command.key == key and row.is_parked]:
            self._reopen_command(standing)
        self._close_cases(key)
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
        self._close_cases(key, head)
        tables.tell([(head, Verdict.DISCARDED)], [])
        tables.audit.append(Act(actor, "lane.discard", key, head, reason))

    async def close(self) -> None:
        """Nothing to close."""

    def _may_run(self, key: ActorKey) -> bool:
        entity = self._tables.entities[key]
        lane, retry_at = entity.row.lane, entity.retry_at
        is_due = lane.state is LaneState.BACKOFF and retry_at is not None and retry_at <= self._clock()
        return lane.depth > 0 and (lane.state is LaneState.OPEN or is_due)

    def _run_again(self, key: ActorKey, *verdicts: Verdict) -> None:
        tables = self._tables
        lane = tables.row(key).lane
        tables.reopen(key, Lane(LaneState.OPEN, lane.depth, lane.tail))
        for accepted in tables.lane(key):
            if accepted.verdict in verdicts:
                tables.place(accepted, key, accepted.position, Verdict.QUEUED)

    def _reopen_command(self, standing: Standing) -> None:
        """A command that was rejected each time gets a new generation, and so a new identity, at the same place."""
        tables, old = self._tables, standing.command
        endings = {logged.attempt.ending for logged in tables.attempts.get(old.id, ())}
        if Ending.REJECTED in endings and _NOTHING_DONE.issuperset(endings):
            generation = old.generation + 1
            new = command_id(old.system, old.operation, old.key, old.line, generation)
            reference = f"{old.reference.rpartition('/')[0]}/{generation}"
            tables.unqueue(old.id)
            command = replace(old, id=new, generation=generation, reference=reference)
            standing = Standing(command, standing.place)
            tables.queue(standing)
        standing.is_parked, standing.reason, standing.due_at = False, None, None

    def _close_cases(self, key: ActorKey, ref: UUID | None = None) -> None:
        for row in self._tables.cases:
            if row.key == key and ref in (None, row.opened.ref):
                row.is_open = False
