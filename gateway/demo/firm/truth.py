"""What the books must show in the end, to the cent: reckoned from the firm as it is, not from what was told of it.

A measure is one column of the business: what was worked, spent, delivered, cost, invoiced, paid. Each is kept item by
item (sheet, report, project, invoice), so that amounts in the wrong place are found although the sums agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from gateway.demo.firm.billing import EntryKind, Invoice
from gateway.demo.firm.model import Branch, Fate, Firm
from gateway.demo.firm.worth import billed, cost


class Measure(StrEnum):
    """What is compared, in the order in which it is shown."""

    TIME = "time billed"
    EXPENSES = "expenses billed"
    MILESTONES = "milestones billed"
    COST = "cost"
    INVOICED = "invoiced, with tax"
    PAID = "paid"
    CREDITED = "credited"
    WRITTEN_OFF = "written off"
    OPEN = "open"


POSTED = (Measure.TIME, Measure.EXPENSES, Measure.MILESTONES, Measure.COST, Measure.INVOICED)
"""Measures that stand in the ERP of the legal entity."""
SHOWN = (Measure.INVOICED, Measure.PAID, Measure.CREDITED, Measure.WRITTEN_OFF, Measure.OPEN)
"""Measures that CRM and PSA show."""
SHOWING = ("crm", "psa")


@dataclass(frozen=True, slots=True, order=True)
class Item:
    """One amount of the books: `key` is `entity/id`."""

    legal_entity: str
    currency: str
    measure: Measure
    key: str

    def __str__(self) -> str:
        return f"{self.measure} of {self.key} in {self.legal_entity}, {self.currency}"


@dataclass(frozen=True, slots=True)
class Truth:
    """`due`: what the sources say. `held`: what of it no system has in the end, as planned. Zeros are left out."""

    due: Mapping[Item, Decimal]
    held: Mapping[Item, Decimal]

    def at(self, system: str, erps: Mapping[str, str]) -> dict[Item, Decimal]:
        """What one system must have; `erps`: legal entity -> the system that bills for it."""
        found: dict[Item, Decimal] = {}
        for item, amount in self.due.items():
            is_there = erps[item.legal_entity] == system and item.measure in POSTED
            if is_there or (system in SHOWING and item.measure in SHOWN):
                left = amount - self.held.get(item, Decimal(0))
                if left:
                    found[item] = left
        return found


def truth_of(firm: Firm, invoices: Sequence[Invoice]) -> Truth:
    """Add up everything."""
    due: defaultdict[Item, Decimal] = defaultdict(Decimal)
    held: defaultdict[Item, Decimal] = defaultdict(Decimal)
    for item, amount, is_held in (*_worked(firm), *_spent(firm), *_delivered(firm)):
        due[item] += amount
        if is_held:
            held[item] += amount
    for invoice in invoices:
        for measure, amount in _standing(invoice):
            due[_item(invoice.project.branch, measure, f"invoice/{invoice.id}")] += amount
    return Truth(_without_zeros(due), _without_zeros(held))


def _worked(firm: Firm) -> Iterator[tuple[Item, Decimal, bool]]:
    for sheet in firm.sheets:
        project, key = sheet.project, f"timesheet/{sheet.id}"
        is_held = project.is_blocked or sheet.fate is Fate.CLOSED_PERIOD
        for line in sheet.counting:
            if line.is_billable:
                yield _item(project.branch, Measure.TIME, key), billed(project, line), is_held
            else:
                yield _item(project.branch, Measure.COST, key), cost(project, sheet.person, line), is_held


def _spent(firm: Firm) -> Iterator[tuple[Item, Decimal, bool]]:
    for report in firm.reports:
        for line in report.counting:
            measure = Measure.EXPENSES if line.is_billable else Measure.COST
            yield _item(report.project.branch, measure, f"expense/{report.id}"), line.amount, report.project.is_blocked


def _delivered(firm: Firm) -> Iterator[tuple[Item, Decimal, bool]]:
    for project in firm.projects:
        for milestone in project.completed:
            item = _item(project.branch, Measure.MILESTONES, f"project/{project.id}")
            yield item, milestone.amount, project.is_blocked


def _standing(invoice: Invoice) -> Iterator[tuple[Measure, Decimal]]:
    paid, credited = invoice.sum_of(EntryKind.PAYMENT), invoice.sum_of(EntryKind.CREDIT_MEMO)
    written_off = invoice.sum_of(EntryKind.WRITE_OFF)
    yield Measure.INVOICED, invoice.total
    yield Measure.PAID, paid
    yield Measure.CREDITED, credited
    yield Measure.WRITTEN_OFF, written_off
    yield Measure.OPEN, invoice.total - paid - credited - written_off


def _item(branch: Branch, measure: Measure, key: str) -> Item:
    return Item(branch.code, branch.currency, measure, key)


def _without_zeros(amounts: Mapping[Item, Decimal]) -> dict[Item, Decimal]:
    return {item: amount for item, amount in amounts.items() if amount}
