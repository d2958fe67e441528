"""A running project: terms that change by date, milestones that the CRM shows, margins, and the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256

import pytest

from actors.decision import Request
from actors.entities.project import ACTOR
from actors.entities.timesheet import ACTOR as TIMESHEET
from actors.policy import Flow, Mode
from schemas.acts import Act
from schemas.contract.entity import Amendment, Contract
from schemas.facts import Notice
from schemas.operations.billable import BillablePost
from schemas.operations.contract import ScheduledAmount
from schemas.operations.milestone import MilestonePut
from schemas.operations.milestone_bill import MilestoneBill
from schemas.project.entity import Project
from schemas.project.v1 import Closed, MarginThresholdBreached, MilestoneCompleted, TermsChanged, Withdrawn
from schemas.timesheet.entity import Timesheet
from schemas.values import Money
from tests.actors.agreements import APRIL, END, JUNE, SOW, act, eur, rates
from tests.actors.firm import BRIDGE, MONDAY, SHEET, approved, corrected, line, opened, running_project
from tests.actors.stage import POLICY, REFUSED, Given, accepted, reason_to_ignore, refusal

RUNNING = Given(ACTOR, BRIDGE, running_project(ends_on=END).model_copy(update={"contract": SOW.id}))
MILESTONE = MilestoneCompleted(milestone_id="M1", name="Design", completed_on=MONDAY, amount=eur("12000.00"))
LINE = f"milestone.{sha256(b'P-1').hexdigest()[:8]}"
BREACH = MarginThresholdBreached(margin=Decimal("11.50"), threshold=Decimal(18), as_of=MONDAY)


def terms(
    number: int = 2,
    rate: str | None = "150.00",
    effective_on: date = APRIL,
    ends_on: date | None = END,
    contract: str = SOW.id,
) -> TermsChanged:
    """What the contract tells its project."""
    return TermsChanged(
        to=BRIDGE.id,
        contract=contract,
        number=number,
        effective_on=effective_on,
        rates=None if rate is None else rates(rate),
        ends_on=ends_on,
        value=eur("55000.00"),
    )


def project(given: Given) -> Project:
    """The project as it stands."""
    assert isinstance(given.state, Project)
    return given.state


def rate_on(given: Given, day: date) -> Decimal:
    """What an hour of a day's work costs."""
    return project(given).rates_on(day)["consultant"]


# --------------------------------------------------------------------------------------------------------------- terms


def test_work_dated_before_a_change_keeps_the_old_rate() -> None:
    given = RUNNING.after(terms(2), terms(3, "160.00", JUNE))
    days = (MONDAY, date(2026, 3, 31), APRIL, date(2026, 5, 31), JUNE)
    assert [str(rate_on(given, day)) for day in days] == ["145.00", "145.00", "150.00", "150.00", "160.00"]
    assert project(given).value == Decimal("55000.00")


def test_of_two_that_are_in_force_the_later_agreement_counts() -> None:
    given = RUNNING.after(terms(2, "150.00", JUNE), terms(3, "160.00", APRIL))
    assert (rate_on(given, APRIL), rate_on(given, JUNE)) == (Decimal("160.00"), Decimal("160.00"))


def test_a_change_that_leaves_the_rates_moves_the_last_day_alone() -> None:
    given = RUNNING.after(terms(2), terms(3, None, JUNE, date(2027, 3, 31)))
    assert (rate_on(given, JUNE), project(given).last_day) == (Decimal("150.00"), date(2027, 3, 31))


def test_a_change_that_was_taken_back_counts_no_more() -> None:
    assert rate_on(RUNNING.after(terms(2), terms(2, None)), JUNE) == Decimal("145.00")


def test_the_same_change_twice_is_one() -> None:
    assert "known already" in reason_to_ignore(RUNNING.after(terms(2)).when(terms(2)))


def test_another_contract_does_not_change_the_project() -> None:
    assert "SOW-9" in reason_to_ignore(RUNNING.when(terms(contract="SOW-9")))


def test_a_change_may_come_before_the_project_itself() -> None:
    early = Given(ACTOR, BRIDGE, Project()).after(terms(2))
    opened = project(early).model_copy(update={"contract": SOW.id, "rates": {"consultant": Decimal("145.00")}})
    assert [str(opened.rates_on(day)["consultant"]) for day in (MONDAY, APRIL)] == ["145.00", "150.00"]


# --------------------------------------------------------------------------------------------------- time is billed so


