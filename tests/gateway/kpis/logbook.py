"""Lines of the logs, each in one short call, for the tests of the counting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

from adapters.ports.kpis import About, Added, CaseChange, CaseLine, Kept, Line, Page, Place, Reached, Said, Sent, Sum
from gateway.kpis.counting import count as counted
from gateway.kpis.counting import keys_of
from gateway.kpis.figures import Value, figures_of
from schemas.codec import encode
from schemas.envelope import Attributes
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.registry import EVENTS
from schemas.verdicts import FailureClass

NOON = datetime(2026, 3, 9, 12, tzinfo=UTC)
SHEET = ActorKey("timesheet", "T-1")
DEAL = ActorKey("engagement", "E-1")
INVOICE = ActorKey("invoice", "I-1")
PSA, PEOPLE, SELF = "urn:psa", "tallystick:people", "tallystick:self"


@dataclass
class Logbook:
    """What was counted so far, line after line; the clock is moved by hand."""

    now: datetime = NOON
    since: date | None = None
    added: dict[Place, Added] = field(default_factory=dict)
    kept: dict[ActorKey, Kept] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def pass_time(self, **time: float) -> None:
        """Let some time pass."""
        self.now += timedelta(**time)

    def message(
        self, key: ActorKey, what: str, type: str, *, source: str = PSA, ref: int | None = None, version: int = 1,
        data: Record | None = None, legal_entity: str | None = "DE01", received: float = 0,
    ) -> None:  # fmt: skip
        """A verdict of a message that came `received` seconds ago."""
        seq = next(self._numbers)
        at = self.now - timedelta(seconds=received)
        version_of = EVENTS.latest(type).type
        body = None if data is None else encode(Attributes(source, "e1", version_of, key.id, time=NOON), data)
        said = Said(UUID(int=ref or 1000 + seq), source, version_of, at, legal_entity, body)
        self._count(Line(seq, self.now, key, what, version, said))

    def command(
        self, key: ActorKey, operation: str, line: str = "L1.r1", *, version: int = 1, amount: str | None = None,
        is_confirmed: bool = True, what: str = "command_done", day: date | None = None, legal_entity: str = "DE01",
        line_id: str | None = None,
    ) -> None:  # fmt: skip
        """A command that is settled or parked."""
        said = line_id or line.partition(".r")[0]
        about = About(legal_entity, "EUR", None if amount is None else Decimal(amount), day, said)
        sent = Sent(operation, line, version, is_confirmed, about)
        self._count(Line(next(self._numbers), self.now, key, what, version, None, sent))

    def case(self, what: CaseChange, failure_class: FailureClass, *, opened: float = 0) -> None:
        """A case that was opened so many seconds ago."""
        line = CaseLine(next(self._numbers), self.now, what, failure_class, self.now - timedelta(seconds=opened))
        self._add([], [line])

    def count_of(self, measure: str) -> int:
        """How many of a measure."""
        return sum(added.count for place, added in self.added.items() if place.measure == measure)

    def total_of(self, measure: str) -> Decimal:
        """What a measure comes to."""
        return sum((added.total for place, added in self.added.items() if place.measure == measure), Decimal(0))

    def labels_of(self, measure: str) -> list[str]:
        """The labels of a measure."""
        return sorted(place.label for place in self.added if place.measure == measure)

    @property
    def sums(self) -> list[Sum]:
        """As a period that holds all days."""
        found: list[Sum] = []
        for place, added in self.added.items():
            found.append(
                Sum(place.measure, place.legal_entity, place.currency, place.label, added.count, added.total, place.day)
            )
        return found

    def figure(self, name: str) -> Value:
        """A figure of one value."""
        [found] = figures_of(self.sums)[name]
        return found

    def _count(self, line: Line) -> None:
        self.lines.append(line)
        self._add([line], [])

    def _add(self, lines: Sequence[Line], cases: Sequence[CaseLine]) -> None:
        page = Page(0, Reached(0, 0), lines, cases, self.since)
        kept = {key: self.kept[key].body for key in keys_of(lines) if key in self.kept}
        found = counted(page, kept)
        for place, added in found.added.items():
            before = self.added.get(place, Added(0, Decimal(0)))
            self.added[place] = Added(before.count + added.count, before.total + added.total)
        for key, memory in found.kept.items():
            if memory is None:
                self.kept.pop(key, None)
            else:
                self.kept[key] = memory
