"""A sheet may hear of an invoice after its line was changed: finance is asked as if it had heard in time."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.entities.expense import ACTOR as REPORTS
from actors.entities.timesheet import ACTOR as SHEETS
from schemas.acts import Act, Acted
from schemas.billed import NOTHING
from schemas.expense.entity import ExpenseReport
from schemas.invoice.told import BilledLine, Invoiced, LineState
from schemas.invoice.v1 import Bill
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.repair.v1 import Item, Repaired
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Withdrawn
from schemas.values import Reference
from tests.actors.firm import (
    BRIDGE,
    REPORT,
    SHEET,
    approved,
    corrected,
    line,
    reported,
    reported_again,
    running_project,
    spent,
)
from tests.actors.invoicing import NEW, billed, issued, posted
from tests.actors.stage import NOW, Given, accepted

OTHERS = {BRIDGE: running_project()}
BOOKED_FIRST = approved(line("1"), line("2"))
BOOKED = Given(SHEETS, SHEET, Timesheet(), others=OTHERS).after(BOOKED_FIRST)
SIX = corrected(line("1", "6"), line("2"))
GONE = Withdrawn(legal_entity="DE01", project=Reference(id=BRIDGE.id), revision=1, reason="by mistake")
SPENT = Given(REPORTS, REPORT, ExpenseReport(), others=OTHERS).after(reported(spent("1")))
ANEW = Repaired(
    to=SHEET.id, plan="17.1", system="erp", by="E-fin", checked_at=NOW,
    items=(
        Item(
            number=1, sort="billable", legal_entity="DE01", entity="timesheet", key=SHEET.id, booking="1.r1",
            holds="timesheet/T-1/1.r1/1", books=True,
        ),
    ),
)  # fmt: skip


def told_by(paper: Given, state: LineState = "invoiced", invoice: str = "INV-1") -> Invoiced:
    """What an invoice says of line 1 that came while a sheet or report stood like this."""
    bill = Bill.model_validate({"entity": paper.key.entity, "id": paper.key.id, "line_id": "1"})
    invoices = replace(NEW, key=ActorKey("invoice", invoice), others={**NEW.others, paper.key: paper.state})
    came = posted(issued(billed("1", "100.00", bill)))
    [told] = [each.body for each in invoices.asked(came) if isinstance(each.body, Invoiced)]
    [only] = told.lines
    return told.model_copy(update={"number": f"no-{invoice}", "lines": (only.model_copy(update={"state": state}),)})


@pytest.mark.parametrize(
    ("booked", "change"),
    [
        (BOOKED, SIX),
        (BOOKED, corrected(line("2"))),
        (BOOKED, GONE),
        (SPENT, reported_again(spent("1", "90.00"))),
    ],
    ids=["corrected", "taken off", "withdrawn", "expense"],
)
def test_it_is_the_same_case_whichever_comes_first(booked: Given, change: Record) -> None:
    invoice = told_by(booked)
    in_time = accepted(booked.after(invoice).when(change))
    late = accepted(booked.after(change).when(invoice))
    assert late.cases == in_time.cases
    assert [case.topic for case in late.cases] == ["credit_memo:1"]
    # And it closes likewise
    after = booked.after(change, invoice)
    assert accepted(after.when(told_by(booked, "paid"))).cases == ()
    assert accepted(after.when(told_by(booked, "credited"))).settles == ("credit_memo:1",)


def test_an_invoice_that_comes_after_the_change_bills_what_is_booked() -> None:
    after = BOOKED.after(SIX)
    assert accepted(after.when(told_by(after))).cases == ()
    assert accepted(after.when(told_by(BOOKED, "credited"))).cases == (), "nothing is owed any more"


def test_an_invoice_that_comes_before_its_line_bills_what_is_booked_first() -> None:
    new = Given(SHEETS, SHEET, Timesheet(), others=OTHERS)
    invoice = told_by(new)
    assert invoice.lines == (BilledLine(line_id="1", state="invoiced", booked=NOTHING),)
    assert accepted(BOOKED.when(invoice)).cases == ()
    in_time = accepted(new.after(invoice, BOOKED_FIRST).when(SIX))
    late = accepted(BOOKED.after(SIX).when(invoice))
    assert late.cases == in_time.cases
    assert [case.topic for case in late.cases] == ["credit_memo:1"]


@pytest.mark.parametrize("gone", [corrected(line("2")), GONE], ids=["taken off", "withdrawn"])
def test_an_invoice_that_comes_after_its_line_was_taken_back_has_to_be_credited(gone: Record) -> None:
    after = BOOKED.after(gone)
    (case,) = accepted(after.when(told_by(after))).cases
    assert (case.topic, case.money) == ("credit_memo:1", {"EUR": Decimal("1160.00")})
    # And it is the same where the line is approved again before the sheet hears of it
    again = approved(line("1", "7"), line("2"), revision=3)
    assert accepted(after.after(again).when(told_by(after))).cases == (case,)


def test_an_invoice_that_comes_once_its_line_is_back_asks_nobody() -> None:
    back = corrected(line("1"), line("2"), corrects=2)
    assert accepted(BOOKED.after(SIX, back).when(told_by(BOOKED))).cases == ()


def test_an_invoice_of_a_release_that_did_not_keep_what_it_bills_asks_nobody() -> None:
    invoice = told_by(BOOKED)
    (only,) = invoice.lines
    unknown = invoice.model_copy(update={"lines": (only.model_copy(update={"booked": None}),)})
    assert accepted(BOOKED.after(SIX).when(unknown)).cases == ()


def test_a_repair_books_the_same_anew() -> None:
    invoice = told_by(BOOKED)
    assert accepted(BOOKED.after(ANEW).when(invoice)).cases == ()
    (case,) = accepted(BOOKED.after(ANEW, SIX).when(invoice)).cases
    assert case.topic == "credit_memo:1"


def test_a_late_invoice_asks_beside_one_that_was_heard_of_in_time() -> None:
    after = BOOKED.after(told_by(BOOKED), SIX)
    cases = {case.topic: case for case in accepted(after.when(told_by(BOOKED, invoice="INV-2"))).cases}
    assert "no-INV-1, no-INV-2" in cases["credit_memo:1"].failure.reason


def test_what_somebody_has_seen_to_is_not_asked_again_when_the_invoice_is_paid() -> None:
    after = BOOKED.after(SIX, told_by(BOOKED))
    (case,) = accepted(BOOKED.after(SIX).when(told_by(BOOKED))).cases
    act = Acted(topic="credit_memo:1", act=Act.RESOLVE, by="E-5", reason="told them", seen=case.asks)
    assert accepted(after.after(act).when(told_by(BOOKED, "paid"))).cases == ()


def test_an_invoice_bills_what_was_booked_when_it_came_first() -> None:
    # Given an invoice that was issued before a line was changed, and that the ERP posts after it
    bill = Bill(entity="timesheet", id=SHEET.id, line_id="1")
    invoice = issued(billed("1", "100.00", bill))
    came = replace(NEW, others={**NEW.others, SHEET: BOOKED.state})
    since = replace(came.after(invoice), others={**NEW.others, SHEET: BOOKED.after(SIX).state})
    [told] = [each.body for each in since.asked(posted(invoice)) if isinstance(each.body, Invoiced)]
    assert told.lines == told_by(BOOKED).lines


class Moment(NamedTuple):
    """Something that happens: the line has other hours from now on, or an invoice comes that bills it."""

    hours: int | None
    """0: the line is taken off."""
    delay: int
    """After how many further moments the sheet hears of an invoice."""


moments = st.lists(st.builds(Moment, st.one_of(st.none(), st.integers(0, 9)), st.integers(0, 6)), max_size=7)


@settings(max_examples=100, deadline=None)
@given(moments)
def test_who_hears_of_invoices_late_asks_for_the_same_credit_memos(happening: list[Moment]) -> None:
    assert _played(happening, is_late=True) == _played(happening, is_late=False)


def _played(happening: list[Moment], *, is_late: bool) -> dict[str, tuple[str, object]]:
    """The cases that are open in the end."""
    sheet = Given(SHEETS, SHEET, Timesheet(), others=OTHERS)
    revision, open_ = 0, dict[str, tuple[str, object]]()
    on_the_way: list[tuple[int, Record]] = []

    def hear(event: Record) -> None:
        nonlocal sheet, open_
        decision = accepted(sheet.when(event))
        sheet = replace(sheet, state=decision.state)
        open_ = {topic: each for topic, each in open_.items() if topic not in decision.settles}
        open_ |= {f"{case.topic}": (case.failure.reason, case.asks) for case in decision.cases}

    for number, each in enumerate(happening):
        if each.hours is None:
            on_the_way.append((number + each.delay * is_late, told_by(sheet, invoice=f"INV-{number}")))
        else:
            lines = (line("1", f"{each.hours}"), line("2")) if each.hours else (line("2"),)
            hear(corrected(*lines, corrects=revision) if revision else approved(*lines))
            revision += 1
        for arrived in [told for due, told in on_the_way if due == number]:
            hear(arrived)
    for late in [told for due, told in on_the_way if due >= len(happening)]:
        hear(late)
    return open_