def alone(*changes: TermsChanged) -> Project:
    """A project after these changes that keeps its terms itself: no contract of ours is its own."""
    return project(RUNNING.after(*changes)).model_copy(update={"contract": None})


def sheets(*changes: TermsChanged) -> Given:
    """A sheet of such a project."""
    return Given(TIMESHEET, SHEET, Timesheet(), others={BRIDGE: alone(*changes)})


def billed(requests: tuple[Request, ...]) -> list[tuple[str, str]]:
    """Rate and amount of each booking."""
    return [(str(r.body.rate), str(r.body.amount)) for r in requests if isinstance(r.body, BillablePost)]


def test_one_sheet_over_the_day_of_a_change_is_billed_by_both_rates() -> None:
    sheet = approved(line("1", day=date(2026, 3, 31)), line("2", day=APRIL))
    assert billed(sheets(terms(2)).asked(sheet)) == [("145.00", "1160.00"), ("150.00", "1200.00")]


def test_a_role_that_is_new_in_the_change_has_no_rate_before() -> None:
    new = terms(2).model_copy(
        update={"rates": (*rates("150.00"), rates("210.00")[0].model_copy(update={"role": "diver"}))}
    )
    before = refusal(sheets(new).when(approved(line(role="diver", day=date(2026, 3, 31)))))
    assert (before.code, "2026-03-31" in before.reason) == ("rate_missing", True)
    assert billed(sheets(new).asked(approved(line(role="diver", day=APRIL)))) == [("210.00", "1680.00")]


def test_after_an_extension_later_work_is_billed_and_after_an_end_it_is_not() -> None:
    late = approved(line(day=date(2027, 2, 1)))
    assert refusal(sheets().when(late)).code == "contract_not_in_force"
    assert len(sheets(terms(2, None, APRIL, date(2027, 3, 31))).asked(late)) == 1
    ended = refusal(sheets(terms(2, None, APRIL, APRIL)).when(approved(line(day=JUNE))))
    assert (ended.code, str(APRIL) in ended.reason) == ("contract_not_in_force", True)


def test_posted_lines_stay_when_a_change_is_effective_in_the_past() -> None:
    # Given a sheet that was billed, and a change that is effective before its days
    posted = sheets().after(approved(line("1"), line("2")))
    posted = replace(posted, others={BRIDGE: alone(terms(2, "150.00", date(2026, 2, 1)))})
    # When one of its lines is corrected
    requests = posted.asked(corrected(line("1"), line("2", "6")))
    # Then that line alone is taken back, and billed anew by the rate that now holds
    assert [request.operation for request in requests] == ["billable.reverse", "billable.post"]
    assert billed(requests) == [("150.00", "900.00")]
    # And a line that is approved again is not refused for the new rate
    again = approved(line("1"), line("3"), partial=True)
    assert billed(posted.asked(again)) == [("150.00", "1200.00")]


# ---------------------------------------------------------------------------------------------------------- milestones


def test_a_milestone_is_shown_in_the_crm() -> None:
    request, _ = accepted(RUNNING.when(MILESTONE)).requests
    assert (request.system, request.operation, request.line) == ("crm", "milestone.put", "milestone.M1")
    assert request.body == MilestonePut(
        project_id="P-1", opportunity_id="OPP-1", milestone_id="M1", name="Design", completed_on=MONDAY,
        legal_entity="DE01", currency="EUR", price=Decimal("12000.00"),
    )  # fmt: skip
    given = RUNNING.after(MILESTONE)
    assert "shows the milestone" in reason_to_ignore(given.when(given.confirmed(request)))
    assert "M1" in reason_to_ignore(given.when(MILESTONE))


def test_a_milestone_of_a_project_that_is_not_set_up_yet_is_shown_once_it_is() -> None:
    new = Given(ACTOR, BRIDGE, Project())
    early = accepted(new.when(MILESTONE))
    assert (early.requests, "once it is" in early.remarks[0]) == ((), True)
    assert [request.operation for request in new.after(MILESTONE).asked(opened())] == [
        "milestone.put",
        "milestone.bill",
    ]


