"""Rules about numbers: applied in their order and over no hole (5), and a hole that stops a key is seen (9).

What a source numbers is judged by its numbers alone: it may be sent in any order, and late.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.checker.evidence import Closing, Entity, Line, Published
from tests.checker.ledger import APPLIED, CONFLICT, FINAL, Ledger
from tests.checker.report import Invariant, Violation

GAP_CLOSED = "gap_closed"
WAIT_OVERDUE = "wait_overdue"

Pair = tuple[str, str]


@dataclass(slots=True)
class Series:
    """The numbers of one source about one key: all up to `through` are final or closed, `standing` are undecided."""

    applied: int = 0
    through: int = 0
    final: set[int] = field(default_factory=set)
    standing: dict[str, int] = field(default_factory=dict)

    def close(self, number: int) -> None:
        """All numbers up to this one need not come any more."""
        self.through = max(self.through, number)
        self.end()

    def end(self, *numbers: int) -> None:
        """These numbers are final."""
        self.final.update(numbers)
        while self.through + 1 in self.final:
            self.through += 1


def numbers(ledger: Ledger) -> Iterator[Violation]:
    """Walk along the timeline, then look at what waits in the end."""
    known: dict[Pair, Series] = defaultdict(Series)
    closings: dict[str, deque[Closing]] = defaultdict(deque)
    for closing in ledger.evidence.closings:
        closings[closing.lane].append(closing)
    for line in ledger.evidence.timeline:
        if line.what == GAP_CLOSED:
            yield from _closed(known, closings[line.key], line)
        sent = ledger.published(line.ref)
        if sent is not None and line.what != CONFLICT:
            yield from _numbered(ledger, known[sent.source, sent.key], line, sent)
    for lane, left in closings.items():
        if left:
            yield Violation(Invariant.ATOMIC, lane, f"{len(left)} gaps were closed that the timeline does not name")
    for entity in ledger.evidence.entities:
        yield from _waiting(ledger, known, entity)
    yield from _cases(ledger)


def waits_for_number(ledger: Ledger, entity: Entity, head: Published) -> bool:
    """Whether a lane waits for a number, and for nothing else."""
    return entity.target is None and head.sequence is not None and head.source in ledger.evidence.contiguous


def _closed(known: Mapping[Pair, Series], closings: deque[Closing], line: Line) -> Iterator[Violation]:
    if not closings:
        yield Violation(Invariant.ATOMIC, line.key, "a gap is closed in the timeline that nobody closed")
        return
    closing = closings.popleft()
    known[closing.source, closing.key].close(closing.through)


def _numbered(ledger: Ledger, series: Series, line: Line, sent: Published) -> Iterator[Violation]:
    number, name = sent.sequence, ledger.name(line.ref)
    if number is None:
        return
    if line.what == APPLIED:
        if number <= series.applied:
            yield Violation(Invariant.ORDER, name, f"was applied after number {series.applied}")
        if sent.source in ledger.evidence.contiguous and series.through + 1 < number:
            yield Violation(Invariant.ORDER, name, f"was applied before number {series.through + 1}")
        lower = min(series.standing.values(), default=number)
        if lower < number:
            yield Violation(Invariant.ORDER, name, f"was applied past number {lower}, which is undecided")
    if line.what == "stale" and series.applied < number:
        yield Violation(Invariant.ORDER, name, "is stale, and nothing newer was applied")
    if line.what in FINAL:
        series.standing.pop(line.ref or "", None)
        series.end(number)
        series.applied = max(series.applied, number) if line.what == APPLIED else series.applied
    else:
        series.standing[line.ref or ""] = number


def _waiting(ledger: Ledger, known: Mapping[Pair, Series], entity: Entity) -> Iterator[Violation]:
    head = next(iter(ledger.standing[entity.key]), None)
    sent = None if head is None else ledger.origin(head)
    if head is None or sent is None or entity.lane != "waiting" or entity.key.startswith("external/"):
        return
    if sent.sequence is None or not waits_for_number(ledger, entity, sent):
        return
    series, name = known[sent.source, sent.key], ledger.name(head.ref)
    hole = series.through + 1
    if hole >= sent.sequence or hole in series.standing.values():
        yield Violation(Invariant.LIVE, name, f"waits for a number below {sent.sequence}, and all are there")
    if sent.source in ledger.evidence.overdue and ledger.open_case(ref=head.ref) is None:
        yield Violation(Invariant.LIVE, name, f"waits for number {hole} past its deadline, and no case is open")


def _cases(ledger: Ledger) -> Iterator[Violation]:
    for case in ledger.evidence.cases:
        row = ledger.rows.get(case.ref or "")
        if not case.is_open or case.topic is not None or row is None:
            continue
        if row.verdict == APPLIED or (row.verdict in FINAL and case.code == WAIT_OVERDUE):
            yield Violation(Invariant.LIVE, ledger.name(row.ref), f"is {row.verdict}, and its case {case.code} is open")
