"""A sheet may hear of an invoice after its line was changed: finance is asked as if it had heard in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.entities.expense import ACTOR as REPORTS
from actors.entities.timesheet import ACTOR as SHEETS
from schemas.expense.entity import ExpenseReport
from schemas.facts import Case
from schemas.invoice.told import BilledLine, Invoiced, LineState
from schemas.record import Record
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
from tests.actors.invoicing import NEW, issued, posted
from tests.actors.stage import NOW, Given, accepted

OTHERS = {BRIDGE: running_project()}
BOOKED = Given(SHEETS, SHEET, Timesheet(), others=OTHERS).after(approved(line("1"), line("2")))
SIX = corrected(line("1", "6"), line("2"))
GONE = Withdrawn(legal_entity="DE01", project=Reference(id=BRIDGE.id), revision=1, reason="by mistake")
SPENT = Given(REPORTS, REPORT, ExpenseReport(), others=OTHERS).after(reported(spent("1")))


def minutes(count: int) -> datetime:
    """So many minutes before now."""
    return NOW - timedelta(minutes=count)


def told(billed_at: datetime | None, state: LineState = "invoiced", invoice: str = "INV-1") -> Invoiced:
    """What an invoice says of line 1."""
    lines = (BilledLine(line_id="1", state=state),)
    return Invoiced(to=SHEET.id, invoice=invoice, number=f"no-{invoice}", lines=lines, billed_at=billed_at)


def changed(given: Given, event: Record, at: datetime) -> Given:
    """The sheet or report after a change that happened at a moment."""
    return replace(replace(given, time=at).after(event), time=None)


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
    invoice = told(minutes(20))
    in_time = accepted(replace(booked.after(invoice), time=minutes(10)).when(change))
    late = accepted(changed(booked, change, minutes(10)).when(invoice))
    assert late.cases == in_time.cases
    assert [case.topic for case in late.cases] == ["credit_memo:1"]
    # And it closes likewise
    after = changed(booked, change, minutes(10)).after(invoice)
    assert accepted(after.when(told(minutes(20), "paid"))).cases == ()
    assert accepted(after.when(told(minutes(20), "credited"))).settles == ("credit_memo:1",)


def test_an_invoice_from_after_the_change_bills_what_is_booked() -> None:
    after = changed(BOOKED, SIX, minutes(10))
    assert accepted(after.when(told(minutes(5)))).cases == ()
    assert accepted(after.when(told(minutes(10)))).cases == (), "who corrects and bills at once bills the correction"
    assert accepted(after.when(told(None))).cases == (), "a release that did not say when has told it"
    assert accepted(after.when(told(minutes(20), "credited"))).cases == (), "nothing is owed any more"


def test_a_source_that_does_not_say_when_or_says_a_time_to_come_is_taken_at_its_arrival() -> None:
    for time in (None, NOW + timedelta(days=1)):
        after = replace(BOOKED, time=time).after(SIX)
        assert [case.topic for case in accepted(after.when(told(minutes(1)))).cases] == ["credit_memo:1"]
        assert accepted(after.when(told(NOW))).cases == ()


def test_a_late_invoice_asks_beside_one_that_was_heard_of_in_time() -> None:
    after = changed(BOOKED.after(told(minutes(20))), SIX, minutes(10))
    (case,) = [each for each in _cases(after, told(minutes(15), invoice="INV-2")) if each.topic == "credit_memo:1"]
    assert "no-INV-1, no-INV-2" in case.failure.reason


def test_an_invoice_says_since_when_it_bills_as_it_does() -> None:
    # Given an invoice that a billing engine has issued, as the ERP says somewhat later
    engine = replace(NEW, time=minutes(20)).after(issued())
    (post,) = NEW.asked(issued())
    assert _told(engine.confirmed(post), engine).billed_at == minutes(20)
    assert _told(posted(), replace(engine, time=minutes(10))).billed_at == minutes(20)
    # And one of which the ERP spoke first
    erp = replace(NEW, time=minutes(10))
    assert _told(posted(), erp).billed_at == minutes(10)


def _told(happened: Record | object, given: Given) -> Invoiced:
    decision = accepted(given.when(happened))  # type: ignore[arg-type]  # facts and results alike
    [body] = [each.body for each in decision.requests if isinstance(each.body, Invoiced)]
    return body


def _cases(given: Given, event: Record) -> tuple[Case, ...]:
    return accepted(given.when(event)).cases


class Moment(NamedTuple):
    """Something that happens: the line has other hours from now on, or an invoice bills it."""

    hours: int | None
    delay: int
    """After how many further moments the sheet hears of an invoice."""


moments = st.lists(st.builds(Moment, st.one_of(st.none(), st.integers(1, 9)), st.integers(0, 6)), max_size=7)


@settings(max_examples=200, deadline=None)
@given(moments)
def test_who_hears_of_invoices_late_asks_for_the_same_credit_memos(happening: list[Moment]) -> None:
    assert _played(happening, is_late=True) == _played(happening, is_late=False)


def _played(happening: list[Moment], *, is_late: bool) -> dict[str, tuple[str, object]]:
    """The cases that are open in the end."""
    given, revision, open_ = BOOKED, 1, dict[str, tuple[str, object]]()
    heard: list[tuple[int, int, Record, datetime]] = []
    for number, each in enumerate(happening):
        at = minutes(60 - number)
        if each.hours is None:
            due = number + (each.delay if is_late else 0)
            heard.append((due, number, told(at, invoice=f"INV-{number}"), at))
        else:
            heard.append((number, number, corrected(line("1", f"{each.hours}"), line("2"), corrects=revision), at))
            revision += 1
    for _, _, event, at in sorted(heard, key=lambda each: each[:2]):
        decision = accepted(replace(given, time=at).when(event))
        given = replace(given, state=decision.state)
        open_ = {topic: each for topic, each in open_.items() if topic not in decision.settles}
        open_ |= {f"{case.topic}": (case.failure.reason, case.asks) for case in decision.cases}
    return open_