@pytest.mark.parametrize(
    ("mode", "remark"),
    [
        (Mode.SHADOW, "shadow: would ask crm for milestone.put of milestone.M1"),
        (Mode.OFF, "DE01 runs no projects: nobody is asked for milestone.put of milestone.M1"),
    ],
)
def test_a_milestone_that_came_early_is_not_shown_where_projects_are_not_live(mode: Mode, remark: str) -> None:
    # Given a milestone that came before its project
    entity = POLICY.legal_entities["DE01"].model_copy(update={"flows": {Flow.PROJECTS: mode}})
    silent = POLICY.model_copy(update={"legal_entities": {"DE01": entity}})
    early = replace(Given(ACTOR, BRIDGE, Project()).after(MILESTONE), policy=silent)
    # When the project is opened
    decision = accepted(early.when(opened()))
    # Then no system hears of it, and the timeline says so
    assert (decision.requests, decision.remarks[0], len(decision.remarks)) == ((), remark, 2)
    # And it is not billed later, since it was billed otherwise meanwhile
    given = replace(early.after(opened()), policy=POLICY)
    second = MILESTONE.model_copy(update={"milestone_id": "M2"})
    assert [request.line for request in given.asked(second) if request.operation == "milestone.bill"] == [f"{LINE}.M2"]


