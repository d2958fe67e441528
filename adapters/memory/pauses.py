"""Pauses in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import orjson

from adapters.memory.rows import Act
from adapters.memory.tables import Clock, Tables
from adapters.ports.pauses import Pause, PauseNotFound, Scope
from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.verdicts import LaneState


class MemoryPauses:
    """Port `Pauses`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def active(self) -> list[Pause]:
        return list(self._tables.pauses.values())

    async def begin(self, scope: Scope, *, actor: str, reason: str) -> Pause:
        tables = self._tables
        for pause in tables.pauses.values():
            if pause.scope == scope:
                return pause
        tables.last_pause += 1
        pause = Pause(tables.last_pause, scope, actor, reason, datetime.fromtimestamp(self._clock(), UTC))
        tables.pauses[pause.id] = pause
        tables.record(Act(actor, "pause.begin", _key(scope), None, _why(scope, reason)))
        return pause

    async def end(self, id: int, *, actor: str, reason: str) -> None:
        pause = self._tables.pauses.pop(id, None)
        if pause is None:
            raise PauseNotFound(f"no pause {id} is in force")
        why = _why(pause.scope, reason)
        self._tables.record(Act(actor, "pause.end", _key(pause.scope), None, why))

    async def release(self, *, page: int) -> Sequence[ActorKey]:
        tables = self._tables
        over = sorted(
            (entity.row.lane.paused_by, key)
            for key, entity in tables.entities.items()
            if entity.row.lane.paused_by is not None and entity.row.lane.paused_by not in tables.pauses
        )
        keys = [key for id, key in over if id == over[0][0]][:page]
        for key in keys:
            lane = tables.row(key).lane
            tables.reopen(key, replace(lane, state=LaneState.OPEN, reason=None, paused_by=None))
        return keys

    async def close(self) -> None:
        """Nothing to close."""


def is_paused(tables: Tables, command: Command) -> bool:
    """Whether a command may not be sent now."""
    if not tables.pauses:
        return False
    state = tables.row(command.key).state
    legal_entity = orjson.loads(command.body).get("legal_entity")
    if legal_entity is None and state is not None:
        legal_entity = orjson.loads(state).get("legal_entity")
    return any(pause.scope.covers(command.key, legal_entity) for pause in tables.pauses.values())


def _key(scope: Scope) -> ActorKey:
    return ActorKey(scope.entity or "", scope.key or "")


def _why(scope: Scope, reason: str) -> str:
    return reason if scope.legal_entity is None else f"{scope.legal_entity}: {reason}"
