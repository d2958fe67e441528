"""Commands that stand open for too long, in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from adapters.memory.notices import case_notice
from adapters.memory.pauses import is_paused
from adapters.memory.rows import CaseChange, CaseRow, Standing
from adapters.memory.tables import Clock, Tables
from adapters.ports.cases import Closed
from adapters.ports.gate import CASE_ENTITY
from adapters.ports.overdue import COMMAND_OVERDUE, Looked, OpenCommands, Term
from adapters.ports.restores import Phase
from adapters.ports.turns import Opened
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.operations.money import money_of
from schemas.verdicts import Failure, FailureClass

_EVERYTHING = ActorKey("", "")
"""Under which the audit has pauses of no entity."""


class MemoryOverdue:
    """Port `Overdue`. Times are the clock's, read as seconds since 1970."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def open_cases(self, system: str, term: Term, *, after: ActorKey | None, page: int) -> Looked:
        tables = self._tables
        let_go = self._let_go(term)
        if self._is_held(system, term) or not let_go.isdisjoint({_EVERYTHING, ActorKey(CASE_ENTITY, system)}):
            return Looked(0, None)
        heads = [head for head in self._heads(system) if after is None or head.command.key > after][:page]
        changes = [self._opened(head, term) for head in heads if self._is_late(head, term, let_go)]
        opened = [change for change in changes if change is not None]
        tables.tell([], map(case_notice, opened))
        return Looked(len(opened), heads[-1].command.key if len(heads) == page else None)

    async def close_cases(self, *, page: int) -> int:
        tables = self._tables
        over = [row for row in self._cases() if not self._stands(row)][:page]
        tables.tell([], map(case_notice, tables.close(over, Closed.SUCCEEDED)))
        return len(over)

    async def systems(self, *, but: Collection[str]) -> list[OpenCommands]:
        found: dict[str, list[float]] = {}
        for standing in self._tables.outbox.values():
            if standing.command.system not in but:
                found.setdefault(standing.command.system, []).append(standing.at)
        return [
            OpenCommands(system, len(times), datetime.fromtimestamp(min(times), UTC))
            for system, times in sorted(found.items())
        ]

    async def close(self) -> None:
        """Nothing to close."""

    def _heads(self, system: str) -> list[Standing]:
        lanes = [(lane.key, there) for lane, there in self._tables.send_lanes.items() if lane.system == system]
        return [there[min(there)] for _, there in sorted(lanes, key=lambda lane: lane[0]) if there]

    def _is_held(self, system: str, term: Term) -> bool:
        gate, restore = self._tables.gates.get(system), self._tables.past.open
        return (term.is_listed and gate is not None and gate.paused_at is not None) or (
            restore is not None and restore.phase is Phase.HELD
        )

    def _let_go(self, term: Term) -> set[ActorKey]:
        """What operators have let go on a short while ago; an entity under no key."""
        since = self._clock() - term.grace
        actions = {"lane.retry", "pause.end", "system.resume", "restore.released"}
        return {act.key or _EVERYTHING for act in self._tables.audit if act.action in actions and act.at > since}

    def _is_late(self, head: Standing, term: Term, let_go: set[ActorKey]) -> bool:
        key = head.command.key
        return (
            not head.is_parked
            and head.at <= self._clock() - term.age
            and not is_paused(self._tables, head.command)
            and let_go.isdisjoint({key, ActorKey(key.entity, "")})
            and all(row.opened.command_id != head.command.id for row in self._cases())
        )

    def _opened(self, head: Standing, term: Term) -> CaseChange | None:
        command = head.command
        log = [logged.attempt for logged in self._tables.attempts.get(command.id, ())]
        answer = next((attempt.reason for attempt in reversed(log) if attempt.reason is not None), "none")
        reason = (
            f"{command.system} has not settled {command.operation} {command.reference} since "
            f"{datetime.fromtimestamp(head.at, UTC):%Y-%m-%d %H:%M} UTC; attempts: {log[-1].number if log else 0}, "
            f"last answer: {answer}"
        )
        if not term.is_listed:
            reason += f"; the policy file does not list {command.system}, so nothing is sent to it: add it"
        kind = FailureClass.TIMEOUT if term.is_listed else FailureClass.MAPPING
        case = Case(Failure(kind, COMMAND_OVERDUE, reason), money=money_of(command.body))
        opened = Opened(case, command_id=command.id, system=command.system)
        return self._tables.open_case(command.key, opened, again=False)

    def _cases(self) -> Iterator[CaseRow]:
        return (row for row in self._tables.cases if row.is_open and row.opened.case.failure.code == COMMAND_OVERDUE)

    def _stands(self, row: CaseRow) -> bool:
        command_id = row.opened.command_id
        standing = None if command_id is None else self._tables.outbox.get(command_id)
        return standing is not None and not standing.is_parked
