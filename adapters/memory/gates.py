"""Gates in memory as people see and change them."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.memory.gate_rules import Gate, resume
from adapters.memory.notices import case_notice
from adapters.memory.rows import Act
from adapters.memory.tables import Clock, Tables
from adapters.ports.gate import CASE_ENTITY, GateRow
from schemas.keys import ActorKey


class MemoryGates:
    """Port `Gates`. Times are the clock's, read as seconds since 1970."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def gates(self) -> list[GateRow]:
        now = self._clock()
        return [self._row(system, gate, now) for system, gate in sorted(self._tables.gates.items())]

    async def pause(self, system: str, *, actor: str, reason: str) -> None:
        gate = self._tables.gates.setdefault(system, Gate())
        if gate.paused_at is None:
            gate.paused_at = self._clock()
        gate.paused_by, gate.pause_reason = actor, reason
        self._tables.audit.append(Act(actor, "system.pause", ActorKey(CASE_ENTITY, system), None, reason))

    async def resume(self, system: str, *, actor: str, reason: str) -> None:
        tables, key = self._tables, ActorKey(CASE_ENTITY, system)
        if system in tables.gates:
            resume(tables.gates[system], self._clock())
        tables.tell([], map(case_notice, tables.close_key(key, actor)))
        tables.audit.append(Act(actor, "system.resume", key, None, reason, self._clock()))

    async def close(self) -> None:
        """Nothing to close."""

    def _row(self, system: str, gate: Gate, now: float) -> GateRow:
        return GateRow(
            system, datetime.fromtimestamp(now, UTC), gate.breaker(now), gate.failures, _moment(gate.open_until),
            gate.last_failure, _moment(gate.last_failure_at), _moment(gate.wait_until), _moment(gate.paused_at),
            gate.paused_by, gate.pause_reason, gate.tokens, _moment(gate.tokens_at), gate.used,
            _moment(gate.quota_since), in_flight(self._tables, system),
        )  # fmt: skip


def in_flight(tables: Tables, system: str) -> int:
    """Requests to `system` with attempts that have no end, of the processes that hold leases."""
    newest = (
        tables.attempts[id][-1]
        for lane, lease in tables.leases.items()
        if lane.system == system
        for id in lease.commands
    )
    return len({(logged.token, logged.request) for logged in newest if logged.attempt.ending is None})


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
