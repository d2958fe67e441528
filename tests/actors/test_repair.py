"""A plan of repair: finance decides on what it has seen, not who asked for it, and each sheet is told its part."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from actors.entities.repair import ACTOR, SHOWN, TOPIC, UNANSWERED
from schemas.acts import Act, Acted
from schemas.commands import SELF
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.repair.entity import Repair
from schemas.repair.v1 import LASTS, Item, Planned, Repaired, Unanswered, Verified
from tests.actors.firm import approved
from tests.actors.stage import NOW, Given, accepted, reason_to_ignore, refusal
from tests.actors.test_timesheet import NEW as SHEET

KEY = ActorKey("repair", "17.1")
STANDS = SHEET.asked(approved())[0].body
assert isinstance(STANDS, BillablePost)


def item(number: int, key: str = "T-1", *, entity: str = "timesheet", **said: object) -> Item:
    fields = {
        "number": number, "sort": "billable", "legal_entity": "DE01", "entity": entity, "key": key,
        "booking": f"{number}.r1",
    }  # fmt: skip
    return Item.model_validate(fields | said)


POST_AGAIN = item(1, holds="timesheet/T-1/1.r1/1", books=True)
TAKE_BACK = item(2, "X-1", entity="expense", stands=STANDS, reference="expense/X-1/2.r1/1", external_id="E-2")
ANEW = item(3, holds="timesheet/T-1/3.r1/1", books=True, stands=STANDS, reference="timesheet/T-1/3.r1/1")
PLAN = Planned(
    run=17, system="erp", first=date(2026, 3, 1), last=date(2026, 3, 31), requested_by="E-ask",
    items=(POST_AGAIN, TAKE_BACK, ANEW),
)  # fmt: skip
NEW = Given(ACTOR, KEY, Repair())
ASKED = NEW.after(PLAN)


def asks(given: Given) -> str:
    assert isinstance(given.state, Repair)
    return given.state.asks


def act(what: Act, by: str = "E-fin", *roles: str, seen: str | None = None, topic: str = TOPIC) -> Acted:
    return Acted(topic=topic, act=what, by=by, roles=roles or ("finance",), reason="ok", seen=seen or asks(ASKED))


APPROVED = ASKED.after(act(Act.APPROVE))
VERIFIED = Verified(checked_at=NOW)
SILENT = Unanswered(reason="erp does not answer")


def test_a_plan_is_a_case_for_finance_that_says_what_would_be_done() -> None:
    [case] = accepted(NEW.when(PLAN)).cases
    assert (case.topic, case.owner, case.acts) == (TOPIC, "finance", (Act.APPROVE, Act.REJECT))
    assert case.money == {"EUR": Decimal("2320.00")}
    for said in ("E-ask wants 3", "reconciliation 17", "timesheet T-1 1.r1: post it again", "take back E-2"):
        assert said in case.failure.reason
    assert (case.asks, accepted(NEW.when(PLAN)).requests) == (asks(ASKED), ())


def test_a_plan_of_many_items_names_some() -> None:
    items = tuple(item(number, books=True) for number in range(1, SHOWN + 3))
    [case] = accepted(NEW.when(PLAN.model_copy(update={"items": items}))).cases
    assert case.failure.reason.count("post it again") == SHOWN


def test_a_plan_is_told_once() -> None:
    assert "known already" in reason_to_ignore(ASKED.when(PLAN))


def test_who_asked_for_it_does_not_approve_it() -> None:
    assert "somebody else" in reason_to_ignore(ASKED.when(act(Act.APPROVE, "E-ask")))
    assert accepted(ASKED.when(act(Act.REJECT, "E-ask"))).settles == (TOPIC,)


def test_others_than_finance_do_not_decide() -> None:
    assert "finance" in reason_to_ignore(ASKED.when(act(Act.APPROVE, "E-1", "clerk")))


def test_what_was_seen_is_what_is_approved() -> None:
    assert "something else" in reason_to_ignore(ASKED.when(act(Act.APPROVE, seen="0" * 16)))


def test_an_approval_sends_nothing_yet() -> None:
    decision = accepted(ASKED.when(act(Act.APPROVE)))
    assert (decision.requests, decision.settles) == ((), (TOPIC,))
    assert "nothing that it could settle" in reason_to_ignore(APPROVED.when(act(Act.APPROVE)))


def test_what_is_verified_goes_to_each_sheet_and_report_by_itself() -> None:
    requests = APPROVED.asked(VERIFIED)
    assert [(each.system, each.operation, each.line) for each in requests] == [
        (SELF, "expense.repaired", "repair.1"), (SELF, "timesheet.repaired", "repair.2"),
    ]  # fmt: skip
    bodies = [each.body for each in requests]
    assert all(isinstance(body, Repaired) and (body.plan, body.by) == ("17.1", "E-fin") for body in bodies)
    assert all(isinstance(body, Repaired) and body.checked_at == NOW for body in bodies)
    assert [body.items for body in bodies if isinstance(body, Repaired)] == [(TAKE_BACK,), (POST_AGAIN, ANEW)]


def test_what_changed_meanwhile_is_left_alone() -> None:
    verified = accepted(APPROVED.when(Verified(checked_at=NOW, changed=(1, 2))))
    [request] = verified.requests
    assert isinstance(request.body, Repaired)
    assert request.body.items == (ANEW,)
    assert "left alone: 1.r1, 2.r1" in verified.remarks[0]


@pytest.mark.parametrize("given", [NEW, ASKED, ASKED.after(act(Act.REJECT)), APPROVED.after(VERIFIED)])
def test_nothing_is_sent_that_is_not_approved_or_was_sent(given: Given) -> None:
    assert "not approved" in reason_to_ignore(given.when(VERIFIED))


def test_a_sheet_that_cannot_be_told_is_a_persons_matter() -> None:
    [request, *_] = APPROVED.asked(VERIFIED)
    sent = APPROVED.after(VERIFIED)
    assert "told" in reason_to_ignore(sent.when(sent.confirmed(request)))
    assert refusal(sent.when(sent.refused(request))).code == "period_closed"


def test_what_a_system_has_said_long_ago_is_not_gone_by() -> None:
    old = Verified(checked_at=NOW - LASTS - timedelta(seconds=1))
    assert "asked once more" in reason_to_ignore(APPROVED.when(old))
    assert accepted(APPROVED.when(Verified(checked_at=NOW - LASTS))).requests


def test_a_person_hears_of_a_system_that_cannot_be_asked() -> None:
    decision = accepted(APPROVED.when(SILENT))
    [case] = decision.cases
    assert (case.topic, case.owner, case.acts) == (UNANSWERED, "finance", (Act.REJECT,))
    assert "erp does not answer: let erp answer" in case.failure.reason
    assert decision.requests == ()
    # And once it answers, the plan is done, and the case closed
    answered = accepted(APPROVED.after(SILENT).when(VERIFIED))
    assert (len(answered.requests), answered.settles) == (2, (UNANSWERED,))


def test_a_plan_that_cannot_be_checked_may_be_given_up() -> None:
    silent = APPROVED.after(SILENT)
    assert "reject the plan" in reason_to_ignore(silent.when(act(Act.APPROVE, topic=UNANSWERED)))
    given_up = act(Act.REJECT, topic=UNANSWERED)
    assert accepted(silent.when(given_up)).settles == (UNANSWERED,)
    assert "not approved" in reason_to_ignore(silent.after(given_up).when(VERIFIED))


@pytest.mark.parametrize("given", [NEW, ASKED, APPROVED.after(VERIFIED)])
def test_a_system_whose_answer_is_not_needed_may_be_silent(given: Given) -> None:
    assert "not approved" in reason_to_ignore(given.when(SILENT))