def test_where_the_policy_sends_no_milestones_it_is_kept() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"milestone.put": None}})
    silent = replace(RUNNING, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
    assert [request.operation for request in silent.asked(MILESTONE)] == ["milestone.bill"]
    assert "M1" in project(silent.after(MILESTONE)).milestones


def test_a_milestone_with_an_amount_is_billed_once_for_ever() -> None:
    _, request = accepted(RUNNING.when(MILESTONE)).requests
    assert (request.system, request.operation) == ("erp", "milestone.bill")
    assert request.body == MilestoneBill(
        project_id="P-1", project="PRJ-1", contract_id=SOW.id, contract_reference="SOW-1", milestone_id="M1",
        name="Design", completed_on=MONDAY, legal_entity="DE01", currency="EUR", amount=Decimal("12000.00"),
    )  # fmt: skip
    given = RUNNING.after(MILESTONE)
    assert "completed already" in reason_to_ignore(given.when(MILESTONE))
    other = MILESTONE.model_copy(update={"milestone_id": "M2"})
    assert [request.body.model_dump()["milestone_id"] for request in given.asked(other)] == ["M2", "M2"]
    done = accepted(given.when(given.confirmed(request, "B-7")))
    assert done.notices == (Notice("milestone_billed", {"milestone_id": "M1", "billing_id": "B-7"}),)
    assert refusal(given.when(given.refused(request))) == REFUSED


@pytest.mark.parametrize("amount", [None, eur("0.00")])
def test_a_milestone_without_an_amount_is_not_billed(amount: Money | None) -> None:
    free = MILESTONE.model_copy(update={"amount": amount})
    assert [request.operation for request in RUNNING.asked(free)] == ["milestone.put"]


def test_a_milestone_goes_to_the_system_that_has_the_contract() -> None:
    billing = POLICY.legal_entities["DE01"].model_copy(update={"billing": "billing"})
    aside = replace(RUNNING, policy=POLICY.model_copy(update={"legal_entities": {"DE01": billing}}))
    assert [request.system for request in aside.asked(MILESTONE)] == ["crm", "billing"]
    legacy = replace(RUNNING, state=project(RUNNING).model_copy(update={"erp": "legacy-erp"}))
    assert [request.system for request in legacy.asked(MILESTONE)] == ["crm", "legacy-erp"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"currency": "USD"}, "currency_differs"),
        ({"contract": None}, "contract_missing"),
        ({"status": "withdrawn"}, "project_not_active"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_milestone_that_cannot_be_billed_is_a_case(changes: dict[str, str | None], code: str) -> None:
    given = replace(RUNNING, state=project(RUNNING).model_copy(update=changes))
    decision = accepted(given.when(MILESTONE))
    assert [request.operation for request in decision.requests] == ["milestone.put"]
    (case,) = decision.cases
    assert (case.topic, case.failure.code, case.money) == ("milestone:M1", code, {"EUR": Decimal("12000.00")})
    assert accepted(given.after(MILESTONE).when(act(Act.RESOLVE, "milestone:M1"))).settles == ("milestone:M1",)


def test_an_amount_that_is_told_later_is_billed_and_shown() -> None:
    free = MILESTONE.model_copy(update={"amount": None})
    (first,) = RUNNING.asked(free)
    shown, billed = RUNNING.after(free).asked(MILESTONE)
    assert (shown.operation, shown.line.startswith("milestone.M1.2.")) == ("milestone.put", True)
    assert (shown.line != first.line, shown.body.model_dump()["price"]) == (True, Decimal("12000.00"))
    assert (billed.operation, billed.body.model_dump()["amount"]) == ("milestone.bill", Decimal("12000.00"))
    done = RUNNING.after(free, MILESTONE)
    assert "completed already" in reason_to_ignore(done.when(MILESTONE))
    assert "completed already" in reason_to_ignore(done.when(free))


def test_an_amount_that_is_told_before_the_project_is_set_up_is_shown_once() -> None:
    early = Given(ACTOR, BRIDGE, Project()).after(MILESTONE.model_copy(update={"amount": None}), MILESTONE)
    assert [request.line for request in early.asked(opened())] == ["milestone.M1", f"{LINE}.M1"]


def test_another_amount_for_a_milestone_is_a_case_and_the_first_counts() -> None:
    other = MILESTONE.model_copy(update={"amount": eur("8000.00")})
    decision = accepted(RUNNING.after(MILESTONE).when(other))
    (case,) = decision.cases
    assert (case.topic, case.failure.code) == ("milestone_differs:M1", "milestone_differs")
    assert (decision.requests, case.money) == ((), {"EUR": Decimal("8000.00")})
    looked = accepted(RUNNING.after(MILESTONE, other).when(act(Act.RESOLVE, "milestone_differs:M1")))
    assert looked.settles == ("milestone_differs:M1",)


def scheduled(amount: str, project_id: str = BRIDGE.id) -> Given:
    """The project, whose contract has this amount for the milestone."""
    part = ScheduledAmount(milestone_id="M1", amount=Decimal(amount))
    first = Amendment(number=1, kind="contract", version=1, status="applied", effective_on=MONDAY, schedule=(part,))
    contract = Contract(status="in_force", version=1, project_id=project_id, currency="EUR", history=(first,))
    return replace(RUNNING, others={SOW: contract})


def test_a_milestone_with_another_amount_than_its_contract_has_is_a_case() -> None:
    assert accepted(scheduled("12000.00").when(MILESTONE)).cases == ()
    decision = accepted(scheduled("8000.00").when(MILESTONE))
    assert [request.operation for request in decision.requests] == ["milestone.put"]
    (case,) = decision.cases
    assert (case.topic, case.failure.code) == ("milestone:M1", "schedule_differs")
    assert "8000.00 EUR" in case.failure.reason
    # And the schedule of another project's contract says nothing of it
    assert accepted(scheduled("8000.00", "P-9").when(MILESTONE)).cases == ()


@pytest.mark.parametrize("amount", [None, eur("0.00")])
def test_a_milestone_without_the_amount_that_its_contract_has_is_a_case(amount: Money | None) -> None:
    free, given = MILESTONE.model_copy(update={"amount": amount}), scheduled("12000.00")
    decision = accepted(given.when(free))
    assert [request.operation for request in decision.requests] == ["milestone.put"]
    (case,) = decision.cases
    assert (case.topic, case.failure.code, case.money) == (
        "milestone:M1", "schedule_differs", {"EUR": Decimal("12000.00")},
    )  # fmt: skip
    assert (case.acts, "12000.00 EUR" in case.failure.reason) == ((Act.RESOLVE,), True)
    assert accepted(given.after(free).when(act(Act.RESOLVE, "milestone:M1"))).settles == ("milestone:M1",)
    # And it is asked once, also where it came before its project
    assert accepted(given.after(free).when(MILESTONE.model_copy(update={"milestone_id": "M2"}))).cases == ()
    early = replace(Given(ACTOR, BRIDGE, Project()).after(free), others=given.others)
    assert [each.topic for each in accepted(early.when(opened())).cases] == ["milestone:M1"]
    # But not where the contract has nothing for it, its deal was cancelled, or milestones are billed nowhere
    assert accepted(scheduled("0.00").when(free)).cases == ()
    assert accepted(scheduled("8000.00", "P-9").when(free)).cases == ()
    gone = replace(given, state=project(given).model_copy(update={"status": "withdrawn"}))
    assert accepted(gone.when(free)).cases == ()
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"milestone.bill": None}})
    nowhere = replace(given, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
    assert accepted(nowhere.when(free)).cases == ()


def test_a_milestone_that_is_told_with_its_amount_later_is_billed_and_its_case_is_over() -> None:
    given = scheduled("12000.00").after(MILESTONE.model_copy(update={"amount": None}))
    decision = accepted(given.when(MILESTONE))
    assert [request.operation for request in decision.requests] == ["milestone.put", "milestone.bill"]
    assert (decision.settles, decision.cases) == (("milestone:M1",), ())


def test_an_early_milestone_is_compared_with_the_contract_once_its_project_is_opened() -> None:
    early = replace(Given(ACTOR, BRIDGE, Project()).after(MILESTONE), others=scheduled("8000.00").others)
    assert [case.failure.code for case in accepted(early.when(opened())).cases] == ["schedule_differs"]


def test_a_milestone_of_a_closed_day_is_billed_once_the_policy_opens_it() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"closed_through": MONDAY})
    closed = replace(RUNNING, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
    decision = accepted(closed.when(MILESTONE))
    assert [request.operation for request in decision.requests] == ["milestone.put"]
    (case,) = decision.cases
    assert (case.topic, case.failure.code, case.acts) == ("milestone:M1", "books_closed", (Act.RETRY, Act.RESOLVE))
    given = closed.after(MILESTONE)
    assert "closed still" in reason_to_ignore(given.when(act(Act.RETRY, "milestone:M1")))
    # Once they are open, it is billed once
    again = accepted(replace(given, policy=POLICY).when(act(Act.RETRY, "milestone:M1")))
    assert ([request.operation for request in again.requests], again.settles) == (["milestone.bill"], ("milestone:M1",))
    billed = replace(given, policy=POLICY).after(act(Act.RETRY, "milestone:M1"))
    assert "not possible" in reason_to_ignore(billed.when(act(Act.RETRY, "milestone:M1")))
    # And never, where somebody has billed it by hand
    by_hand = replace(given, policy=POLICY).after(act(Act.RESOLVE, "milestone:M1"))
    assert "not possible" in reason_to_ignore(by_hand.when(act(Act.RETRY, "milestone:M1")))
    other = MILESTONE.model_copy(update={"milestone_id": "M2"})
    assert [r.operation for r in by_hand.asked(other)] == ["milestone.put", "milestone.bill"]


def test_a_milestone_of_a_legal_entity_that_the_policy_does_not_name_waits_for_the_policy() -> None:
    gone = POLICY.model_copy(update={"legal_entities": {}})
    assert refusal(replace(RUNNING, policy=gone).when(MILESTONE)).code == "legal_entity_unmapped"
    early = replace(Given(ACTOR, BRIDGE, Project()).after(MILESTONE), policy=gone)
    assert refusal(early.when(opened())).code == "legal_entity_unmapped"


def test_a_milestone_that_the_policy_has_billed_nowhere_says_so() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"milestone.bill": None}})
    nowhere = replace(RUNNING, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
    decision = accepted(nowhere.when(MILESTONE))
    assert ([request.operation for request in decision.requests], len(decision.remarks)) == (["milestone.put"], 1)


def test_another_deal_on_a_project_that_was_withdrawn_has_milestones_of_its_own() -> None:
    first = Given(ACTOR, BRIDGE, Project()).after(opened())
    given = first.after(MILESTONE, Withdrawn(to=BRIDGE.id, engagement="P-1", reason="cancelled"))
    given = given.after(opened().model_copy(update={"engagement": "E-2"}))
    lines = {request.line for asked in (first, given) for request in asked.asked(MILESTONE) if request.system == "erp"}
    assert len(lines) == 2


# ----------------------------------------------------------------------------------------------------- margin, the end


def test_a_margin_that_is_too_low_is_told_and_is_one_case_until_somebody_looks() -> None:
    decision = accepted(RUNNING.when(BREACH))
    assert decision.notices == (Notice("margin_breached", {"margin": "11.50", "threshold": "18"}),)
    (case,) = decision.cases
    assert (case.topic, case.failure.code, case.acts) == ("margin", "margin_too_low", (Act.RESOLVE,))
    looked = accepted(RUNNING.after(BREACH).when(act(Act.RESOLVE, "margin")))
    assert looked.settles == ("margin",)
    assert "F-1" in looked.remarks[0]
    assert "margin" in reason_to_ignore(RUNNING.when(act(Act.APPROVE, "margin")))


def test_nothing_is_billed_on_a_closed_project() -> None:
    end = Closed(closed_on=JUNE, reason="delivered")
    assert accepted(RUNNING.when(end)).notices == (Notice("closed", {"closed_on": "2026-06-01"}),)
    assert "closed already" in reason_to_ignore(RUNNING.after(end).when(end))
    sheet = Given(TIMESHEET, SHEET, Timesheet(), others={BRIDGE: RUNNING.after(end).state})
    assert refusal(sheet.when(approved())).code == "project_not_active"
