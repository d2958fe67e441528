"""Dead letters in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from adapters.memory.notices import letter_notice
from adapters.memory.rows import Act, Buried
from adapters.memory.tables import Clock, Tables
from adapters.ports.letters import (
    Admission,
    DeadLetter,
    Exhumed,
    LetterFilter,
    LetterNotFound,
    LetterPlace,
    LetterSettled,
    LetterState,
    Purpose,
)
from schemas.keys import ActorKey
from schemas.verdicts import Failure


class MemoryDeadLetters:
    """Port `DeadLetters`. Its times are the clock's, read as seconds since 1970."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        new: dict[bytes, DeadLetter] = {}
        for letter in letters:
            now = self._clock()
            row = self._tables.dead_letters.setdefault(letter.digest, Buried(letter, now, now, 0))
            if row.state is not LetterState.BURIED:
                row.state, row.settled, row.settled_at, row.seen = LetterState.BURIED, None, None, 0
                row.opened_at = now
            if row.seen == 0:
                new[letter.digest] = letter
            row.seen += 1
            row.letter = _because(row.letter, Failure(letter.failure_class, letter.code, letter.reason))
        self._tables.tell([], (letter_notice(new[digest]) for digest in sorted(new)))

    async def exhume(self, digest: bytes, purpose: Purpose, *, actor: str, reason: str) -> Exhumed:
        row = self._row(digest)
        self._audit(digest, purpose, actor, reason)
        return Exhumed(row.letter, row.state)

    async def choose(
        self, chosen: LetterFilter, *, after: LetterPlace | None, until: datetime | None, limit: int
    ) -> list[LetterPlace]:
        by = None if until is None else until.timestamp()
        rows = (row for row in self._tables.dead_letters.values() if by is None or row.opened_at <= by)
        places = sorted((self._place(row) for row in rows if _is_meant(row, chosen)), key=_order)
        return [place for place in places if after is None or _order(place) > _order(after)][:limit]

    async def refused(self, digest: bytes, failure: Failure) -> None:
        row = self._tables.dead_letters.get(digest)
        if row is not None and row.state is LetterState.BURIED:
            row.letter = _because(row.letter, failure)

    async def admitted(self, admissions: Sequence[Admission]) -> None:
        for admission in admissions:
            row = self._tables.dead_letters.get(admission.digest)
            if row is not None and row.state is LetterState.BURIED:
                row.state, row.settled = LetterState.ADMITTED, (admission.actor, admission.reason)
                row.settled_at = self._clock()

    async def discard(self, digest: bytes, *, actor: str, reason: str) -> None:
        row = self._row(digest)
        if row.state is not LetterState.BURIED:
            raise LetterSettled(f"dead letter {digest.hex()} is {row.state} already")
        row.state, row.settled, row.settled_at = LetterState.DISCARDED, (actor, reason), self._clock()
        self._audit(digest, "dead_letter.discard", actor, reason)

    async def close(self) -> None:
        """Nothing to close."""

    def _row(self, digest: bytes) -> Buried:
        if digest not in self._tables.dead_letters:
            raise LetterNotFound(f"there is no dead letter {digest.hex()}")
        return self._tables.dead_letters[digest]

    def _place(self, row: Buried) -> LetterPlace:
        return LetterPlace(datetime.fromtimestamp(row.at, UTC), row.letter.digest.hex())

    def _audit(self, digest: bytes, action: str, actor: str, reason: str) -> None:
        self._tables.record(Act(actor, action, ActorKey("dead_letter", digest.hex()), None, reason))


def _because(letter: DeadLetter, failure: Failure) -> DeadLetter:
    return replace(letter, failure_class=failure.failure_class, code=failure.code, reason=failure.reason)


def _is_meant(row: Buried, chosen: LetterFilter) -> bool:
    letter = row.letter
    return (
        row.state is LetterState.BURIED
        and chosen.failure_class in (None, letter.failure_class)
        and chosen.code in (None, letter.code)
        and chosen.queue in (None, letter.queue)
    )


def _order(place: LetterPlace) -> tuple[datetime, str]:
    return place.first_at, place.digest
