"""Lanes in memory: finding those that may run, waking those that wait, and asking about long waits."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from uuid import UUID

from adapters.memory.notices import case_notice
from adapters.memory.rows import CaseChange, Entity
from adapters.memory.tables import Clock, Tables
from adapters.ports.store import OpenLane
from adapters.ports.turns import Lane, Opened
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict

WAIT_OVERDUE: Final = "wait_overdue"
"""Code of the case that is opened for a wait that was too long."""


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
                run_again(tables, key, Verdict.WAITING)
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

    async def open_overdue(self, *, page: int) -> int:
        tables = self._tables
        opened: list[CaseChange] = []
        for key in sorted(key for key, entity in tables.entities.items() if self._is_overdue(entity))[:page]:
            row = tables.row(key)
            tables.entities[key].row = replace(row, lane=replace(row.lane, patience=None))
            ref = tables.lane(key)[0].message.ref
            failure = Failure(FailureClass.MISSING_REFERENCE, WAIT_OVERDUE, f"{row.lane.reason}, since long ago")
            change = tables.open_case(key, Opened(Case(failure), ref=ref), again=False)
            if change is not None:
                opened.append(change)
        tables.tell([], map(case_notice, opened))
        return len(opened)

    async def close(self) -> None:
        """Nothing to close."""

    def _is_overdue(self, entity: Entity) -> bool:
        lane, since = entity.row.lane, entity.waiting_since
        is_waiting = lane.state is LaneState.WAITING and lane.depth > 0 and since is not None
        return is_waiting and lane.patience is not None and (since or 0) + lane.patience <= self._clock()

    def _may_run(self, key: ActorKey) -> bool:
        entity = self._tables.entities[key]
        lane, retry_at = entity.row.lane, entity.retry_at
        is_due = lane.state is LaneState.BACKOFF and retry_at is not None and retry_at <= self._clock()
        return lane.depth > 0 and (lane.state is LaneState.OPEN or is_due)


def run_again(tables: Tables, key: ActorKey, *verdicts: Verdict) -> list[UUID]:
    """Open the lane; the messages of these verdicts are queued again."""
    lane = tables.row(key).lane
    tables.reopen(key, Lane(LaneState.OPEN, lane.depth, lane.tail))
    again = [accepted for accepted in tables.lane(key) if accepted.verdict in verdicts]
    for accepted in again:
        if accepted.verdict is Verdict.PARKED:
            accepted.attempts = 0
        tables.place(accepted, key, accepted.position, Verdict.QUEUED)
    return [accepted.message.ref for accepted in again]
