"""What an approved repair does of a sheet or a report: as planned, through the same bookings, and not twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from actors.decision import Request
from actors.entities.expense import ACTOR as EXPENSES
from actors.entities.timesheet import ACTOR
from actors.policy import Flow, Mode
from schemas.billed import Billed
from schemas.expense.entity import ExpenseReport
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.repair.v1 import LASTS, Item, Repaired
from schemas.timesheet.entity import Timesheet
from tests.actors.firm import BRIDGE, REPORT, SHEET, approved, corrected, line, reported, running_project
from tests.actors.stage import NOW, POLICY, Given, accepted, reason_to_ignore, refusal

OTHERS = {BRIDGE: running_project()}
BILLED = Given(ACTOR, SHEET, Timesheet(), others=OTHERS).after(approved(line("1", "8"), line("2", "4")))
SPENT = Given(EXPENSES, REPORT, ExpenseReport(), others=OTHERS).after(reported())


def lines(given: Given) -> dict[str, str]:
    """Line id -> its reference."""
    assert isinstance(given.state, Billed)
    return {line_id: line.reference for line_id, line in given.state.lines.items()}


def told(*items: Item) -> Repaired:
    return Repaired(to=SHEET.id, plan="17.1", system="erp", by="E-fin", checked_at=NOW, items=items)


def item(number: int = 1, *, entity: str = "timesheet", **said: object) -> Item:
    fields = {
        "number": number, "sort": "billable", "legal_entity": "DE01", "entity": entity, "key": "T-1", "booking": "1.r1",
    }  # fmt: skip
    return Item.model_validate(fields | said)


def body(given: Given, line_id: str = "1") -> BillablePost:
    assert isinstance(given.state, Billed)
    post = given.state.lines[line_id].body
    assert isinstance(post, BillablePost)
    return post


def names(requests: tuple[Request, ...]) -> list[str]:
    return [f"{request.operation} {request.line}" for request in requests]


HOLDS = "timesheet/T-1/1.r1/1"
MISSING = told(item(holds=HOLDS, books=True))
THERE = body(BILLED).model_copy(update={"amount": Decimal("1100.00")})
DIFFERENT = told(item(holds=HOLDS, books=True, stands=THERE, reference=HOLDS, external_id="B-1"))
SPENT_MISSING = Repaired(
    to=REPORT.id, plan="17.1", system="erp", by="E-fin", checked_at=NOW,
    items=(item(entity="expense", holds="expense/X-1/1.r1/1", books=True),),
)  # fmt: skip
TWICE = told(item(4, holds=HOLDS, stands=body(BILLED), reference=HOLDS, external_id="B-9"))


def test_what_is_missing_is_booked_under_another_reference() -> None:
    [request] = BILLED.asked(MISSING)
    assert (request.system, request.operation, request.line) == ("erp", "billable.post", "1.r1.2")
    assert request.body == body(BILLED)
    assert lines(BILLED.after(MISSING)) == {"1": "timesheet/T-1/1.r1.2/1", "2": "timesheet/T-1/2.r1/1"}


def test_what_is_different_is_taken_back_as_it_stands_there_and_booked_as_we_hold_it() -> None:
    back, again = BILLED.asked(DIFFERENT)
    assert names((back, again)) == ["billable.reverse 1.r1.repair.17.1.1", "billable.post 1.r1.2"]
    assert isinstance(back.body, BillableReverse)
    assert (back.body.reverses, back.body.amount) == (HOLDS, Decimal("-1100.00"))
    assert again.body == body(BILLED)


def test_of_what_is_there_twice_one_is_taken_back_and_the_line_stays() -> None:
    requests = BILLED.asked(TWICE)
    assert names(requests) == ["billable.reverse 1.r1.repair.17.1.4"]
    assert lines(BILLED.after(TWICE)) == lines(BILLED)


GONE = BILLED.after(corrected(line("2", "4")))
EXTRA = told(item(stands=body(BILLED), reference=HOLDS, external_id="B-1"))


def test_what_is_not_held_is_taken_back() -> None:
    assert names(GONE.asked(EXTRA)) == ["billable.reverse 1.r1.repair.17.1.1"]


@pytest.mark.parametrize(("given", "plan"), [(BILLED, TWICE), (GONE, EXTRA)])
def test_an_entry_is_taken_back_by_one_plan_alone(given: Given, plan: Repaired) -> None:
    second = plan.model_copy(update={"plan": "17.2"})
    assert "has taken back B-" in reason_to_ignore(given.after(plan).when(second))


def test_an_entry_that_is_in_a_plan_twice_is_taken_back_once() -> None:
    [again] = TWICE.items
    both = told(again, again.model_copy(update={"number": 5}))
    assert names(BILLED.asked(both)) == ["billable.reverse 1.r1.repair.17.1.4"]


def test_of_several_entries_the_reversal_names_the_one_that_is_meant() -> None:
    [back] = BILLED.asked(TWICE)
    assert isinstance(back.body, BillableReverse)
    assert (back.body.reverses, back.body.reverses_id) == (HOLDS, "B-9")


def test_what_was_booked_otherwise_since_is_left_as_it_is() -> None:
    moved = BILLED.after(corrected(line("1", "7"), line("2", "4")))
    for plan in (MISSING, DIFFERENT, TWICE):
        assert "booked otherwise since" in reason_to_ignore(moved.when(plan))
    # And a repair that is told twice is done once
    assert "booked otherwise since" in reason_to_ignore(BILLED.after(MISSING).when(MISSING))


@pytest.mark.parametrize("system", [None, "us-erp"])
def test_what_is_not_known_to_be_of_the_system_is_left_as_it_is(system: str | None) -> None:
    assert isinstance(BILLED.state, Billed)
    kept = {line_id: line.model_copy(update={"system": system}) for line_id, line in BILLED.state.lines.items()}
    elsewhere = replace(BILLED, state=BILLED.state.model_copy(update={"lines": kept}))
    assert "not known to be of erp" in reason_to_ignore(elsewhere.when(MISSING))


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.SHADOW])
def test_nothing_is_sent_where_the_policy_does_not_have_the_flow_live(mode: Mode) -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"flows": {Flow.TIME: mode}})
    policy = POLICY.model_copy(update={"legal_entities": {"DE01": entity}})
    for given, plan in ((BILLED, MISSING), (BILLED, DIFFERENT), (BILLED, TWICE), (GONE, EXTRA)):
        assert f"time of DE01 in mode {mode}" in reason_to_ignore(replace(given, policy=policy).when(plan))
    # A report goes by the mode of expenses
    assert accepted(replace(SPENT, policy=policy).when(SPENT_MISSING)).requests


def test_nothing_is_sent_for_a_day_whose_books_are_closed() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"closed_through": date(2026, 3, 31)})
    policy = POLICY.model_copy(update={"legal_entities": {"DE01": entity}})
    for given, plan in ((BILLED, MISSING), (BILLED, DIFFERENT), (BILLED, TWICE), (GONE, EXTRA), (SPENT, SPENT_MISSING)):
        assert "closed through 2026-03-31" in reason_to_ignore(replace(given, policy=policy).when(plan))


def test_what_a_system_has_said_long_ago_is_not_gone_by() -> None:
    old = MISSING.model_copy(update={"checked_at": NOW - LASTS - timedelta(seconds=1)})
    assert "too long ago" in reason_to_ignore(BILLED.when(old))


def test_each_item_stands_for_itself() -> None:
    both = told(*MISSING.items, item(2, booking="2.r1", holds="timesheet/T-1/2.r0/1", books=True))
    decision = accepted(BILLED.when(both))
    assert names(decision.requests) == ["billable.post 1.r1.2"]
    assert "2.r1" in decision.remarks[0]


def test_the_answers_close_what_was_asked() -> None:
    back, again = BILLED.asked(DIFFERENT)
    after = BILLED.after(DIFFERENT)
    assert "took the booking back" in reason_to_ignore(after.when(after.confirmed(back)))
    assert refusal(after.when(after.refused(back))).code == "period_closed"
    booked = after.after(after.confirmed(again, "B-10"))
    assert isinstance(booked.state, Billed)
    assert booked.state.lines["1"].posted


def test_a_later_correction_takes_back_what_was_booked_by_the_repair() -> None:
    later = BILLED.after(MISSING).asked(corrected(line("1", "7"), line("2", "4")))
    assert names(later) == ["billable.reverse 1.r1.2", "billable.post 1.r2"]
    assert isinstance(later[0].body, BillableReverse)
    assert later[0].body.reverses == "timesheet/T-1/1.r1.2/1"


def test_a_report_is_repaired_as_a_sheet() -> None:
    assert names(SPENT.asked(SPENT_MISSING)) == ["expense.post 1.r1.2"]
