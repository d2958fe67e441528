"""Loading rows and committing turns in memory, in the steps of the function on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from adapters.memory.checks import surviving
from adapters.memory.rows import Accepted, Entity
from adapters.memory.tables import Clock, Tables
from adapters.memory.telling import refusal
from adapters.memory.writing import Writing
from adapters.ports.turns import Answer, Batch, Committed, DataRefused, LaneMessage, Row
from schemas.keys import ActorKey
from schemas.verdicts import LaneState


class MemoryCommits:
    """Port `Commits`. No call awaits, so each is atomic."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def load(self, keys: Sequence[ActorKey]) -> dict[ActorKey, Row]:
        entities = self._tables.entities
        return {key: _as_of(entities[key], self._clock()) if key in entities else Row(key) for key in keys}

    async def lanes(self, keys: Sequence[ActorKey], *, limit: int, room: int) -> dict[ActorKey, list[LaneMessage]]:
        return {
            key: [
                LaneMessage(row.message, row.position or 0, row.verdict, row.attempts, row.reason)
                for row in _page(self._tables.lane(key)[:limit], room)
            ]
            for key in keys
        }

    async def commit(self, batch: Batch) -> list[Answer]:
        turns, tables = batch.turns, self._tables
        if len({turn.key for turn in turns}) != len(turns):
            raise ValueError("a batch has one turn for each key at most")
        chosen = surviving(tables, turns)
        going = [turn for turn, survives in zip(turns, chosen, strict=True) if survives]
        for turn in going:
            for queued in turn.queued:
                if queued.command.id in tables.outbox:
                    raise DataRefused(f"command {queued.command.id} is in the outbox already")
        writing = Writing(tables, batch.commit_id, batch.policy, self._clock())
        for turn in going:
            writing.accept(turn)
        answers: list[Answer] = [
            Committed() if survives else refusal(tables, turn) for turn, survives in zip(turns, chosen, strict=True)
        ]
        for turn in going:
            writing.write(turn)
        for turn in going:
            writing.arrange(turn)
        for turn in going:
            for external in turn.binds:
                writing.bind(external, turn.key)
        writing.tell(going)
        writing.wake({*(turn.key for turn in going), *(key for turn in going for key in turn.binds)})
        return answers

    async def resolve(self, batch: Batch) -> list[bool]:
        entities = self._tables.entities
        return [turn.key in entities and entities[turn.key].commit_id == batch.commit_id for turn in batch.turns]

    async def close(self) -> None:
        """Nothing to close."""


def _page(lane: Sequence[Accepted], room: int) -> Iterator[Accepted]:
    """The head of a lane, and what follows for as long as all of it has at most `room` bytes."""
    taken = 0
    for place, row in enumerate(lane):
        taken += len(row.message.body)
        if place > 0 and taken > room:
            return
        yield row


def _as_of(entity: Entity, now: float) -> Row:
    """The row as read at `now`: a lane in backoff whose time has come reads as open."""
    lane = entity.row.lane
    if lane.state is not LaneState.BACKOFF or entity.retry_at is None:
        return entity.row
    if entity.retry_at <= now:
        return replace(entity.row, lane=replace(lane, state=LaneState.OPEN))
    return replace(entity.row, lane=replace(lane, retry_after=entity.retry_at - now))
