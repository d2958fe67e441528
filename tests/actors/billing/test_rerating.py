"""Posted time at other rates: a plan of which finance sees each difference, and what is done is what was approved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from actors.billing.planning import SHOWN
from actors.entities.contract import ACTOR as CONTRACT
from actors.entities.timesheet import ACTOR
from actors.policy import Flow, Mode
from schemas.acts import Act, Acted
from schemas.billed_month.v1 import Listed
from schemas.contract.entity import Contract
from schemas.facts import Case, Notice
from schemas.invoice.told import BilledLine as InvoicedLine
from schemas.invoice.told import Invoiced
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.record import Record
from schemas.repair.v1 import Item, Repaired
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import RatesChanged, Withdrawn
from schemas.values import Reference
from tests.actors import agreements
from tests.actors.agreements import APRIL, SOW, UNSUPERVISED, act, order
from tests.actors.firm import BRIDGE, MONDAY, SHEET, approved, corrected, line, running_project
from tests.actors.stage import NOW, POLICY, REFUSED, Given, accepted, reason_to_ignore, refusal

PROJECT = running_project().model_copy(update={"contract": SOW.id})
FINANCE, CLERK = ("F-9", "finance"), ("E-1", "clerk")
TOLD = RatesChanged(to=SHEET.id, contract=SOW.id, number=2)
TUESDAY = date(2026, 3, 3)


def agreed(*changes: Record) -> Contract:
    """The contract of the bridge after these changes."""
    state = Given(CONTRACT, SOW, Contract(), UNSUPERVISED).after(agreements.opened(), *changes).state
    assert isinstance(state, Contract)
    return state


def under(given: Given, contract: Contract) -> Given:
    """The same sheet, once its contract has changed."""
    return replace(given, others={BRIDGE: PROJECT, SOW: contract})


DEARER = agreed(order(2, rate="150.00", effective_on=MONDAY))
NEW = under(Given(ACTOR, SHEET, Timesheet()), agreed())
BILLED = NEW.after(approved(line("1", "8"), line("2", "4", day=TUESDAY), line("3", "1", billable=False)))
PLANNED = under(BILLED, DEARER).after(TOLD)


def sheet(given: Given) -> Timesheet:
    """The sheet as it stands."""
    assert isinstance(given.state, Timesheet)
    return given.state


def topic(given: Given) -> str:
    """The topic of the only plan that stands."""
    (plan,) = sheet(given).plans.values()
    return plan.topic


def decided(what: Act, seen: Given, who: tuple[str, str] = FINANCE) -> Acted:
    """Somebody decides on the only plan of a sheet as they saw it."""
    (plan,) = sheet(seen).plans.values()
    return act(what, plan.topic, who).model_copy(update={"seen": plan.asks})


def case(given: Given, happened: Record) -> Case:
    """The only case that is opened."""
    (found,) = accepted(given.when(happened)).cases
    return found


def names(given: Given, happened: Record) -> list[str]:
    """What the ERP is asked, each booking without the digest of its content."""
    return [f"{r.operation.partition('.')[2]} {turn(r.line)}" for r in given.asked(happened) if r.system == "erp"]


def turn(name: str) -> str:
    """The name of a booking without the digest of its content: its line, revision, and turn."""
    return re.sub(r"(\.r\d+\.\d+)\.[0-9a-f]{8}$", r"\1", name)


# ------------------------------------------------------------------------------------------------------------ the plan


def test_a_plan_says_of_each_line_what_it_was_and_would_be() -> None:
    found = case(under(BILLED, DEARER), TOLD)
    assert (found.failure.code, found.owner, found.acts) == ("rates_changed", "finance", (Act.APPROVE, Act.REJECT))
    assert found.money == {"EUR": Decimal("60.00")}
    assert "2 lines of the sheet, +60.00 EUR in all" in found.failure.reason
    assert "line 1 of 2026-03-02: 145.00 → 150.00, +40.00" in found.failure.reason
    assert (found.topic, found.asks) == ("rerate:SOW-1", next(iter(sheet(PLANNED).plans.values())).asks)
    # And nothing is booked
    assert under(BILLED, DEARER).asked(TOLD) == ()


def test_lines_before_the_day_of_the_change_are_not_planned() -> None:
    found = case(under(BILLED, agreed(order(2, rate="150.00", effective_on=TUESDAY))), TOLD)
    assert ("line 1" in found.failure.reason, found.money) == (False, {"EUR": Decimal("20.00")})


def test_cheaper_work_is_planned_as_well() -> None:
    found = case(under(BILLED, agreed(order(2, rate="100.00", effective_on=MONDAY))), TOLD)
    assert ("-540.00 EUR in all" in found.failure.reason, found.money) == (True, {"EUR": Decimal("540.00")})


def test_a_sheet_with_the_rates_already_asks_nobody() -> None:
    assert "already" in reason_to_ignore(BILLED.when(TOLD))
    assert "not known" in reason_to_ignore(under(BILLED, DEARER).when(TOLD.model_copy(update={"contract": "SOW-9"})))


def test_a_plan_of_many_lines_names_some() -> None:
    lines = tuple(line(f"{number}", "1") for number in range(SHOWN + 2))
    found = case(under(NEW.after(approved(*lines)), DEARER), TOLD)
    assert (f"{SHOWN + 2} lines" in found.failure.reason, found.failure.reason.count("→")) == (True, SHOWN)


@pytest.mark.parametrize("rate", ["999999999999999.99", None])
def test_a_line_that_has_no_new_price_stays_out_of_the_plan(rate: str | None) -> None:
    changed = agreed(order(2, rate=rate or "1.00", effective_on=MONDAY))
    if rate is None:
        rates = [each.model_copy(update={"rates": {}}) if each.rates else each for each in changed.history[1:]]
        changed = changed.model_copy(update={"history": (changed.history[0], *rates)})
    assert "already" in reason_to_ignore(under(BILLED, changed).when(TOLD))


def test_a_legal_entity_that_left_the_policy_is_named() -> None:
    gone = replace(under(BILLED, DEARER), policy=POLICY.model_copy(update={"legal_entities": {}}))
    assert refusal(gone.when(TOLD)).code == "legal_entity_unmapped"


def test_told_again_the_plan_stays_and_another_one_takes_its_place() -> None:
    assert "asks the same" in reason_to_ignore(PLANNED.when(TOLD))
    again = under(PLANNED, agreed(order(2, rate="150.00", effective_on=MONDAY), order(3, rate="155.00")))
    assert "asks the same" in reason_to_ignore(again.when(TOLD.model_copy(update={"number": 3})))
    dearest = agreed(order(2, rate="150.00", effective_on=MONDAY), order(3, rate="160.00", effective_on=MONDAY))
    decision = accepted(under(PLANNED, dearest).when(TOLD.model_copy(update={"number": 3})))
    (asked,) = decision.cases
    assert (decision.settles, asked.topic, asked.money) == ((), topic(PLANNED), {"EUR": Decimal("180.00")})
    # And where the rates are as they were, nothing is left to decide
    back = accepted(under(PLANNED, agreed()).when(TOLD))
    assert (back.settles, back.cases) == ((topic(PLANNED),), ())


# -------------------------------------------------------------------------------------------------------- the decision


def test_approved_the_lines_are_taken_back_and_booked_anew() -> None:
    decision = accepted(PLANNED.when(decided(Act.APPROVE, PLANNED)))
    assert [f"{r.operation} {turn(r.line)}" for r in decision.requests] == [
        "billable.reverse 1.r1", "billable.reverse 2.r1", "billable.post 1.r1.2", "billable.post 2.r1.2",
    ]  # fmt: skip
    back, _, post, _ = (request.body for request in decision.requests)
    assert isinstance(back, BillableReverse)
    assert isinstance(post, BillablePost)
    assert (back.amount, back.rate, back.reverses) == (
        Decimal("-1160.00"), Decimal("145.00"), "timesheet/T-1/1.r1/1",
    )  # fmt: skip
    assert (post.amount, post.rate, post.contract_version) == (Decimal("1200.00"), Decimal("150.00"), 2)
    assert (decision.settles, decision.cases) == ((topic(PLANNED),), ())
    assert decision.notices == (Notice("rerated", {"contract": "SOW-1", "number": "2", "by": "F-9"}),)
    # And once more there is nothing to approve
    rerated = PLANNED.after(decided(Act.APPROVE, PLANNED))
    assert "nothing" in reason_to_ignore(rerated.when(decided(Act.APPROVE, PLANNED)))
    assert "already" in reason_to_ignore(rerated.when(TOLD))


def test_what_is_rerated_is_corrected_and_rerated_as_any_line() -> None:
    rerated = PLANNED.after(decided(Act.APPROVE, PLANNED))
    (post, *_) = [r for r in PLANNED.asked(decided(Act.APPROVE, PLANNED)) if turn(r.line) == "1.r1.2"]
    booked = rerated.after(rerated.confirmed(post))
    assert sheet(booked).lines["1"].posted
    assert refusal(rerated.when(rerated.refused(post))) == REFUSED
    (back, *_) = booked.asked(corrected(line("2", "4", day=TUESDAY), line("3", "1", billable=False)))
    assert isinstance(back.body, BillableReverse)
    assert (back.line, back.body.reverses) == (post.line, f"timesheet/T-1/{post.line}/1")
    # The same sheet again changes nothing: it says the same
    same = corrected(line("1", "8"), line("2", "4", day=TUESDAY), line("3", "1", billable=False))
    assert names(booked, same) == []
    again = agreed(order(2, rate="150.00", effective_on=MONDAY), order(3, rate="160.00", effective_on=MONDAY))
    planned = under(booked, again).after(TOLD.model_copy(update={"number": 3}))
    asked = names(planned, decided(Act.APPROVE, planned))
    assert asked == ["reverse 1.r1.2", "reverse 2.r1.2", "post 1.r1.3", "post 2.r1.3"]


def test_another_rate_under_the_same_turn_is_another_booking() -> None:
    # Given a database that was restored to before a plan was approved, and a contract that has another rate by now
    dearest = agreed(order(2, rate="160.00", effective_on=MONDAY))
    since = under(BILLED, dearest).after(TOLD)
    lost, again = PLANNED.asked(decided(Act.APPROVE, PLANNED)), since.asked(decided(Act.APPROVE, since))
    one, other = ({r.line for r in asked if r.operation == "billable.post"} for asked in (lost, again))
    assert {turn(name) for name in one} == {turn(name) for name in other}
    assert one.isdisjoint(other)
    # And what is stored is known by the same name
    state = PLANNED.after(decided(Act.APPROVE, PLANNED)).state
    assert one <= {line.name for line in Timesheet.model_validate_json(state.model_dump_json()).lines.values()}


def test_rejected_they_stay_and_the_same_is_not_asked_again() -> None:
    decision = accepted(PLANNED.when(decided(Act.REJECT, PLANNED)))
    assert (decision.requests, decision.settles) == ((), (topic(PLANNED),))
    rejected = PLANNED.after(decided(Act.REJECT, PLANNED))
    assert "rejected before" in reason_to_ignore(rejected.when(TOLD))
    # But other rates are
    dearest = agreed(order(2, rate="150.00", effective_on=MONDAY), order(3, rate="160.00", effective_on=MONDAY))
    other = case(under(rejected, dearest), TOLD.model_copy(update={"number": 3}))
    assert other.topic == topic(PLANNED)


def test_an_approval_of_what_was_seen_before_is_ignored() -> None:
    dearest = agreed(order(2, rate="150.00", effective_on=MONDAY), order(3, rate="160.00", effective_on=MONDAY))
    since = under(PLANNED, dearest).after(TOLD.model_copy(update={"number": 3}))
    assert "asks something else" in reason_to_ignore(since.when(decided(Act.APPROVE, PLANNED)))
    assert accepted(since.when(decided(Act.APPROVE, since))).requests
    assert "nothing" in reason_to_ignore(since.when(act(Act.APPROVE, "other", FINANCE)))


def test_rates_that_come_back_to_what_was_rejected_end_the_plan_of_those_between() -> None:
    # Given 150.00 that finance has rejected, and then a plan for 160.00
    rejected = PLANNED.after(decided(Act.REJECT, PLANNED))
    dearest = agreed(order(2, rate="150.00", effective_on=MONDAY), order(3, rate="160.00", effective_on=MONDAY))
    since = under(rejected, dearest).after(TOLD.model_copy(update={"number": 3}))
    open_topic = topic(since)
    # When the contract has 150.00 again
    back = under(since, DEARER)
    decision = accepted(back.when(TOLD.model_copy(update={"number": 4})))
    # Then nothing is left to approve
    assert (decision.settles, decision.cases) == ((open_topic,), ())
    assert sheet(back.after(TOLD.model_copy(update={"number": 4}))).plans == {}


def test_an_approval_of_rates_that_the_contract_has_no_more_asks_for_those_that_it_has() -> None:
    # Given a contract that has changed once more, of which the sheet has not heard yet
    dearest = agreed(order(2, rate="150.00", effective_on=MONDAY), order(3, rate="160.00", effective_on=MONDAY))
    ahead = under(PLANNED, dearest)
    decision = accepted(ahead.when(decided(Act.APPROVE, PLANNED)))
    # Then nothing is booked, and finance is asked about the rates as they are
    assert (decision.requests, decision.notices, decision.settles) == ((), (), ())
    (found,) = decision.cases
    assert (found.topic, found.money) == (topic(PLANNED), {"EUR": Decimal("180.00")})
    assert "other rates than F-9 approved" in decision.remarks[0]
    asked = ahead.after(decided(Act.APPROVE, PLANNED))
    assert "asks the same" in reason_to_ignore(asked.when(TOLD.model_copy(update={"number": 3})))
    posts = [r.body for r in asked.asked(decided(Act.APPROVE, asked)) if isinstance(r.body, BillablePost)]
    assert [str(post.rate) for post in posts] == ["160.00", "160.00"]
    # And where the rates are as they were booked, nothing is left to decide
    back = accepted(under(PLANNED, agreed()).when(decided(Act.APPROVE, PLANNED)))
    assert (back.requests, back.settles, back.cases) == ((), (topic(PLANNED),), ())


def test_a_line_that_was_invoiced_is_asked_to_be_credited_once_it_is_rerated() -> None:
    bills = Invoiced(
        to=SHEET.id, invoice="INV-1", number="2026-1", lines=(InvoicedLine(line_id="1", state="invoiced"),)
    )
    (credit,) = accepted(PLANNED.after(bills).when(decided(Act.APPROVE, PLANNED))).cases
    assert (credit.topic, credit.money) == ("credit_memo:1", {"EUR": Decimal("1160.00")})
    # And no more once it is rerated back: the customer owes what was billed, by whichever version of the contract
    rates = (order(2, rate="150.00", effective_on=MONDAY), order(3, rate="145.00", effective_on=MONDAY))
    rerated = under(PLANNED.after(bills, decided(Act.APPROVE, PLANNED)), agreed(*rates))
    again = rerated.after(TOLD.model_copy(update={"number": 3}))
    back = accepted(again.when(decided(Act.APPROVE, again)))
    assert ("credit_memo:1" in back.settles, back.cases) == (True, ())


def test_only_finance_decides_and_only_yes_or_no() -> None:
    assert "E-1 is not that" in reason_to_ignore(PLANNED.when(decided(Act.APPROVE, PLANNED, CLERK)))
    assert "approve or reject" in reason_to_ignore(PLANNED.when(decided(Act.RETRY, PLANNED)))


def test_where_time_is_not_live_any_more_nothing_is_sent() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"flows": {Flow.TIME: Mode.OFF}})
    silent = replace(PLANNED, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
    assert "set it live" in reason_to_ignore(silent.when(decided(Act.APPROVE, PLANNED)))


def test_where_the_books_of_a_line_are_closed_nothing_is_booked_anew() -> None:
    entity = POLICY.legal_entities["DE01"].model_copy(update={"closed_through": MONDAY})
    closed = replace(PLANNED, policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}}))
    assert "closed through 2026-03-02" in reason_to_ignore(closed.when(decided(Act.APPROVE, PLANNED)))


# ----------------------------------------------------------------------------------------------- what happens meanwhile


def test_a_line_that_is_corrected_meanwhile_leaves_the_plan() -> None:
    # Given a plan, when one of its lines is corrected, then that is booked at the new rate at once
    fewer = corrected(line("1", "6"), line("2", "4", day=TUESDAY), line("3", "1", billable=False))
    decision = accepted(PLANNED.when(fewer))
    posts = [r.body for r in decision.requests if isinstance(r.body, BillablePost)]
    assert [(str(post.rate), post.hours) for post in posts] == [("150.00", Decimal(6))]
    # And finance is asked about the other one anew
    (found,) = decision.cases
    assert (decision.settles, found.topic, found.money) == ((), topic(PLANNED), {"EUR": Decimal("20.00")})
    assert "asks something else" in reason_to_ignore(PLANNED.after(fewer).when(decided(Act.APPROVE, PLANNED)))
    less = PLANNED.after(fewer)
    assert names(less, decided(Act.APPROVE, less)) == ["reverse 2.r1", "post 2.r1.2"]


def test_a_line_that_a_repair_books_anew_stays_in_the_plan() -> None:
    # Given a plan, when one of its lines is found missing in the ERP and booked anew, at its former rate
    lost = Item(
        number=1, sort="billable", legal_entity="DE01", entity="timesheet", key=SHEET.id, booking="1.r1",
        holds="timesheet/T-1/1.r1/1", books=True,
    )  # fmt: skip
    repair = Repaired(to=SHEET.id, plan="17.1", system="erp", by="E-fin", checked_at=NOW, items=(lost,))
    assert names(PLANNED, repair) == ["post 1.r1.2"]
    # Then finance is asked anew, about the same money
    found = case(PLANNED, repair)
    assert (found.topic, found.money) == (topic(PLANNED), {"EUR": Decimal("60.00")})
    repaired = PLANNED.after(repair)
    assert "asks something else" in reason_to_ignore(repaired.when(decided(Act.APPROVE, PLANNED)))
    # And the new booking is what is taken back
    asked = names(repaired, decided(Act.APPROVE, repaired))
    assert asked == ["reverse 1.r1.2", "reverse 2.r1", "post 1.r1.3", "post 2.r1.2"]


def test_a_plan_of_a_sheet_that_is_withdrawn_is_over() -> None:
    end = Withdrawn(legal_entity="DE01", project=Reference(id=BRIDGE.id), revision=1, reason="by mistake")
    decision = accepted(PLANNED.when(end))
    assert (decision.settles, decision.cases, sheet(PLANNED.after(end)).plans) == ((topic(PLANNED),), (), {})


# ---------------------------------------------------------------------------------------------------------- the months


def months(given: Given, happened: Record) -> Mapping[str, str]:
    """The months that are told of the sheet."""
    return {r.body.to: r.body.contract for r in given.asked(happened) if isinstance(r.body, Listed)}


def test_the_months_of_a_sheet_hear_of_it_once() -> None:
    given = under(NEW, agreed())
    week = approved(line("1", day=date(2026, 3, 31)), line("2", day=APRIL))
    assert months(given, week) == {"2026-03/SOW-1": "SOW-1", "2026-04/SOW-1": "SOW-1"}
    more = corrected(line("1", day=date(2026, 3, 31)), line("2", day=APRIL), line("3", day=date(2026, 4, 2)))
    assert months(given.after(week), more) == {}
    (listed, *_) = [r for r in given.asked(week) if isinstance(r.body, Listed)]
    assert "knows of the sheet" in reason_to_ignore(given.after(week).when(given.confirmed(listed)))
    assert refusal(given.after(week).when(given.refused(listed))) == REFUSED


def test_cost_and_projects_without_a_contract_of_ours_are_in_no_month() -> None:
    alone = replace(NEW, others={BRIDGE: running_project()})
    assert months(alone, approved()) == {}
    assert months(under(NEW, agreed()), approved(line(billable=False))) == {}


def test_the_longest_id_of_a_contract_has_months_too() -> None:
    long = ActorKey("contract", "%" * 200)
    project = PROJECT.model_copy(update={"contract": long.id})
    given = replace(NEW, others={BRIDGE: project, long: agreed()})
    ((to, contract),) = months(given, approved()).items()
    assert (len(to), contract) == (72, long.id)
