"""Time and expenses that nobody is billed for: cost of the cost centre of whoever worked, taken back as well."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.entities.timesheet import ACTOR
from schemas.employee.entity import Employee
from schemas.employee.v1 import Upserted
from schemas.keys import ActorKey
from schemas.operations.cost import CostPost, CostReverse
from schemas.timesheet import v1
from schemas.timesheet.entity import Timesheet
from schemas.values import Money
from tests.actors.firm import BRIDGE, MONDAY, SHEET, approved, corrected, line, running_project
from tests.actors.stage import POLICY, Given, awaited, reason_to_ignore, refusal

ANN = ActorKey("employee", "E-1")
NEW = Given(ACTOR, SHEET, Timesheet(), others={BRIDGE: running_project()})


def employee(cost_rate: str | None = None, cost_centre: str | None = None, currency: str = "EUR") -> Employee:
    """What is known of whoever worked."""
    rate = None if cost_rate is None else Money(amount=cost_rate, currency=currency)
    return Employee(
        profile=Upserted(name="Ann", legal_entity="DE01", cost_rate=rate, cost_centre=cost_centre),
    )  # fmt: skip


def without_centre(sheet: v1.Approved) -> v1.Approved:
    """The sheet of a sender that knows no cost centres."""
    return sheet.model_copy(update={"employee": v1.Employee(id=ANN.id)})


def posts(given: Given, sheet: v1.Approved) -> list[CostPost]:
    """What is booked as cost."""
    return [r.body for r in given.asked(sheet) if isinstance(r.body, CostPost)]


def test_time_that_is_not_billed_is_cost_by_the_hour() -> None:
    bill, cost = NEW.asked(approved(line("1"), line("2", "1.5", billable=False)))
    assert (bill.operation, cost.system, cost.operation, cost.line) == ("billable.post", "erp", "cost.post", "2.r1")
    assert cost.body == CostPost(
        kind="time", project="PRJ-1", legal_entity="DE01", cost_centre="CC-1", employee="E-1", incurred_on=MONDAY,
        document_id="T-1", line_id="2", hours=Decimal("1.5"), role="consultant",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("rate", "currency", "amount"), [("68.33", "EUR", "34.17"), ("68.33", "USD", "34.17"), ("7001", "JPY", "3501")]
)
def test_what_an_hour_costs_is_said_of_the_employee(rate: str, currency: str, amount: str) -> None:
    given = replace(NEW, others={BRIDGE: running_project(), ANN: employee(rate, currency=currency)})
    (post,) = posts(given, approved(line("1", "0.50", billable=False)))
    assert (str(post.amount), post.currency) == (amount, currency)


def test_a_cost_that_fits_into_no_command_is_a_case() -> None:
    given = replace(NEW, others={BRIDGE: running_project(), ANN: employee("999999999999999.99")})
    assert refusal(given.when(approved(line("1", "24", billable=False)))).code == "amount_too_large"


def test_the_cost_centre_is_the_sheets_or_else_the_employees_and_is_waited_for() -> None:
    sheet = without_centre(approved(line("1", billable=False)))
    assert awaited(NEW.when(sheet)) == ANN
    given = replace(NEW, others={BRIDGE: running_project(), ANN: employee(cost_centre="CC-9")})
    assert [post.cost_centre for post in posts(given, sheet)] == ["CC-9"]
    assert [post.cost_centre for post in posts(given, approved(line("1", billable=False)))] == ["CC-1"]


def test_cost_goes_where_the_policy_sends_it_or_nowhere() -> None:
    for system, asked in (("books", [("books", "cost.post")]), (None, [])):
        entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"cost.post": system}})
        given = replace(NEW, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
        requests = given.asked(without_centre(approved(line("1"), line("2", billable=False))) if system is None
                               else approved(line("1"), line("2", billable=False)))  # fmt: skip
        assert [(r.system, r.operation) for r in requests] == [("erp", "billable.post"), *asked]
        assert "approved already" in str(given.after(approved(line("1"))).when(approved(line("1"))))


def test_a_line_that_is_not_billed_any_more_is_taken_back_where_cost_goes_nowhere() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"cost.post": None, "cost.reverse": None}})
    given = replace(NEW, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
    given = given.after(approved(line("1"), line("2")))
    part = approved(line("1", billable=False), revision=2, partial=True)
    assert [f"{r.operation} {r.line}" for r in given.asked(part)] == ["billable.reverse 1.r1"]
    # And within its revision that is a case, as any other change is
    again = approved(line("1", billable=False), partial=True)
    assert refusal(given.when(again)).code == "line_changed"


def test_cost_that_is_booked_stays_where_cost_goes_nowhere_by_now() -> None:
    # Given a sheet with a billed line and a cost line, and a policy that sends cost nowhere since
    sheet = approved(line("1"), line("2", billable=False))
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"cost.post": None}})
    given = replace(NEW.after(sheet), policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
    # When it comes again as it was, then it is known
    assert "approved already" in reason_to_ignore(given.when(sheet))
    # When the billed line is corrected, then the cost stays
    asked = given.asked(corrected(line("1", "6"), line("2", billable=False)))
    assert [f"{r.operation} {r.line}" for r in asked] == ["billable.reverse 1.r1", "billable.post 1.r2"]
    # And cost of other hours is taken back, and booked nowhere
    asked = given.asked(corrected(line("1"), line("2", "6", billable=False)))
    assert [f"{r.operation} {r.line}" for r in asked] == ["cost.reverse 2.r1"]


def test_what_is_billed_goes_where_the_policy_sends_it_and_never_nowhere() -> None:
    def routed(system: str | None) -> Given:
        entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"billable.post": system}})
        return replace(NEW, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))

    assert [request.system for request in routed("engine").asked(approved(line("1")))] == ["engine"]
    assert refusal(routed(None).when(approved(line("1")))).code == "nobody_bills"
    # And what is booked is taken back where it was booked
    booked = routed("engine").after(approved(line("1"), line("2")))
    later = replace(booked, policy=POLICY)
    assert [request.system for request in later.asked(corrected(line("2")))] == ["engine"]


def test_cost_is_corrected_as_what_is_billed_is() -> None:
    given = NEW.after(approved(line("1", "2", billable=False), line("2", "1", billable=False)))
    back, post = given.asked(corrected(line("1", "3", billable=False), line("2", "1", billable=False)))
    assert (back.operation, back.line, post.operation, post.line) == ("cost.reverse", "1.r1", "cost.post", "1.r2")
    assert isinstance(back.body, CostReverse)
    assert (back.body.hours, back.body.amount, back.body.reverses) == (Decimal(-2), None, "timesheet/T-1/1.r1/1")
    # And a line that is billed after all is no cost any more
    requests = given.asked(corrected(line("1", "2"), line("2", "1", billable=False)))
    assert [r.operation for r in requests] == ["cost.reverse", "billable.post"]


def test_a_cost_with_an_amount_is_taken_back_with_it() -> None:
    given = replace(NEW, others={BRIDGE: running_project(), ANN: employee("60.00")})
    given = given.after(approved(line("1", "2", billable=False), line("2")))
    (back,) = given.asked(corrected(line("2")))
    assert isinstance(back.body, CostReverse)
    assert (back.body.amount, back.body.currency) == (Decimal("-120.00"), "EUR")


def test_what_an_hour_costs_now_changes_nothing_that_is_booked() -> None:
    given = NEW.after(approved(line("1", "2", billable=False), line("2")))
    dearer = replace(given, others={BRIDGE: running_project(), ANN: employee("99.00", "CC-1")})
    assert [r.line for r in dearer.asked(corrected(line("1", "2", billable=False)))] == ["2.r1"]


def test_cost_needs_no_contract_and_no_open_project() -> None:
    closed = running_project().model_copy(update={"status": "closed", "contract": "SOW-1", "currency": "USD"})
    (post,) = posts(replace(NEW, others={BRIDGE: closed}), approved(line("1", role="intern", billable=False)))
    assert post.project == "PRJ-1"


def test_of_a_withdrawn_project_the_cost_centre_alone_bears_it() -> None:
    gone = running_project().model_copy(update={"status": "withdrawn"})
    (post,) = posts(replace(NEW, others={BRIDGE: gone}), approved(line("1", billable=False)))
    assert post.project is None


def test_cost_of_another_legal_entity_than_the_projects_is_a_case() -> None:
    sheet = approved(line("1", billable=False), legal_entity="US01", currency="USD")
    assert refusal(NEW.when(sheet)).code == "legal_entity_differs"
