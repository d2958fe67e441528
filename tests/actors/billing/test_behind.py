"""Posted time behind the last day of its contract: finance is asked once for each last day, until it is seen to."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from actors.billing.planning import SHOWN
from actors.entities.contract import ACTOR as CONTRACT
from actors.entities.timesheet import ACTOR
from schemas.acts import Act
from schemas.contract.entity import Contract
from schemas.record import Record
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import RatesChanged
from tests.actors import agreements
from tests.actors.agreements import SOW, UNSUPERVISED, act, order, termination
from tests.actors.firm import BRIDGE, MONDAY, SHEET, approved, corrected, line, running_project
from tests.actors.stage import Given, accepted, reason_to_ignore

TOLD = RatesChanged(to=SHEET.id, contract=SOW.id, number=2)
SUNDAY, TUESDAY = date(2026, 3, 1), date(2026, 3, 3)
TOPIC, CLERK = "contract_ended:SOW-1", ("F-9", "finance")


def under(given: Given, *changes: Record) -> Given:
    """The sheet, once its contract has had these changes."""
    contract = Given(CONTRACT, SOW, Contract(), UNSUPERVISED).after(agreements.opened(), *changes).state
    project = running_project().model_copy(update={"contract": SOW.id})
    return replace(given, others={BRIDGE: project, SOW: contract})


BILLED = under(Given(ACTOR, SHEET, Timesheet())).after(
    approved(line("1", "8"), line("2", "4", day=TUESDAY), line("3", "1", billable=False))
)
ENDED = under(BILLED, termination(SUNDAY))


def test_each_line_behind_the_end_is_named_with_its_money() -> None:
    (case,) = accepted(ENDED.when(TOLD)).cases
    assert (case.topic, case.owner, case.acts, case.money) == (
        TOPIC, "finance", (Act.RESOLVE,), {"EUR": Decimal("1740.00")},
    )  # fmt: skip
    assert "ends on 2026-03-01, and the sheet has 2 lines of later days, 1740.00 EUR in all" in case.failure.reason
    assert "line 1 of 2026-03-02, 1160.00; line 2 of 2026-03-03, 580.00" in case.failure.reason
    # And nothing is booked, and it is asked once
    assert ENDED.asked(TOLD) == ()
    assert "already" in reason_to_ignore(ENDED.after(TOLD).when(TOLD))


def test_the_last_day_itself_is_not_behind_it() -> None:
    (case,) = accepted(under(BILLED, termination(MONDAY)).when(TOLD)).cases
    assert ("1 line of later days" in case.failure.reason, case.money) == (True, {"EUR": Decimal("580.00")})
    assert reason_to_ignore(under(BILLED, termination(TUESDAY)).when(TOLD))


def test_another_last_day_is_asked_about_anew_and_a_later_one_is_the_end_of_it() -> None:
    asked = ENDED.after(TOLD)
    (case,) = accepted(under(asked, termination(MONDAY)).when(TOLD)).cases
    assert (case.topic, case.money) == (TOPIC, {"EUR": Decimal("580.00")})
    over = accepted(under(asked).when(TOLD))
    assert (over.settles, over.cases) == ((TOPIC,), ())
    assert under(asked).after(TOLD).state.model_dump()["behind"] == {}


def test_it_is_over_once_no_line_is_behind_the_end() -> None:
    asked = ENDED.after(TOLD)
    fewer = corrected(line("1", "8"), line("3", "1", billable=False))
    assert accepted(asked.when(fewer)).settles == ()
    none = corrected(line("3", "1", billable=False))
    assert accepted(asked.when(none)).settles == (TOPIC,)
    assert asked.after(none).state.model_dump()["behind"] == {}


def test_what_was_seen_to_is_not_asked_again() -> None:
    asked = ENDED.after(TOLD)
    looked = accepted(asked.when(act(Act.RESOLVE, TOPIC, CLERK)))
    assert (looked.settles, "F-9" in looked.remarks[0]) == ((TOPIC,), True)
    assert "already" in reason_to_ignore(asked.after(act(Act.RESOLVE, TOPIC, CLERK)).when(TOLD))
    for what, given in ((Act.RETRY, asked), (Act.RESOLVE, ENDED)):
        assert "not possible" in reason_to_ignore(given.when(act(what, TOPIC, CLERK)))


def test_other_rates_are_planned_beside_it() -> None:
    dearer = order(2, rate="150.00", effective_on=MONDAY)
    given = under(BILLED, dearer, termination(MONDAY))
    assert [case.topic for case in accepted(given.when(TOLD)).cases] == ["rerate:SOW-1", TOPIC]


def test_a_case_of_many_lines_names_some() -> None:
    lines = tuple(line(f"{number}", "1") for number in range(SHOWN + 2))
    given = under(under(Given(ACTOR, SHEET, Timesheet())).after(approved(*lines)), termination(SUNDAY))
    (case,) = accepted(given.when(TOLD)).cases
    assert (f"{SHOWN + 2} lines" in case.failure.reason, case.failure.reason.count("line ")) == (True, SHOWN)
