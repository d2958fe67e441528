"""The billing engine of the firm: which invoices it issues, and what comes of them. Pure and deterministic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum, auto
from itertools import count
from random import Random
from typing import Final, Literal, NamedTuple, assert_never

from gateway.demo.firm.model import IN_FORCE, Fate, Firm, Project, Report, Sheet, monday
from gateway.demo.firm.worth import CENT, billed

TERM: Final = timedelta(days=14)
_MONTHS: Final = ((IN_FORCE, date(2026, 9, 30)), (date(2026, 10, 1), date(2026, 10, 31)))
"""First and last day of what is invoiced together; November is not over."""


class Bill(NamedTuple):
    """A line of a sheet or a report that an invoice bills."""

    entity: Literal["timesheet", "expense"]
    id: str
    line_id: str


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line of an invoice; `amount` without tax."""

    line_id: str
    kind: Literal["time", "expense", "milestone", "retainer"]
    amount: Decimal
    bills: tuple[Bill, ...] = ()


class EntryKind(Enum):
    """What comes of an invoice."""

    PAYMENT = auto()
    """Below zero: money that went back."""
    CREDIT_MEMO = auto()
    WRITE_OFF = auto()
    DISPUTE = auto()
    """Moves no money."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A payment, a credit memo, a write-off, or a dispute; `amount` with tax."""

    kind: EntryKind
    id: str
    amount: Decimal
    on: date


class Course(Enum):
    """How it goes with an invoice."""

    PAID = auto()
    PAID_IN_PARTS = auto()
    PAID_IN_PART = auto()
    CREDITED = auto()
    """A tenth is credited, the rest is paid."""
    WRITTEN_OFF = auto()
    """Half is paid, the rest is given up."""
    OVERPAID = auto()
    """Too much came, and what was too much went back."""
    DISPUTED = auto()
    OPEN = auto()


_SHARES: Final = {
    Course.PAID: 58,
    Course.PAID_IN_PARTS: 10,
    Course.PAID_IN_PART: 8,
    Course.CREDITED: 8,
    Course.WRITTEN_OFF: 4,
    Course.OVERPAID: 3,
    Course.DISPUTED: 3,
    Course.OPEN: 6,
}


@dataclass(frozen=True, slots=True)
class Invoice:
    """`is_early`: its first payment is told before it is issued."""

    id: str
    number: str
    project: Project
    issued_on: date
    lines: tuple[InvoiceLine, ...]
    entries: tuple[Entry, ...] = ()
    is_early: bool = False

    @property
    def due_on(self) -> date:
        """Last day on which it is to be paid."""
        return self.issued_on + TERM

    @property
    def net(self) -> Decimal:
        """Without tax."""
        return sum((line.amount for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        """On all of it, rounded once."""
        return (self.net * self.project.branch.tax_per_cent / 100).quantize(CENT, ROUND_HALF_UP)

    @property
    def total(self) -> Decimal:
        """What the customer owes."""
        return self.net + self.tax

    def sum_of(self, kind: EntryKind) -> Decimal:
        """What came of one kind."""
        return sum((entry.amount for entry in self.entries if entry.kind is kind), Decimal(0))


def invoices_of(random: Random, firm: Firm) -> tuple[Invoice, ...]:
    """What is issued until today, and what comes of it."""
    numbers = count(1)
    invoices: list[Invoice] = []
    for project in firm.projects:
        if project.is_blocked:
            continue
        for issued_on, lines in _due(project, firm):
            number = next(numbers)
            invoice = Invoice(f"INV-{number:04}", f"{project.branch.code}-26-{number:04}", project, issued_on, lines)
            invoices.append(_followed(random, invoice))
    return tuple(invoices)


def _due(project: Project, firm: Firm) -> Iterator[tuple[date, tuple[InvoiceLine, ...]]]:
    """Day of issue and lines of each invoice of a project."""
    match project.method:
        case "time_and_materials":
            sheets = [sheet for sheet in firm.sheets if sheet.project is project]
            reports = [report for report in firm.reports if report.project is project]
            for first, last in _MONTHS:
                lines = tuple(_of_month(project, sheets, reports, first, last))
                if lines:
                    yield last + timedelta(days=1), lines
        case "fixed_fee":
            for milestone in project.completed:
                yield monday((milestone.week or 0) + 1), (InvoiceLine("1", "milestone", milestone.amount),)
        case "retainer":
            for _, last in _MONTHS:
                yield last + timedelta(days=1), (InvoiceLine("1", "retainer", project.fee or Decimal(0)),)
        case _:
            assert_never(project.method)


def _of_month(
    project: Project, sheets: Sequence[Sheet], reports: Sequence[Report], first: date, last: date
) -> Iterator[InvoiceLine]:
    """One line for all time, one for all expenses."""
    time = [
        (billed(project, line), Bill("timesheet", sheet.id, line.line_id))
        for sheet in sheets
        if sheet.fate is not Fate.CLOSED_PERIOD
        for line in sheet.counting
        if line.is_billable and first <= line.work_date <= last
    ]
    spent = [
        (line.amount, Bill("expense", report.id, line.line_id))
        for report in reports
        for line in report.counting
        if line.is_billable and first <= line.incurred_on <= last
    ]
    kinds: tuple[tuple[Literal["time", "expense"], list[tuple[Decimal, Bill]]], ...] = (
        ("time", time),
        ("expense", spent),
    )
    for place, (kind, rows) in enumerate(kinds, 1):
        if rows:
            amount = sum((amount for amount, _ in rows), Decimal(0))
            yield InvoiceLine(str(place), kind, amount, tuple(bill for _, bill in rows))


def _followed(random: Random, invoice: Invoice) -> Invoice:
    (course,) = random.choices(tuple(_SHARES), weights=tuple(_SHARES.values()))
    entries = tuple(entries_of(course, invoice))
    is_early = bool(entries) and entries[0].kind is EntryKind.PAYMENT and random.random() < 0.2
    return replace(invoice, entries=entries, is_early=is_early)


def entries_of(course: Course, invoice: Invoice) -> Iterator[Entry]:
    """What comes of an invoice that goes so."""
    total, day = invoice.total, invoice.issued_on + timedelta(days=9)
    half, tenth = (total / 2).quantize(CENT), (total / 10).quantize(CENT)
    match course:
        case Course.PAID:
            yield Entry(EntryKind.PAYMENT, "P-1", total, day)
        case Course.PAID_IN_PARTS:
            yield Entry(EntryKind.PAYMENT, "P-1", half, day)
            yield Entry(EntryKind.PAYMENT, "P-2", total - half, day + timedelta(days=4))
        case Course.PAID_IN_PART:
            yield Entry(EntryKind.PAYMENT, "P-1", half, day)
        case Course.CREDITED:
            yield Entry(EntryKind.CREDIT_MEMO, "CM-1", tenth, day)
            yield Entry(EntryKind.PAYMENT, "P-1", total - tenth, day + timedelta(days=1))
        case Course.WRITTEN_OFF:
            yield Entry(EntryKind.PAYMENT, "P-1", half, day)
            yield Entry(EntryKind.WRITE_OFF, "WO-1", total - half, day + timedelta(days=4))
        case Course.OVERPAID:
            yield Entry(EntryKind.PAYMENT, "P-1", total + tenth, day)
            yield Entry(EntryKind.PAYMENT, "P-2", -tenth, day + timedelta(days=2))
        case Course.DISPUTED:
            yield Entry(EntryKind.DISPUTE, "D-1", total, day)
        case Course.OPEN:
            return
        case _:
            assert_never(course)
