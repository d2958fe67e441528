"""The firm's own reckoning on tiny firms whose books are added up by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from gateway.demo.firm.billing import Course, Entry, EntryKind, Invoice, InvoiceLine, entries_of
from gateway.demo.firm.model import Arrival, Branch, Change, Credit, Fate, Firm, Milestone, Report, Spending
from gateway.demo.firm.truth import Item, Measure, Truth, truth_of
from tests.gateway.demo.firm.firms import DAY, DE, UK, US, firm, line, project, sheet

ERPS = {"DE01": "erp_eu", "US01": "erp", "UK01": "erp"}


def item(measure: Measure, key: str, branch: Branch = DE) -> Item:
    return Item(branch.code, branch.currency, measure, key)


def truth(of: Firm, *invoices: Invoice) -> Truth:
    return truth_of(of, invoices)


@pytest.mark.parametrize(
    ("branch", "amount"),
    [(DE, "1000.13"), (US, "1000.13"), (UK, "1000.12")],  # 7.5 × 133.35 = 1000.125: half up, half up, half even
)
def test_each_legal_entity_rounds_by_its_own_rule(branch: Branch, amount: str) -> None:
    of = project(branch)
    found = truth(firm(of, [sheet(of, line("7.5"))]))
    assert found.due == {item(Measure.TIME, "timesheet/TS-1", branch): Decimal(amount)}


def test_each_line_is_rounded_by_itself() -> None:
    of = project()
    lines = [line("1.25", line_id=f"{number}") for number in range(3)]  # 166.6875 each, 500.0625 in all
    assert truth(firm(of, [sheet(of, *lines)])).due == {item(Measure.TIME, "timesheet/TS-1"): Decimal("500.07")}


def test_what_is_not_billable_is_cost() -> None:
    of = project()
    found = truth(firm(of, [sheet(of, line("1"), line("2", line_id="2", is_billable=False))]))
    assert found.due == {
        item(Measure.TIME, "timesheet/TS-1"): Decimal("133.35"),
        item(Measure.COST, "timesheet/TS-1"): Decimal("117.40"),
    }


def test_the_last_change_order_in_force_on_the_day_prices_the_hour() -> None:
    raises = [
        Change(2, date(2026, 9, 2), Arrival.IN_TIME, rates={"consultant": Decimal(140)}),
        Change(3, date(2026, 9, 4), Arrival.BEFORE_ITS_PREDECESSOR, rates={"consultant": Decimal(150)}),
    ]
    of = project(changes=raises)
    lines = [line("1", line_id=f"{day}", on=date(2026, 9, day)) for day in (1, 2, 3, 4)]
    found = truth(firm(of, [sheet(of, *lines)]))
    assert found.due == {item(Measure.TIME, "timesheet/TS-1"): Decimal("133.35") + 140 + 140 + 150}


@pytest.mark.parametrize(
    ("fate", "hours"),
    [
        (Fate.PLAIN, 1), (Fate.RESENT, 1), (Fate.CONFLICT, 1), (Fate.RESUBMITTED, 1), (Fate.REJECTED, 0),
        (Fate.WITHDRAWN, 0),
    ],
)  # fmt: skip
def test_a_sheet_counts_once_or_not_at_all(fate: Fate, hours: int) -> None:
    of = project()
    found = truth(firm(of, [replace(sheet(of, line("1")), fate=fate)]))
    due = {item(Measure.TIME, "timesheet/TS-1"): Decimal("133.35") * hours} if hours else {}
    assert (found.due, found.held) == (due, {})


@pytest.mark.parametrize("fate", [Fate.CORRECTED, Fate.OVERTAKEN])
def test_a_corrected_sheet_counts_as_it_is_corrected(fate: Fate) -> None:
    of = project()
    corrected = replace(sheet(of, line("1")), fate=fate, corrected=(line("2"),))
    assert truth(firm(of, [corrected])).due == {item(Measure.TIME, "timesheet/TS-1"): Decimal("266.70")}


def test_what_is_held_back_is_due_and_in_no_system() -> None:
    blocked = project(credit=Credit.ON_HOLD)
    closed = project()
    for of, fate in ((blocked, Fate.PLAIN), (closed, Fate.CLOSED_PERIOD)):
        found = truth(firm(of, [replace(sheet(of, line("1")), fate=fate)]))
        assert found.due == found.held == {item(Measure.TIME, "timesheet/TS-1"): Decimal("133.35")}
        assert found.at("erp_eu", ERPS) == {}


def test_expenses_count_as_they_were_spent() -> None:
    of = project()
    spent = (
        Spending("1", DAY, "travel", Decimal("84.20"), is_billable=True),
        Spending("2", DAY, "meals", Decimal("12.10"), is_billable=False),
    )
    report = Report("EX-1", of, sheet(of).person, 1, spent)
    assert truth(firm(of, reports=[report])).due == {
        item(Measure.EXPENSES, "expense/EX-1"): Decimal("84.20"),
        item(Measure.COST, "expense/EX-1"): Decimal("12.10"),
    }
    assert truth(firm(of, reports=[replace(report, fate=Fate.REJECTED)])).due == {}


def test_completed_milestones_count_with_their_last_amounts() -> None:
    was = Milestone("M-1", "Concept", Decimal(300), 3), Milestone("M-2", "Hand-over", Decimal(700), None)
    now = replace(was[0], amount=Decimal(350)), replace(was[1], amount=Decimal(650))
    change = Change(2, DAY, Arrival.IN_TIME, schedule=now)
    of = project(method="fixed_fee", milestones=was)
    assert truth(firm(of)).due == {item(Measure.MILESTONES, "project/P-1"): Decimal(300)}
    assert truth(firm(replace(of, changes=(change,)))).due == {item(Measure.MILESTONES, "project/P-1"): Decimal(350)}


def invoice(*entries: Entry) -> Invoice:
    """1,000.00 and 190.00 tax."""
    return Invoice("I-1", "DE01-1", project(), DAY, (InvoiceLine("1", "time", Decimal("1000.00")),), entries)


def test_an_invoice_is_open_by_what_did_not_come() -> None:
    came = invoice(
        Entry(EntryKind.PAYMENT, "P-1", Decimal("500.00"), DAY),
        Entry(EntryKind.PAYMENT, "P-2", Decimal("-20.00"), DAY),
        Entry(EntryKind.CREDIT_MEMO, "CM-1", Decimal("119.00"), DAY),
        Entry(EntryKind.WRITE_OFF, "WO-1", Decimal("91.00"), DAY),
        Entry(EntryKind.DISPUTE, "D-1", Decimal("1190.00"), DAY),
    )
    found = truth(firm(project()), came)
    assert found.due == {
        item(Measure.INVOICED, "invoice/I-1"): Decimal("1190.00"),
        item(Measure.PAID, "invoice/I-1"): Decimal("480.00"),
        item(Measure.CREDITED, "invoice/I-1"): Decimal("119.00"),
        item(Measure.WRITTEN_OFF, "invoice/I-1"): Decimal("91.00"),
        item(Measure.OPEN, "invoice/I-1"): Decimal("500.00"),
    }
    assert found.at("erp_eu", ERPS).keys() == {item(Measure.INVOICED, "invoice/I-1")}
    assert found.at("crm", ERPS) == found.at("psa", ERPS) == found.due
    assert found.at("erp", ERPS) == {}


@pytest.mark.parametrize(
    ("course", "left"),
    [
        (Course.PAID, "0"), (Course.PAID_IN_PARTS, "0"), (Course.CREDITED, "0"), (Course.WRITTEN_OFF, "0"),
        (Course.OVERPAID, "0"), (Course.PAID_IN_PART, "595.00"), (Course.DISPUTED, "1190.00"), (Course.OPEN, "1190.00"),
    ],
)  # fmt: skip
def test_each_course_leaves_open_what_its_name_says(course: Course, left: str) -> None:
    came = invoice(*entries_of(course, invoice()))
    open_ = truth(firm(project()), came).due.get(item(Measure.OPEN, "invoice/I-1"), Decimal(0))
    assert open_ == Decimal(left)
