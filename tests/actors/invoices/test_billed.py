"""Billed lines: each sheet and report is told what became of its lines, and a line that two invoices bill is a case."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.entities.expense import ACTOR as REPORTS
from actors.entities.timesheet import ACTOR as SHEETS
from schemas.acts import Act, Acted
from schemas.expense.entity import ExpenseReport
from schemas.invoice.told import BilledLine, Invoiced, LineState
from schemas.invoice.v1 import Bill
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
from tests.actors.invoicing import (
    NEW,
    bill,
    billed,
    credited,
    in_books,
    issued,
    lines_told,
    lost,
    paid,
    posted,
    rejected,
)
from tests.actors.stage import Given, accepted, reason_to_ignore

SHEETS_GIVEN = Given(SHEETS, SHEET, Timesheet())
REPORTS_GIVEN = Given(REPORTS, REPORT, ExpenseReport())
TWO = (billed("1", "60.00", bill("T-1", "1"), bill("T-2", "7")), billed("2", "40.00", bill("T-1", "2")))


def told(state: LineState, invoice: str = "INV-1", line_id: str = "1") -> Invoiced:
    """What an invoice says of a line."""
    return Invoiced(
        to=SHEET.id, invoice=invoice, number=f"no-{invoice}", lines=(BilledLine(line_id=line_id, state=state),)
    )


def test_each_sheet_is_told_of_all_its_lines_once_the_invoice_is_posted() -> None:
    given = NEW.after(issued(*TWO))
    (post,) = NEW.asked(issued(*TWO))
    assert lines_told(accepted(given.when(given.confirmed(post))).requests) == {
        "T-1": {"1": "invoiced", "2": "invoiced"}, "T-2": {"7": "invoiced"},
    }  # fmt: skip
    assert lines_told(NEW.asked(posted(issued(*TWO)))) != {}


def test_a_report_of_expenses_is_told_by_its_own_event() -> None:
    report = Bill(entity="expense", id="X-1", line_id="1")
    (request, *_) = [r for r in NEW.asked(posted(issued(billed("1", "100.00", report)))) if r.system == "self"]
    assert request.operation == "expense.invoiced"


def test_a_part_that_is_paid_tells_no_line_and_the_rest_tells_all() -> None:
    given = in_books(*TWO)
    assert lines_told(given.asked(paid("1.00"))) == {}
    assert lines_told(given.asked(paid("119.00"))) == {"T-1": {"1": "paid", "2": "paid"}, "T-2": {"7": "paid"}}
    assert lines_told(given.asked(lost("119.00")))["T-2"] == {"7": "written_off"}
    assert lines_told(given.asked(credited("119.00")))["T-2"] == {"7": "credited"}


def test_a_credit_memo_takes_back_the_lines_that_it_names() -> None:
    given = in_books(*TWO)
    assert lines_told(given.asked(credited("47.60", "2"))) == {"T-1": {"1": "invoiced", "2": "credited"}}
    paid_then = given.after(credited("47.60", "2"))
    assert lines_told(paid_then.asked(paid("71.40"))) == {
        "T-1": {"1": "paid", "2": "credited"}, "T-2": {"7": "paid"},
    }  # fmt: skip


def test_a_payment_that_went_back_leaves_the_lines_invoiced() -> None:
    given = in_books(*TWO).after(paid("119.00"))
    assert lines_told(given.asked(paid("-119.00", "PAY-2")))["T-2"] == {"7": "invoiced"}


def test_what_is_not_posted_after_all_bills_no_line() -> None:
    given = in_books(*TWO)
    assert lines_told(given.asked(rejected()))["T-2"] == {"7": "withdrawn"}
    given = given.after(rejected(), issued(billed("1", "100.00", bill("T-1", "2"))))
    (post,) = in_books(*TWO).after(rejected()).asked(issued(billed("1", "100.00", bill("T-1", "2"))))
    assert lines_told(accepted(given.when(given.confirmed(post))).requests) == {"T-1": {"2": "invoiced"}}


def test_a_line_that_the_billing_engine_does_not_bill_after_all_is_withdrawn() -> None:
    given = NEW.after(posted(issued(*TWO)))
    now = issued(billed("1", "100.00", bill("T-1", "1")))
    assert lines_told(given.asked(now)) == {"T-1": {"1": "invoiced", "2": "withdrawn"}, "T-2": {"7": "withdrawn"}}


def test_a_sheet_keeps_what_it_is_told_whatever_it_knows_of_its_lines() -> None:
    given = SHEETS_GIVEN.after(told("invoiced"))
    assert isinstance(given.state, Timesheet)
    assert given.state.invoiced["1"]["INV-1"].state == "invoiced"
    assert given.state.status == "new"
    assert "is known" in reason_to_ignore(given.when(told("invoiced")))
    assert accepted(given.when(told("paid"))).cases == ()


def test_a_line_that_two_invoices_bill_is_a_case_until_one_is_credited() -> None:
    given = SHEETS_GIVEN.after(told("invoiced"))
    decision = accepted(given.when(told("invoiced", "INV-2")))
    (case,) = decision.cases
    assert (case.topic, case.failure.code, case.owner) == ("invoiced_twice:1", "line_invoiced_twice", "finance")
    assert "no-INV-1, no-INV-2" in case.failure.reason
    twice = replace(given, state=decision.state)
    assert accepted(twice.when(told("paid"))).cases == (), "it is asked once"
    assert accepted(twice.when(told("credited", "INV-2"))).settles == ("invoiced_twice:1",)
    assert accepted(given.when(told("invoiced", "INV-2", "2"))).cases == ()


def test_a_person_may_say_that_both_are_right() -> None:
    given = SHEETS_GIVEN.after(told("invoiced"), told("invoiced", "INV-2"))
    act = Acted(topic="invoiced_twice:1", act=Act.RESOLVE, by="E-5", reason="halves")
    assert accepted(given.when(act)).settles == ("invoiced_twice:1",)
    # But not before they have seen the third
    (twice,) = accepted(SHEETS_GIVEN.after(told("invoiced")).when(told("invoiced", "INV-2"))).cases
    third = given.after(told("invoiced", "INV-3"))
    seen = act.model_copy(update={"seen": twice.asks})
    assert accepted(given.when(seen)).settles == ("invoiced_twice:1",)
    assert "asks something else" in reason_to_ignore(third.when(seen))
    other = Acted(topic="invoiced_twice:1", act=Act.CANCEL, by="E-5", reason="halves")
    assert "not possible" in reason_to_ignore(given.when(other))


def test_a_credit_memo_in_another_currency_takes_no_line_back() -> None:
    given = in_books(*TWO).after(credited("47.60", "2", currency="USD"))
    assert lines_told(given.asked(paid("119.00"))) == {"T-1": {"1": "paid", "2": "paid"}, "T-2": {"7": "paid"}}


def test_a_line_is_billed_anew_once_the_first_invoice_is_credited() -> None:
    given = SHEETS_GIVEN.after(told("invoiced"), told("credited"))
    assert accepted(given.when(told("invoiced", "INV-2"))).cases == ()


# --------------------------------------------------------------------------------- what is booked otherwise afterwards

BOOKED = replace(SHEETS_GIVEN, others={BRIDGE: running_project()}).after(approved(line("1"), line("2")))
INVOICED = BOOKED.after(told("invoiced"))
SIX = corrected(line("1", "6"), line("2"))
GONE = Withdrawn(legal_entity="DE01", project=Reference(id=BRIDGE.id), revision=1, reason="by mistake")


@pytest.mark.parametrize("event", [SIX, corrected(line("2")), GONE], ids=["corrected", "taken off", "withdrawn"])
def test_a_line_that_changes_after_it_was_invoiced_asks_finance_for_a_credit_memo(event: Record) -> None:
    (case,) = accepted(INVOICED.when(event)).cases
    assert (case.topic, case.failure.code, case.owner) == ("credit_memo:1", "credit_memo_needed", "finance")
    assert ("no-INV-1" in case.failure.reason, case.money) == (True, {"EUR": Decimal("1160.00")})
    # And it is over once the invoice does not bill the line any more
    after = INVOICED.after(event)
    assert accepted(after.when(told("credited"))).settles == ("credit_memo:1",)
    assert accepted(after.when(told("paid"))).settles == ()


def test_a_line_that_no_invoice_bills_any_more_or_that_stays_asks_nobody() -> None:
    assert accepted(BOOKED.when(SIX)).cases == ()
    assert accepted(INVOICED.after(told("credited")).when(SIX)).cases == ()
    assert accepted(INVOICED.when(corrected(line("1"), line("2", "6")))).cases == ()


def test_what_somebody_has_seen_to_is_asked_again_once_the_line_changes_again() -> None:
    after = INVOICED.after(SIX)
    (case,) = accepted(INVOICED.when(SIX)).cases
    seen = Acted(topic="credit_memo:1", act=Act.RESOLVE, by="E-5", reason="told them", seen=case.asks)
    assert accepted(after.when(seen)).settles == ("credit_memo:1",)
    five = corrected(line("1", "5"), line("2"), corrects=2)
    assert [each.topic for each in accepted(after.after(seen).when(five)).cases] == ["credit_memo:1"]
    # And while it is open it stays the same case
    assert accepted(after.when(five)).cases == ()


def test_a_line_that_comes_back_to_what_was_invoiced_asks_nobody_any_more() -> None:
    back = corrected(line("1", "8.00"), line("2"), corrects=2)
    decision = accepted(INVOICED.after(SIX).when(back))
    assert (decision.settles, decision.cases) == (("credit_memo:1",), ())
    # And it asks again once it changes again
    six = corrected(line("1", "6"), line("2"), corrects=3)
    (case,) = accepted(INVOICED.after(SIX, back).when(six)).cases
    assert (case.topic, case.money) == ("credit_memo:1", {"EUR": Decimal("1160.00")})


def test_a_line_that_is_approved_again_as_it_was_invoiced_asks_nobody_any_more() -> None:
    again = approved(line("1"), line("2"), revision=2)
    assert accepted(INVOICED.after(GONE).when(again)).settles == ("credit_memo:1",)


def test_an_invoice_that_bills_what_was_booked_meanwhile_is_asked_alone() -> None:
    after = INVOICED.after(SIX, told("invoiced", "INV-2"))
    (case,) = accepted(after.when(corrected(line("1"), line("2"), corrects=2))).cases
    assert ("no-INV-2" in case.failure.reason, "no-INV-1" in case.failure.reason) == (True, False)
    assert case.money == {"EUR": Decimal("870.00")}


def test_another_cost_centre_asks_the_customer_for_nothing_else() -> None:
    moved = corrected(line("1"), line("2"))
    moved = moved.model_copy(update={"employee": moved.employee.model_copy(update={"cost_centre": "CC-2"})})
    decision = accepted(INVOICED.when(moved))
    assert [each.operation for each in decision.requests].count("billable.reverse") == 2
    assert decision.cases == ()
    # And other hours are asked about as before
    (case,) = accepted(INVOICED.after(moved).when(corrected(line("1", "6"), line("2"), corrects=2))).cases
    assert case.topic == "credit_memo:1"


def test_what_was_credited_and_billed_anew_is_asked_by_the_new_invoice_alone() -> None:
    anew = INVOICED.after(SIX, told("credited"), told("invoiced", "INV-2"))
    (case,) = accepted(anew.when(corrected(line("1", "5"), line("2"), corrects=2))).cases
    assert ("no-INV-2" in case.failure.reason, "no-INV-1" in case.failure.reason) == (True, False)
    assert case.money == {"EUR": Decimal("870.00")}


def test_a_report_of_expenses_asks_as_well() -> None:
    given = replace(REPORTS_GIVEN, others={BRIDGE: running_project()}).after(reported(spent("1")), told("invoiced"))
    (case,) = accepted(given.when(reported_again(spent("1", "90.00")))).cases
    assert (case.topic, case.money) == ("credit_memo:1", {"EUR": Decimal("84.20")})
    act = Acted(topic="credit_memo:1", act=Act.RESOLVE, by="E-5", reason="told them", seen=case.asks)
    after = given.after(reported_again(spent("1", "90.00")))
    assert accepted(after.when(act)).settles == ("credit_memo:1",)


def test_a_report_of_expenses_keeps_what_it_is_told_and_its_lines_are_invoiced_once() -> None:
    given = REPORTS_GIVEN.after(told("invoiced"))
    assert isinstance(given.state, ExpenseReport)
    assert given.state.invoiced["1"]["INV-1"].state == "invoiced"
    (case,) = accepted(given.when(told("invoiced", "INV-2"))).cases
    assert (case.topic, case.failure.code) == ("invoiced_twice:1", "line_invoiced_twice")
    act = Acted(topic="invoiced_twice:1", act=Act.RESOLVE, by="E-5", reason="halves", seen=case.asks)
    assert accepted(given.after(told("invoiced", "INV-2")).when(act)).settles == ("invoiced_twice:1",)
    assert "not possible" in reason_to_ignore(given.when(act))
