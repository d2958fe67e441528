"""Expense: each approved line of a report is billed as it was spent, or cost, once, for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from actors.entities.expense import ACTOR
from schemas.expense.entity import ExpenseReport
from schemas.expense.v1 import Rejected, Withdrawn
from schemas.facts import Notice
from schemas.operations.cost import CostPost, CostReverse
from schemas.operations.expense import ExpensePost, ExpenseReverse
from schemas.values import Money, Reference
from tests.actors.agreements import SOW
from tests.actors.firm import (
    BRIDGE,
    MONDAY,
    REPORT,
    approved,
    reported,
    reported_again,
    running_project,
    spent,
)
from tests.actors.stage import REFUSED, Given, accepted, awaited, reason_to_ignore, refusal

NEW = Given(ACTOR, REPORT, ExpenseReport(), others={BRIDGE: running_project()})
SENT_BACK = Rejected(
    **{name: value for name, value in dict(reported()).items() if name in Rejected.model_fields}, reason="no receipt"
)


def names(given: Given, report: object) -> list[str]:
    """What is asked of the ERP when a report is accepted."""
    return [f"{request.operation} {request.line}" for request in given.asked(report)]  # type: ignore[arg-type]


def test_an_approved_line_is_billed_as_it_was_spent() -> None:
    (request,) = NEW.asked(reported(spent("1", "84.20")))
    assert (request.system, request.operation, request.line) == ("erp", "expense.post", "1.r1")
    assert request.body == ExpensePost(
        project="PRJ-1", legal_entity="DE01", currency="EUR", amount=Decimal("84.20"), category="travel",
        employee="E-1", incurred_on=MONDAY, report_id="X-1", line_id="1", contract_reference="SOW-1", tax_code="D19",
        cost_centre="CC-1",
    )  # fmt: skip


def gone(revision: int = 1) -> Withdrawn:
    """The approval is taken back."""
    return Withdrawn(legal_entity="DE01", project=Reference(id=BRIDGE.id), revision=revision, reason="by mistake")


def test_a_withdrawn_approval_takes_back_all_that_is_booked() -> None:
    given = NEW.after(reported(spent("1"), spent("2", "23.50", billable=False)))
    decision = accepted(given.when(gone()))
    assert [request.operation for request in decision.requests] == ["expense.reverse", "cost.reverse"]
    assert decision.notices == (Notice("withdrawn", {"revision": "1"}),)
    # And only a higher revision counts after it
    after = given.after(gone())
    assert "withdrawn" in reason_to_ignore(after.when(reported()))
    assert "is over" in reason_to_ignore(after.when(gone()))
    assert refusal(after.when(reported_again())).code == "revision_withdrawn"
    assert names(after, reported(revision=2)) == ["expense.post 1.r2"]


def test_what_is_not_billed_is_cost() -> None:
    bill, cost = NEW.asked(reported(spent("1"), spent("2", "23.50", category="meals", billable=False)))
    assert (bill.operation, cost.operation) == ("expense.post", "cost.post")
    assert cost.body == CostPost(
        kind="expense", project="PRJ-1", legal_entity="DE01", cost_centre="CC-1", employee="E-1", incurred_on=MONDAY,
        document_id="X-1", line_id="2", category="meals", amount=Decimal("23.50"), currency="EUR",
    )  # fmt: skip


def test_an_expense_in_another_currency_is_never_converted() -> None:
    pounds = spent("1", Money(amount="70.00", currency="GBP"))
    failure = refusal(NEW.when(reported(pounds)))
    assert (failure.code, "GBP" in failure.reason, failure.field) == ("currency_differs", True, "lines.1")
    # As cost it is booked in its own
    (request,) = NEW.asked(reported(pounds.model_copy(update={"billable": False})))
    assert isinstance(request.body, CostPost)
    assert (request.body.amount, request.body.currency) == (Decimal("70.00"), "GBP")
    # And a price in the report's currency is the same as a plain amount
    given = NEW.after(reported(spent("1", Money(amount="84.20", currency="EUR"))))
    assert names(given, reported_again(spent("1", "84.2"), spent("2"))) == ["expense.post 2.r2"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"status": "closed"}, "project_not_active"),
        ({"legal_entity": "US01"}, "legal_entity_differs"),
        ({"currency": "USD"}, "currency_differs"),
        ({"starts_on": date(2026, 3, 3)}, "contract_not_in_force"),
        ({"ends_on": date(2026, 3, 1)}, "contract_not_in_force"),
    ],
)
def test_expenses_that_cannot_be_billed_are_parked(change: dict[str, object], code: str) -> None:
    given = replace(NEW, others={BRIDGE: running_project().model_copy(update=change)})
    assert refusal(given.when(reported())).code == code


def test_it_waits_for_its_project_and_for_its_contract() -> None:
    assert awaited(replace(NEW, others={}).when(reported())) == BRIDGE
    under = running_project().model_copy(update={"contract": SOW.id})
    assert awaited(replace(NEW, others={BRIDGE: under}).when(reported())) == SOW


def test_a_changed_line_is_taken_back_and_booked_anew() -> None:
    given = NEW.after(reported(spent("1", "84.20"), spent("2", "10.00", billable=False)))
    back, cost_back, post, cost = given.asked(reported_again(spent("1", "48.20"), spent("2", "11.00", billable=False)))
    assert isinstance(back.body, ExpenseReverse)
    assert (back.body.amount, back.body.reverses) == (Decimal("-84.20"), "expense/X-1/1.r1/1")
    assert isinstance(cost_back.body, CostReverse)
    assert (cost_back.body.amount, cost_back.body.hours) == (Decimal("-10.00"), None)
    assert isinstance(post.body, ExpensePost)
    assert (post.body.amount, cost.operation) == (Decimal("48.20"), "cost.post")


@pytest.mark.parametrize(
    "changed",
    [
        spent("1", category="lodging"),
        spent("1", day=date(2026, 3, 3)),
        spent("1", billable=False),
        spent("1", contract="SOW-1").model_copy(update={"amount": Decimal("84.21")}),
    ],
)
def test_any_change_of_a_line_is_booked(changed: object) -> None:
    asked = names(NEW.after(reported(spent("1"))), reported_again(changed))  # type: ignore[arg-type]
    assert [each.rpartition(" ")[2] for each in asked] == ["1.r1", "1.r2"]


def test_revisions_and_parts_are_those_of_sheets() -> None:
    given = NEW.after(reported(spent("1"), partial=True))
    assert names(given, reported(spent("2"), partial=True)) == ["expense.post 2.r1"]
    assert "revision 1" in reason_to_ignore(NEW.after(reported()).when(reported()))
    assert refusal(NEW.when(reported_again())).code == "revision_missing"
    assert refusal(given.when(reported(spent("1", "1.00"), partial=True))).code == "line_changed"


def test_a_report_that_goes_back_may_be_approved_later() -> None:
    assert names(NEW.after(SENT_BACK), reported()) == ["expense.post 1.r1"]
    assert refusal(NEW.after(reported()).when(SENT_BACK)).code == "approved_already"


def test_when_all_lines_are_booked_the_report_is_posted() -> None:
    (request,) = NEW.asked(reported())
    given = NEW.after(reported())
    assert accepted(given.when(given.confirmed(request))).notices == (Notice("posted", {"revision": "1"}),)
    assert refusal(given.when(given.refused(request))) == REFUSED


def test_an_event_of_another_entity_changes_nothing() -> None:
    assert "timesheet.approved.v1" in reason_to_ignore(NEW.when(approved()))
