"""Reconciliation in memory: its runs, the work on them, and what keys hold."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from adapters.memory.rows import Act
from adapters.memory.tables import Clock, Tables
from adapters.ports.holdings import HeldState, Moving, OpenCommand
from adapters.ports.recon import (
    Beside,
    Difference,
    Group,
    Kind,
    Numbered,
    Phase,
    Run,
    RunAsked,
    RunClickReused,
    Scheduled,
    Tally,
)
from adapters.ports.recon_plans import Plan, PlanOpen
from schemas.keys import ActorKey
from schemas.standing import Standing
from schemas.verdicts import Verdict


@dataclass(slots=True)
class Kept:
    """A run with all that is kept of it. Entries are by name, side, and the system's own id."""

    run: Run
    click: str
    entries: dict[tuple[str, bool, str], Standing] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)

    def end(self, reason: str | None, clock: Clock) -> None:
        """The run is done or, with a reason, has failed."""
        phase = Phase.DONE if reason is None else Phase.FAILED
        now = datetime.fromtimestamp(clock(), UTC)
        self.run = replace(self.run, phase=phase, cursor=None, ended_at=now, reason=reason)


@dataclass(slots=True)
class ReconTables:
    """What all processes share."""

    runs: dict[int, Kept] = field(default_factory=dict)
    last_run: int = 0
    plans: dict[str, Plan] = field(default_factory=dict)
    worker: object = None
    """The client that works; the others wait for it to close."""


class MemoryRuns:
    """Port `Runs`."""

    def __init__(self, tables: Tables, shared: ReconTables, clock: Clock) -> None:
        self._tables = tables
        self._shared = shared
        self._runs = shared.runs
        self._clock = clock

    async def begin(self, asked: RunAsked, *, by: str, click: str) -> Run:
        known = next((each.run for each in self._runs.values() if (each.run.by, each.click) == (by, click)), None)
        if known is not None and known.asked != asked:
            raise RunClickReused(f"run {known.id} was asked for with the same key, and it is another one")
        if known is not None:
            return known
        self._shared.last_run += 1
        run = Run(self._shared.last_run, asked, by, datetime.fromtimestamp(self._clock(), UTC))
        self._runs[run.id] = Kept(run, click)
        said = ("run", run.id, asked.system, asked.first, asked.last, asked.entity, asked.legal_entity)
        reason = " ".join(str(each) for each in said if each is not None)
        self._tables.audit.append(Act(by, "recon.start", None, None, reason))
        return run

    async def cancel(self, id: int, *, by: str, reason: str) -> Run | None:
        kept = self._runs.get(id)
        if kept is not None and not kept.run.phase.is_over:
            kept.end(f"cancelled by {by}: {reason}", self._clock)
            self._tables.audit.append(Act(by, "recon.cancel", None, None, f"run {id}: {reason}"))
        return await self.run(id)

    async def run(self, id: int) -> Run | None:
        return self._runs[id].run if id in self._runs else None

    async def page(self, *, system: str | None, before: int | None, limit: int) -> list[Run]:
        newest_first = (self._runs[id].run for id in sorted(self._runs, reverse=True))
        return [
            run for run in newest_first if system in (None, run.asked.system) and (before is None or run.id < before)
        ][:limit]

    async def scheduled(self, schedule: str, system: str) -> Scheduled:
        newest_first = [self._runs[id].run for id in sorted(self._runs, reverse=True)]
        own = [run for run in newest_first if (run.asked.schedule, run.asked.system) == (schedule, system)]
        done = next((run for run in own if run.phase is Phase.DONE), None)
        failed = sum(run.phase is Phase.FAILED and (done is None or run.id > done.id) for run in own)
        return Scheduled(next(iter(own), None), done, failed)

    async def differences(
        self, run: int, *, kind: Kind | None, beside: Beside | None, after: int, limit: int
    ) -> list[Numbered]:
        if run not in self._runs:
            return []
        marks = set[str]()
        if beside is not None and beside.run in self._runs:
            marks = {each.mark for each in self._runs[beside.run].differences}
        return [
            Numbered(number, each)
            for number, each in enumerate(self._runs[run].differences, 1)
            if number > after and kind in (None, each.kind) and (beside is None or (each.mark in marks) == beside.found)
        ][:limit]

    async def close(self) -> None:
        """Nothing to close."""


