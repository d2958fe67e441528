"""The proof: what was expected of the day against what the database and the systems' own journals say. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

from gateway.demo.effects import Effect
from gateway.demo.expected import Expected, Named
from gateway.demo.oracle import MessageId

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Found:
    """What was read after the day: PostgreSQL's inbox and dead letters, and the systems' journals.

    `verdicts`: by (source, id). `journal`: each effect with the reference it was made under. `settled`: cases that
    people settled, by code.
    """

    verdicts: Mapping[MessageId, str]
    dead_letters: Sequence[bytes]
    parked_commands: int
    journal: Sequence[tuple[Effect, str]]
    settled: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line(Generic[V]):
    """One figure, as expected and as found."""

    name: str
    expected: V
    found: V

    @property
    def agrees(self) -> bool:
        return self.expected == self.found


@dataclass(frozen=True, slots=True)
class Summary:
    """`wrong`: every difference that nobody planned, in words; the demo has failed unless it is empty."""

    published: int
    duplicates: int
    accepted: int
    verdicts: Sequence[Line[int]]
    effects: Sequence[Line[int]]
    money: Sequence[Line[Decimal]]
    settled: Sequence[Line[int]]
    twice: Sequence[str]
    planned: Sequence[Named]
    wrong: Sequence[str]

    @property
    def agrees(self) -> bool:
        return not self.wrong


def summarise(published: int, expected: Expected, found: Found, moving: Sequence[str]) -> Summary:
    """Compare. `published`: messages that the broker confirmed, repetitions included; `moving`: what did not settle."""
    effects = [effect for effect, _ in found.journal]
    twice = [
        f"{name}, {count} times"
        for name, count in Counter(
            f"{effect.system} {effect.operation} {reference}" for effect, reference in found.journal
        ).items()
        if count > 1
    ]
    due = expected.messages + expected.duplicates
    wrong = [
        *(f"not settled in time: {what}" for what in moving),
        *([] if published == due else [f"{published} messages were published, not {due}"]),
        *_wrong_verdicts(expected, found),
        *_wrong_dead_letters(expected, found),
        *_wrong_effects(expected.effects, effects),
        *(f"made twice: {what}" for what in twice),
    ]
    settled = _lines(expected.asked, found.settled, 0)
    wrong += [
        f"{line.found} cases {line.name} were settled, not {line.expected}" for line in settled if not line.agrees
    ]
    if found.parked_commands != expected.parked_commands:
        wrong.append(f"{found.parked_commands} commands are parked, not {expected.parked_commands}")
    return Summary(
        published=published,
        duplicates=expected.duplicates,
        accepted=len(found.verdicts),
        verdicts=_verdict_lines(expected, found),
        effects=_lines(Counter(map(_kind, expected.effects)), Counter(map(_kind, effects)), 0),
        money=_lines(_money(expected.effects), _money(effects), Decimal(0)),
        settled=settled,
        twice=twice,
        planned=expected.differences,
        wrong=wrong,
    )


def _verdict_lines(expected: Expected, found: Found) -> list[Line[int]]:
    due = Counter(expected.verdicts.values())
    due["conflict"] += len(expected.conflicts)
    return [
        *_lines(due, Counter(found.verdicts.values()), 0),
        Line("dead letter", len(expected.dead_letters), len(found.dead_letters)),
    ]


def _wrong_verdicts(expected: Expected, found: Found) -> list[str]:
    """Each message by name: without verdict, with another one, or never published."""
    rest = dict(found.verdicts)
    wrong: list[str] = []
    for sending in expected.conflicts:
        row = next((row for row in rest if _is_conflict_of(row, (sending.source, sending.id))), None)
        if row is None or rest.pop(row) != "conflict":
            wrong.append(f"message {sending.source} {sending.id}: its other content was not kept as a conflict")
    for id, verdict in expected.verdicts.items():
        actual = rest.pop(id, None)
        if actual is None:
            wrong.append(f"message {' '.join(id)} has no verdict: it is lost")
        elif actual != verdict:
            wrong.append(f"message {' '.join(id)} is {actual}, not {verdict}")
    wrong += [f"message {' '.join(id)} is {verdict}, and was never published" for id, verdict in rest.items()]
    return wrong


def _is_conflict_of(row: MessageId, id: MessageId) -> bool:
    """The second content has a row of its own, whose key is made of the id."""
    return row[0] == f"conflict:{id[0]}" and row[1].startswith(f"{id[1]}#")


def _wrong_dead_letters(expected: Expected, found: Found) -> list[str]:
    due = {sending.outgoing.body: sending for sending in expected.dead_letters}
    wrong = [
        f"message {sending.source} {sending.id} ({sending.planted}) is not among the dead letters"
        for body, sending in due.items()
        if body not in found.dead_letters
    ]
    strangers = [body for body in found.dead_letters if body not in due]
    return wrong + [f"a dead letter that is a good event: {body[:200]!r}" for body in strangers]


def _wrong_effects(due: Sequence[Effect], effects: Sequence[Effect]) -> list[str]:
    """Each effect by name: missing, or too much."""
    expected, actual = Counter(due), Counter(effects)
    missing = [f"missing in the journal: {effect}" for effect in (expected - actual).elements()]
    return missing + [f"too much in the journal: {effect}" for effect in (actual - expected).elements()]


def _kind(effect: Effect) -> str:
    return f"{effect.system} {effect.operation}"


def _money(effects: Sequence[Effect]) -> dict[str, Decimal]:
    """Posted less taken back, per legal entity and currency."""
    totals: dict[str, Decimal] = {}
    for effect in effects:
        if effect.amount is not None:
            name = f"{effect.legal_entity} {effect.currency}"
            totals[name] = totals.get(name, Decimal(0)) + effect.amount
    return totals


def _lines(expected: Mapping[str, V], found: Mapping[str, V], nothing: V) -> list[Line[V]]:
    names = sorted(expected.keys() | found.keys())
    return [Line(name, expected.get(name, nothing), found.get(name, nothing)) for name in names]
