"""Wrong ways with numbered events: each loses order or leaves a key standing still; kept to show that it does."""

from __future__ import annotations

from dataclasses import replace

from actors.decision import Actor
from adapters.memory.commits import MemoryCommits
from adapters.ports.turns import Answer, Batch, Message, Turn
from gateway.activation import Activation, Memory
from gateway.committer import Committer
from gateway.draft import Drafting
from gateway.fold import _Fold
from gateway.surroundings import Surroundings
from schemas.sequence import Cursor
from tests.runtime.wrong import _Folds


class _Unarranged(Turn):
    """A turn whose commit leaves the lane as it is."""

    @property
    def arranges(self) -> bool:
        return False


def _unarranged(turn: Turn) -> Turn:
    return _Unarranged(**{name: getattr(turn, name) for name in Turn.__dataclass_fields__})


class AtTheTail(MemoryCommits):
    """What enters a lane stays at its end, whatever its number."""

    async def commit(self, batch: Batch) -> list[Answer]:
        return await super().commit(Batch(batch.commit_id, [_unarranged(turn) for turn in batch.turns]))


class NeverReopened(MemoryCommits):
    """The number that was missing takes its place, and the lane goes on standing still for it."""

    async def commit(self, batch: Batch) -> list[Answer]:
        answers = await super().commit(batch)
        for turn in batch.turns:
            if turn.arranges:
                row = self._tables.row(turn.key)
                self._tables.write(replace(row, lane=replace(turn.lane, depth=row.lane.depth)))
        return answers


class OnlyTheNext(Cursor):
    """Moves by one, and forgets what was final beyond a gap."""

    def closed(self, number: int) -> Cursor:
        return self if number != (self.through or 0) + 1 else replace(self, through=number)


class TheHighest(Cursor):
    """The highest final number, whatever is open below it."""

    def closed(self, number: int) -> Cursor:
        return replace(self, through=max(self.through or 0, number))


class NoGaps(Cursor):
    """Waits for nothing: a missing number is taken for one that never comes."""

    def lacks(self, number: int) -> bool:
        return False


class EndedCounts(Cursor):
    """Takes what was discarded for applied."""

    def closed(self, number: int) -> Cursor:
        return replace(self, applied=max(self.applied, number))


class _Cursors(Drafting):
    """Measures by another kind of cursor."""

    kind: type[Cursor] = Cursor

    def cursor(self, message: Message) -> Cursor:
        right = super().cursor(message)
        return right if message.series is None else self.kind(right.through, right.beyond, right.applied)


def measuring_by(kind: type[Cursor]) -> type[Committer]:
    """A committer whose folds measure by a wrong cursor."""

    class _Draft(_Cursors):
        pass

    _Draft.kind = kind

    class _Wrong(_Fold):
        def __init__(self, actor: Actor, activation: Activation, memory: Memory, around: Surroundings) -> None:
            super().__init__(actor, activation, memory, around)
            self.drafting = _Draft(activation, memory, actor.schema, around.rules)

    class _Committer(_Folds):
        how = _Wrong

    return _Committer
