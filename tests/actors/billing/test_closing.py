"""Books that are closed: what would be booked in them, or taken back, is a case until they are open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from actors.entities.expense import ACTOR as EXPENSE
from actors.entities.timesheet import ACTOR
from actors.policy import Policy
from schemas.expense.entity import ExpenseReport
from schemas.record import Record
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Line, Withdrawn
from schemas.values import Reference
from schemas.verdicts import FailureClass
from tests.actors.firm import BRIDGE, MONDAY, REPORT, SHEET, approved, corrected, line, reported, running_project, spent
from tests.actors.stage import POLICY, Given, refusal

TUESDAY = date(2026, 3, 3)
NEW = Given(ACTOR, SHEET, Timesheet(), others={BRIDGE: running_project()})
BOOKED = NEW.after(approved(line("1"), line("2", day=TUESDAY)))
GONE = Withdrawn(legal_entity="DE01", project=Reference(id=BRIDGE.id), revision=1, reason="by mistake")


def closed_through(day: date) -> Policy:
    """The books of DE01 are closed for this day and those before it."""
    entity = POLICY.legal_entities["DE01"].model_copy(update={"closed_through": day})
    return POLICY.model_copy(update={"legal_entities": {"DE01": entity}})


def shut(given: Given, day: date = MONDAY) -> Given:
    """The same once the books are closed."""
    return replace(given, policy=closed_through(day))


@pytest.mark.parametrize("worked", [line(), line(billable=False)], ids=["billed", "cost"])
def test_nothing_is_booked_for_a_closed_day_until_the_policy_opens_it(worked: Line) -> None:
    failure = refusal(shut(NEW).when(approved(worked)))
    assert (failure.code, failure.failure_class) == ("books_closed", FailureClass.MAPPING)
    assert "closed through 2026-03-02" in failure.reason
    assert len(NEW.asked(approved(worked))) == 1
    assert len(shut(NEW).asked(approved(worked.model_copy(update={"work_date": TUESDAY})))) == 1


def test_nothing_is_spent_on_a_closed_day() -> None:
    report = Given(EXPENSE, REPORT, ExpenseReport(), others={BRIDGE: running_project()})
    assert refusal(shut(report).when(reported(spent("1")))).code == "books_closed"
    assert len(shut(report).asked(reported(spent("1", day=TUESDAY)))) == 1


@pytest.mark.parametrize(
    "event", [corrected(line("1", "6"), line("2", day=TUESDAY)), corrected(line("2", day=TUESDAY)), GONE],
    ids=["corrected", "taken off", "withdrawn"],
)  # fmt: skip
def test_nothing_is_taken_back_of_a_closed_day(event: Record) -> None:
    assert refusal(shut(BOOKED).when(event)).code == "books_closed"
    assert BOOKED.asked(event) != ()


def test_what_stays_booked_on_a_closed_day_holds_nothing_back() -> None:
    requests = shut(BOOKED).asked(corrected(line("1"), line("2", "6", day=TUESDAY)))
    assert [f"{request.operation} {request.line}" for request in requests] == [
        "billable.reverse 2.r1", "billable.post 2.r2",
    ]  # fmt: skip
