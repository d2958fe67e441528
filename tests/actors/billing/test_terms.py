"""By what an hour is billed: the contract that is in force on the day of the work, at its rate of that day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from actors.decision import Request, State
from actors.entities.contract import ACTOR as CONTRACT
from actors.entities.expense import ACTOR as EXPENSE
from actors.entities.timesheet import ACTOR
from actors.policy import ServiceLine, WorkPackage
from schemas.billed_month.entity import AHEAD
from schemas.commands import SELF
from schemas.contract.entity import Contract
from schemas.contract.v1 import Withdrawn
from schemas.expense.entity import ExpenseReport
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.project.entity import Project
from schemas.record import Record
from schemas.timesheet.entity import Timesheet
from tests.actors import agreements
from tests.actors.agreements import APRIL, JUNE, SOW, UNSUPERVISED, order, termination
from tests.actors.firm import (
    BRIDGE,
    MONDAY,
    REPORT,
    SHEET,
    approved,
    corrected,
    line,
    reported,
    running_project,
    spent,
)
from tests.actors.stage import NOW, POLICY, Given, awaited, refusal

PROJECT = running_project().model_copy(update={"contract": SOW.id, "service_line": "advisory"})
OTHER = ActorKey("contract", "SOW-9")
LAST_OF_MARCH = date(2026, 3, 31)


def agreed(*changes: Record, key: ActorKey = SOW) -> Contract:
    """The contract of the bridge after these changes."""
    state = Given(CONTRACT, key, Contract(), UNSUPERVISED).after(agreements.opened(), *changes).state
    assert isinstance(state, Contract)
    return state


def sheet(contract: State | None, others: Mapping[ActorKey, State] | None = None) -> Given:
    """A sheet on the bridge, under this contract."""
    known = {} if contract is None else {SOW: contract}
    return Given(ACTOR, SHEET, Timesheet(), others={BRIDGE: PROJECT, **known, **(others or {})})


def entries(given: Given, paper: Record) -> tuple[Request, ...]:
    """What the ERP is asked when a sheet is accepted; its months hear of it too."""
    return tuple(request for request in given.asked(paper) if request.system != SELF)


def billed(requests: tuple[Request, ...]) -> list[tuple[str, int | None]]:
    """Rate and version of the contract of each booking."""
    return [(str(r.body.rate), r.body.contract_version) for r in requests if isinstance(r.body, BillablePost)]


def test_a_week_over_the_day_of_a_change_is_billed_by_both_versions() -> None:
    given = sheet(agreed(order(2, rate="150.00")))
    week = approved(line("1", day=LAST_OF_MARCH), line("2", day=APRIL))
    assert billed(given.asked(week)) == [("145.00", 1), ("150.00", 2)]


def test_the_contract_counts_and_not_what_the_project_has_heard_of_it() -> None:
    # Given a change order that the project has not been told of yet
    given = sheet(agreed(order(2, rate="150.00", effective_on=MONDAY)))
    assert PROJECT.rates_on(MONDAY)["consultant"] == Decimal("145.00")
    assert billed(given.asked(approved())) == [("150.00", 2)]


def test_it_waits_for_the_contract_of_its_project() -> None:
    assert awaited(sheet(None).when(approved())) == SOW
    assert awaited(sheet(Contract()).when(approved())) == SOW


def test_time_under_a_terminated_contract_is_billed_up_to_its_last_day() -> None:
    given = sheet(agreed(termination(APRIL)))
    assert billed(given.asked(approved(line(day=APRIL)))) == [("145.00", 1)]
    late = refusal(given.when(approved(line(day=JUNE))))
    assert (late.code, str(APRIL) in late.reason) == ("contract_not_in_force", True)


def test_under_a_withdrawn_contract_nothing_more_is_billed_and_what_is_booked_is_taken_back() -> None:
    booked = sheet(agreed()).after(approved(line("1"), line("2")))
    over = agreed(Withdrawn(to=SOW.id, engagement="ENG-1", reason="cancelled"))
    assert refusal(sheet(over).when(approved())).code == "contract_not_in_force"
    later = replace(booked, others=sheet(over).others)
    assert [request.operation for request in entries(later, corrected(line("1")))] == ["billable.reverse"]


def test_a_line_may_name_another_contract_of_its_project() -> None:
    second = agreed(order(2, rate="99.00", effective_on=MONDAY))
    given = sheet(agreed(), {OTHER: second})
    (request,) = entries(given, approved(line(contract="SOW-9")))
    assert isinstance(request.body, BillablePost)
    assert (str(request.body.rate), request.body.contract_reference) == ("99.00", "2026-017")
    assert awaited(sheet(agreed()).when(approved(line(contract="SOW-9")))) == OTHER


def test_the_projects_own_contract_may_be_named_by_its_number_or_its_id() -> None:
    numbered = PROJECT.model_copy(update={"contract_reference": "2026-017"})
    given = replace(sheet(agreed()), others={BRIDGE: numbered, SOW: agreed()})
    for name in ("2026-017", "SOW-1"):
        assert billed(given.asked(approved(line(contract=name)))) == [("145.00", 1)]


@pytest.mark.parametrize("name", [None, "2026-017", "SOW-1"])
def test_the_erp_is_told_the_number_of_a_contract_however_it_is_named(name: str | None) -> None:
    # Given a contract whose number is another one than its id
    numbered = PROJECT.model_copy(update={"contract_reference": "2026-017"})
    given = replace(sheet(agreed()), others={BRIDGE: numbered, SOW: agreed()})
    # When time and expenses are booked under it, then both have its number
    report = Given(EXPENSE, REPORT, ExpenseReport(), others=given.others)
    asked = (*entries(given, approved(line(contract=name))), *report.asked(reported(spent(contract=name))))
    assert [request.body.model_dump()["contract_reference"] for request in asked] == ["2026-017", "2026-017"]
    # And to name it otherwise changes nothing, also of what an earlier release booked under the name that it came with
    for again in (None, "2026-017", "SOW-1"):
        booked = given.after(approved(line(contract=name)))
        assert entries(booked, corrected(line(contract=again))) == ()
    old = as_named(given.after(approved(line(contract=name))), name or "2026-017")
    assert entries(old, corrected(line(contract=name))) == ()


def as_named(given: Given, name: str) -> Given:
    """The sheet as a release kept it that told the ERP what a line called its contract, and kept no contract."""
    assert isinstance(given.state, Timesheet)
    lines = {
        line_id: booked.model_copy(
            update={"contract": None, "body": booked.body.model_copy(update={"contract_reference": name})}
        )
        for line_id, booked in given.state.lines.items()
    }
    return replace(given, state=given.state.model_copy(update={"lines": lines}))


def test_a_line_that_moves_to_another_contract_of_its_project_is_booked_anew() -> None:
    given = sheet(agreed(), {OTHER: agreed()})
    for booked in (given.after(approved()), as_named(given.after(approved()), "SOW-1")):
        assert [r.operation for r in entries(booked, corrected(line(contract="SOW-9")))] == [
            "billable.reverse", "billable.post",
        ]  # fmt: skip


def test_a_contract_of_another_project_is_a_case() -> None:
    foreign = agreed().model_copy(update={"project_id": "P-2"})
    assert refusal(sheet(agreed(), {OTHER: foreign}).when(approved(line(contract="SOW-9")))).code == "contract_differs"


def test_a_project_that_was_sold_under_another_ones_contract_bills_by_its_own_terms() -> None:
    taken = agreed(order(2, rate="99.00", effective_on=MONDAY)).model_copy(update={"project_id": "P-2"})
    assert billed(sheet(taken).asked(approved())) == [("145.00", None)]


def test_what_stays_booked_asks_for_no_contract() -> None:
    given = replace(sheet(agreed()).after(approved(line("1"), line("2"))), others={BRIDGE: PROJECT})
    assert [r.operation for r in given.asked(corrected(line("1")))] == ["billable.reverse"]


def test_revenue_and_dimensions_come_from_the_service_line() -> None:
    sold = ServiceLine(revenue="4000", dimensions={"practice": "advisory"})
    given = replace(sheet(agreed()), policy=POLICY.model_copy(update={"service_lines": {"advisory": sold}}))
    (request,) = entries(given, approved())
    assert isinstance(request.body, BillablePost)
    assert (request.body.revenue, request.body.dimensions) == ("4000", {"practice": "advisory"})
    unknown = replace(given, policy=POLICY.model_copy(update={"service_lines": {}}))
    assert refusal(unknown.when(approved())).code == "service_line_unmapped"


@pytest.mark.parametrize(("task", "code"), [("travel", "task_not_billable"), ("design", None), ("other", None)])
def test_a_task_that_the_template_does_not_bill_is_a_case(task: str, code: str | None) -> None:
    template = (WorkPackage(code="design", name="Design"), WorkPackage(code="travel", name="Travel", billable=False))
    sold = ServiceLine(template=template)
    given = replace(sheet(agreed()), policy=POLICY.model_copy(update={"service_lines": {"advisory": sold}}))
    if code is None:
        assert len(entries(given, approved(line(task=task)))) == 1
    else:
        assert refusal(given.when(approved(line(task=task)))).code == code


def test_time_of_days_of_which_no_other_rates_would_be_told_is_a_case() -> None:
    last = NOW.date() + timedelta(days=AHEAD)
    assert len(entries(sheet(agreed()), approved(line(day=last)))) == 1
    early = approved(line(day=last + timedelta(days=1)))
    assert refusal(sheet(agreed()).when(early)).code == "work_date_ahead"
    # But where no contract of ours has rates for it, and where it is not billed, the day is free
    alone = replace(sheet(None), others={BRIDGE: running_project()})
    assert len(entries(alone, early)) == 1
    assert len(entries(sheet(agreed()), approved(line(day=date(2026, 12, 1), billable=False)))) == 1


def test_a_day_has_24_hours() -> None:
    given = sheet(agreed())
    many = refusal(given.when(approved(line("1", "20"), line("2", "4.01", billable=False))))
    assert (many.code, "24.01" in many.reason) == ("hours_too_many", True)
    assert len(entries(given, approved(line("1", "20"), line("2", "4")))) == 2
    # Lines that were approved before count, unless they come again
    half = given.after(approved(line("1", "20"), line("3", "2", billable=False), partial=True))
    assert refusal(half.when(approved(line("2", "4"), partial=True))).code == "hours_too_many"
    assert len(entries(half, corrected(line("1", "10"), line("2", "14")))) == 4


def test_projects_of_an_earlier_release_have_no_contract_of_ours() -> None:
    given = replace(sheet(None), others={BRIDGE: running_project()})
    assert isinstance(running_project(), Project)
    assert billed(given.asked(approved())) == [("145.00", None)]
