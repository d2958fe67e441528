"""The proof: what was expected of the play against what the database and the systems' own journals say. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from gateway.demo.books import books_of
from gateway.demo.effects import Effect
from gateway.demo.expected import Expected, MessageId, Named, SetUp
from gateway.demo.firm.truth import POSTED, SHOWING, SHOWN, Item, Measure
from gateway.demo.reconciled import Reconciled, planned, wrong_reconciled

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Found:
    """What was read after the play: PostgreSQL's inbox and dead letters, and the systems' journals.

    `verdicts`: by (source, id). `journal`: of each system in the order of its effects. `settled`: cases that people
    settled, by code; `left`: those that they should have, and that stand open. `reconciled`: what the gateway's own
    reconciliation of each ERP has found.
    """

    verdicts: Mapping[MessageId, str]
    dead_letters: Sequence[bytes]
    parked_commands: int
    journal: Sequence[Effect]
    settled: Mapping[str, int] = field(default_factory=dict)
    reconciled: Sequence[Reconciled] = ()
    left: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """One measure of a legal entity.

    `due`: what the sources say. `held`: what of it is held back as planned. `systems`: what each has that must have it.
    """

    measure: Measure
    due: Decimal
    held: Decimal
    systems: Mapping[str, Decimal]

    @property
    def agrees(self) -> bool:
        return all(amount == self.due - self.held for amount in self.systems.values())


@dataclass(frozen=True, slots=True)
class Ledger:
    """The books of one legal entity in one currency, both sides."""

    legal_entity: str
    currency: str
    erp: str
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Count:
    """One figure, as expected and as found; `expected` is None where it depends on what came first."""

    name: str
    expected: int | None
    found: int

    @property
    def agrees(self) -> bool:
        return self.expected in {None, self.found}


@dataclass(frozen=True, slots=True)
class Summary:
    """`wrong`: every difference that nobody planned, in words; the demo has failed unless it is empty."""

    published: int
    duplicates: int
    accepted: int
    verdicts: Sequence[Count]
    ledgers: Sequence[Ledger]
    set_up: Sequence[Count]
    settled: Sequence[Count]
    reconciled: Sequence[Count]
    effects: int
    twice: Sequence[str]
    planned: Sequence[Named]
    wrong: Sequence[str]

    @property
    def agrees(self) -> bool:
        return not self.wrong


def summarise(published: int, expected: Expected, found: Found, moving: Sequence[str]) -> Summary:
    """Compare. `published`: messages that the broker confirmed, repetitions included; `moving`: what did not settle."""
    books = books_of(found.journal)
    twice = _twice(found.journal)
    settled = _settled(expected, found)
    set_up = Counter(
        SetUp(each.system, each.operation, each.key)
        for each in found.journal
        if each.operation in {wanted.operation for wanted in expected.set_up}
    )
    wrong = [
        *(f"not settled in time: {what}" for what in moving),
        *_wrong_numbers(published, expected, found),
        *_wrong_verdicts(expected, found),
        *_wrong_dead_letters(expected, found),
        *_wrong_books(expected, books),
        *wrong_reconciled(expected, found.reconciled),
        *_wrong_set_up(expected.set_up, set_up),
        *_wrong_customers(expected, found.journal),
        *(f"made twice: {what}" for what in twice),
        *(f"{each.found} cases {each.name} were settled, not {each.expected}" for each in settled if not each.agrees),
        *(f"{number} cases {code} stand open" for code, number in found.left.items()),
    ]
    return Summary(
        published=published,
        duplicates=expected.duplicates,
        accepted=len(found.verdicts),
        verdicts=_verdict_counts(expected, found),
        ledgers=[*_ledgers(expected, books)],
        set_up=_set_up_counts(expected.set_up, set_up),
        settled=settled,
        reconciled=[
            Count(each.system, planned(expected, each.system).total(), len(each.found)) for each in found.reconciled
        ],
        effects=len(found.journal),
        twice=twice,
        planned=expected.differences,
        wrong=wrong,
    )


def _twice(journal: Sequence[Effect]) -> list[str]:
    made = Counter(f"{each.system} {each.operation} {each.reference}" for each in journal)
    return [f"{name}, {count} times" for name, count in made.items() if count > 1]


def _settled(expected: Expected, found: Found) -> list[Count]:
    names = dict.fromkeys([*expected.asked, *found.settled])
    return [Count(name, expected.asked.get(name), found.settled.get(name, 0)) for name in names]


def _ledgers(expected: Expected, books: Mapping[str, Mapping[Item, Decimal]]) -> Iterator[Ledger]:
    """Totals. That each item is right is looked at by itself."""
    places = {(item.legal_entity, item.currency) for rows in (expected.truth.due, *books.values()) for item in rows}
    for code, currency in sorted(places):
        erp = expected.erps.get(code, "?")
        rows = [
            Row(
                measure,
                _total(expected.truth.due, code, currency, measure),
                _total(expected.truth.held, code, currency, measure),
                {
                    system: _total(books.get(system, {}), code, currency, measure)
                    for system in _systems_of(measure, erp)
                },
            )
            for measure in Measure
        ]
        yield Ledger(code, currency, erp, rows)


def _systems_of(measure: Measure, erp: str) -> Iterator[str]:
    """Which systems must have it."""
    if measure in POSTED:
        yield erp
    if measure in SHOWN:
        yield from SHOWING


def _total(amounts: Mapping[Item, Decimal], legal_entity: str, currency: str, measure: Measure) -> Decimal:
    place = (legal_entity, currency, measure)
    found = (
        each for item, each in amounts.items() if (item.legal_entity, item.currency, item.measure) == place
    )  # fmt: skip
    return sum(found, ZERO)


def _wrong_books(expected: Expected, books: Mapping[str, Mapping[Item, Decimal]]) -> Iterator[str]:
    """Each amount by name: missing, too much, or another."""
    for system in dict.fromkeys([*expected.erps.values(), *SHOWING, *books]):
        due, has = expected.truth.at(system, expected.erps), books.get(system, {})
        for item in sorted(due.keys() | has.keys()):
            if due.get(item, ZERO) != has.get(item, ZERO):
                yield f"{system} has {has.get(item, ZERO)} for {item}, not {due.get(item, ZERO)}"


def _wrong_set_up(due: Mapping[SetUp, int], found: Mapping[SetUp, int]) -> Iterator[str]:
    for each in sorted(due.keys() | found.keys()):
        if due.get(each, 0) != found.get(each, 0):
            times = f"{found.get(each, 0)} times, not {due.get(each, 0)}"
            yield f"{each.system} has {each.operation} of {each.key} {times}"


def _wrong_customers(expected: Expected, journal: Sequence[Effect]) -> Iterator[str]:
    found = {
        (each.system, each.key, each.legal_entity or "") for each in journal if each.operation == "customer.put"
    }  # fmt: skip
    for system, key, legal_entity in sorted(expected.customers - found):
        yield f"{system} does not have {key} for {legal_entity}"
    for system, key, legal_entity in sorted(found - expected.customers):
        yield f"{system} has {key} for {legal_entity}, which nobody asked for"


def _set_up_counts(due: Mapping[SetUp, int], found: Mapping[SetUp, int]) -> list[Count]:
    expected: Counter[str] = Counter()
    actual: Counter[str] = Counter()
    for counts, rows in ((expected, due), (actual, found)):
        for each, count in rows.items():
            counts[f"{each.system} {each.operation}"] += count
    return [Count(name, expected[name], actual[name]) for name in sorted(expected | actual)]


def _verdict_counts(expected: Expected, found: Found) -> list[Count]:
    """How many of each verdict: of those that are done with the split depends on what came first."""
    counts = Counter(found.verdicts.values())
    letters = Count("dead letter", len(expected.dead_letters), len(found.dead_letters))
    return [*(Count(name, None, count) for name, count in counts.most_common()), letters]


def _wrong_numbers(published: int, expected: Expected, found: Found) -> Iterator[str]:
    due = expected.messages + expected.duplicates
    if published != due:
        yield f"{published} messages were published, not {due}"
    if found.parked_commands != expected.parked_commands:
        yield f"{found.parked_commands} commands are parked, not {expected.parked_commands}"


def _wrong_verdicts(expected: Expected, found: Found) -> list[str]:
    """Each message by name: without verdict, with another one, or never published."""
    rest = dict(found.verdicts)
    wrong: list[str] = []
    for sending in expected.conflicts:
        row = next((row for row in rest if _is_conflict_of(row, (sending.source, sending.id))), None)
        if row is None or rest.pop(row) != "conflict":
            wrong.append(f"message {sending.source} {sending.id}: its other content was not kept as a conflict")
    for id, allowed in expected.verdicts.items():
        actual = rest.pop(id, None)
        if actual is None:
            wrong.append(f"message {' '.join(id)} has no verdict: it is lost")
        elif actual not in allowed:
            wrong.append(f"message {' '.join(id)} is {actual}, not {' or '.join(sorted(allowed))}")
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