class MemoryRunWork:
    """Port `RunWork`."""

    def __init__(self, shared: ReconTables, clock: Clock) -> None:
        self._shared = shared
        self._clock = clock

    async def hold(self) -> bool:
        if self._shared.worker is None:
            self._shared.worker = self
        return self._shared.worker is self

    async def next(self, *, behind: int = 0, without: Collection[int] = (), unread: Collection[str] = ()) -> Run | None:
        runs = (each.run for each in self._shared.runs.values())
        found = (
            run
            for run in runs
            if not (run.phase.is_over or run.id in without)
            and not (run.phase is Phase.THEIRS and run.asked.system in unread)
        )
        return min(found, key=lambda run: (run.id <= behind, run.id), default=None)

    async def keep(
        self, run: Run, entries: Sequence[Standing], *, ours: bool, phase: Phase, cursor: str | None
    ) -> None:
        kept = self._as_read(run)
        if kept is None:
            return
        kept.entries |= {(each.name, ours, "" if ours else each.external_id or ""): each for each in entries}
        kept.run = replace(kept.run, phase=phase, cursor=cursor)
        if phase is Phase.COMPARING:
            kept.differences.clear()
            kept.run = replace(kept.run, tally=Tally(), kept=0)

    async def groups(self, run: int, *, after: str | None, limit: int) -> list[Group]:
        entries = self._shared.runs[run].entries
        names = sorted({name for name, _, _ in entries if name > (after or "")})[:limit]
        return [_group(name, entries) for name in names]

    async def found(self, run: Run, differences: Sequence[Difference], tally: Tally, *, cursor: str) -> None:
        kept = self._as_read(run)
        if kept is not None:
            kept.differences += differences
            kept.run = replace(kept.run, tally=tally, cursor=cursor, kept=len(kept.differences))

    async def end(self, run: Run, reason: str | None = None) -> None:
        kept = self._as_read(run)
        if kept is not None:
            kept.end(reason, self._clock)

    async def clear(self, *, limit: int) -> bool:
        over = next((each for each in self._shared.runs.values() if each.run.phase.is_over and each.entries), None)
        if over is None:
            return False
        for place in list(over.entries)[:limit]:
            del over.entries[place]
        return True

    async def close(self) -> None:
        """Hold nothing any more."""
        if self._shared.worker is self:
            self._shared.worker = None

    def _as_read(self, run: Run) -> Kept | None:
        """The run, if nobody has taken it further since it was read."""
        kept = self._shared.runs[run.id]
        is_same = (kept.run.phase, kept.run.cursor) == (run.phase, run.cursor)
        return kept if is_same and not kept.run.phase.is_over else None


class MemoryPlans:
    """Port `Plans`."""

    def __init__(self, tables: Tables, shared: ReconTables, clock: Clock) -> None:
        self._tables = tables
        self._runs = shared.runs
        self._plans = shared.plans
        self._clock = clock

    async def keep(self, run: int, body: bytes, *, by: str, click: str, reason: str) -> Plan:
        earlier = await self.of(run)
        known = next((plan for plan in earlier if plan.is_of(run, by, click)), None)
        if known is not None:
            return known
        for standing in await self.open():
            if self._system(standing.run) == self._system(run):
                raise PlanOpen(standing)
        plan = Plan(f"{run}.{len(earlier) + 1}", run, by, datetime.fromtimestamp(self._clock(), UTC), body, click)
        self._plans[plan.id] = plan
        self._tables.audit.append(Act(by, "recon.plan", None, None, f"plan {plan.id}: {reason}"))
        return plan

    async def of(self, run: int) -> list[Plan]:
        return [plan for plan in self._plans.values() if plan.run == run]

    async def open(self) -> list[Plan]:
        return [plan for plan in self._plans.values() if plan.ended_at is None]

    async def end(self, id: str) -> None:
        plan, now = self._plans[id], datetime.fromtimestamp(self._clock(), UTC)
        self._plans[id] = replace(plan, ended_at=plan.ended_at or now)

    def _system(self, run: int) -> str:
        return self._runs[run].run.asked.system

    async def close(self) -> None:
        """Nothing to close."""


class MemoryHoldings:
    """Port `Holdings`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def states(self, entity: str, *, after: str | None, limit: int) -> list[HeldState]:
        rows = (self._tables.row(key) for key in sorted(self._tables.entities) if key.entity == entity)
        return [
            HeldState(row.key, row.state, row.schema)
            for row in rows
            if row.state is not None and row.key.id > (after or "")
        ][:limit]

    async def moving(self, system: str, keys: Collection[ActorKey], *, since: datetime) -> Mapping[ActorKey, Moving]:
        found = {key: Moving(tuple(self._open(system, key)), self._has_moved(system, key, since)) for key in keys}
        return {key: each for key, each in found.items() if each.open or each.has_moved}

    async def close(self) -> None:
        """Nothing to close."""

    def _open(self, system: str, key: ActorKey) -> Iterator[OpenCommand]:
        for standing in sorted(self._tables.outbox.values(), key=lambda each: each.place):
            command = standing.command
            if (command.system, command.key) == (system, key):
                cases = (row.id for row in self._tables.cases if row.is_open and row.opened.command_id == command.id)
                yield OpenCommand(command.operation, command.reference, command.body, min(cases, default=None))

    def _has_moved(self, system: str, key: ActorKey, since: datetime) -> bool:
        logged = (each for log in self._tables.attempts.values() for each in log)
        moments = (
            each.started_at if each.ended_at is None else each.ended_at
            for each in logged
            if each.command is not None and (each.command.system, each.command.key) == (system, key)
        )
        applied = (line.at for line in self._tables.timeline if (line.key, line.what) == (key, Verdict.APPLIED))
        start = since.timestamp()
        return any(moment >= start for moment in moments) or any(moment > start for moment in applied)


def _group(name: str, entries: Mapping[tuple[str, bool, str], Standing]) -> Group:
    of_name = sorted((ours, id) for other, ours, id in entries if other == name)
    mine = [entries[name, ours, id] for ours, id in of_name if ours]
    return Group(name, mine[0] if mine else None, tuple(entries[name, ours, id] for ours, id in of_name if not ours))
