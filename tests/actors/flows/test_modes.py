"""Won deals by legal entity: live, in shadow where only what would be done is written down, or off."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from actors.policy import Approval, Flow, Mode, Policy
from schemas.acts import Act
from schemas.engagement.v1 import CustomerMoved
from tests.actors.firm import SHIPYARD, WON, deal, known_customer, part
from tests.actors.flows.desk import FINANCE, POLICY, Desk
from tests.actors.stage import accepted, reason_to_ignore

BOTH = deal(part("DE01"), part("US01", currency="USD"))


def runs(**modes: Mode) -> Policy:
    """The policy with other modes."""
    entities = {
        code: entity.model_copy(update={"flows": {Flow.WON_DEALS: modes[code]}}) if code in modes else entity
        for code, entity in POLICY.legal_entities.items()
    }
    return POLICY.model_copy(update={"legal_entities": entities})


def test_a_part_in_shadow_is_written_down_and_sent_nowhere() -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(BOTH).go_on()
    assert set(desk.statuses("US01").values()) == {"shadowed"}
    assert desk.part("US01").step("shell").reason == "would ask us-erp for project.create"
    assert not [request for request in desk.asked if request.line.startswith("US01")]
    assert desk.state.status == "active"
    assert "US01" in desk.remarks[0]


def test_a_deal_all_in_shadow_asks_nobody() -> None:
    desk = Desk(policy=runs(DE01=Mode.SHADOW), always=FINANCE).won()
    assert (desk.state.status, desk.asked, desk.cases) == ("shadowed", [], {})


def test_what_a_part_in_shadow_misses_is_a_remark() -> None:
    desk = Desk(policy=runs(DE01=Mode.SHADOW), others={SHIPYARD: known_customer(on_hold=True)})
    desk.won(deal(part(service_line="gardening")))
    assert (desk.state.status, desk.asked, desk.cases) == ("shadowed", [], {})
    assert any("gardening" in remark for remark in desk.remarks)
    assert any("credit hold" in remark for remark in desk.remarks)


@pytest.mark.parametrize("service_line", ["advisory", "gardening"])
def test_a_part_in_shadow_stays_there_when_its_customer_is_merged(service_line: str) -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(
        deal(part("DE01"), part("US01", currency="USD", service_line=service_line))
    )
    accepted(desk.when(CustomerMoved(to=WON.id, customer=SHIPYARD.id, into="C-2")))
    assert reason_to_ignore(desk.ready("US01", "C-2"))
    assert set(desk.statuses("US01").values()) == {"shadowed"}
    assert not [request for request in desk.asked if request.line.startswith("US01")]


def test_a_part_in_shadow_says_what_it_misses() -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(
        deal(part("DE01"), part("US01", currency="USD", service_line="gardening"))
    )
    assert "would not begin" in (desk.part("US01").step("shell").reason or "")
    assert "gardening" in (desk.part("US01").step("shell").reason or "")


def test_a_part_that_is_off_is_left_out_with_a_remark() -> None:
    desk = Desk(policy=runs(US01=Mode.OFF)).won(BOTH).go_on()
    assert [each.legal_entity for each in desk.state.parts] == ["DE01"]
    assert desk.state.left_out == ("US01",)
    assert "US01" in desk.remarks[0]
    assert desk.state.status == "active"


def test_a_deal_all_off_is_ignored() -> None:
    assert "DE01" in reason_to_ignore(Desk(policy=runs(DE01=Mode.OFF)).when(deal()))


def test_a_part_that_was_begun_stays_live() -> None:
    desk = Desk().won()
    desk.knows(policy=runs(DE01=Mode.OFF))
    accepted(desk.done("DE01.shell.1"))
    assert "DE01.delivery.1" in desk.open


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.OFF])
def test_a_part_that_was_not_live_begins_when_the_deal_comes_again(mode: Mode) -> None:
    desk = Desk(policy=runs(US01=mode)).won(BOTH).go_on()
    assert reason_to_ignore(desk.when(BOTH))
    desk.knows(policy=POLICY)
    before = len(desk.asked)
    accepted(desk.when(BOTH))
    desk.go_on()
    assert desk.state.status == "active"
    assert {request.line.partition(".")[0] for request in desk.asked[before:]} == {"US01"}
    assert set(desk.statuses("US01").values()) == {"done"}
    assert reason_to_ignore(desk.when(BOTH))


def test_a_deal_in_shadow_begins_when_it_comes_again() -> None:
    desk = Desk(policy=runs(DE01=Mode.SHADOW)).won()
    assert reason_to_ignore(desk.when(deal()))
    desk.knows(policy=POLICY)
    accepted(desk.when(deal(part(service_line="audit"))))
    assert desk.go_on().state.status == "active"
    assert desk.state.deal is not None
    assert desk.state.deal.parts[0].service_line == "audit", "as it came last"


def test_a_deal_in_shadow_that_comes_again_for_a_live_legal_entity_begins_there_alone() -> None:
    desk = Desk(policy=runs(DE01=Mode.SHADOW)).won()
    accepted(desk.when(BOTH))
    desk.go_on()
    assert (desk.state.status, desk.part("DE01").is_shadow) == ("active", True)
    assert {request.line.partition(".")[0] for request in desk.asked} == {"US01"}


@pytest.mark.parametrize("mode", [Mode.LIVE, Mode.SHADOW, Mode.OFF])
@pytest.mark.parametrize("status", ["approving", "running", "active"])
def test_a_deal_that_comes_again_without_a_part_that_is_set_up_is_a_case_and_begins_nothing(
    mode: Mode, status: str
) -> None:
    # Given a deal of two parts, of which the one that is live waits, is being set up, or is there
    rules = {"always": FINANCE}
    desk = Desk(policy=runs(US01=Mode.SHADOW).model_copy(update={"approvals": rules})).won(BOTH)
    if status != "approving":
        accepted(desk.act("approval:always", Act.APPROVE))
    if status == "active":
        desk.go_on()
    desk.knows(policy=runs(US01=mode).model_copy(update={"approvals": rules}))
    before, asked = desk.state, len(desk.asked)
    # When all of it is sold by the other
    moved = deal(part("US01", currency="USD"))
    accepted(desk.when(moved))
    # Then a person must see to what is set up, and nothing begins beside it
    assert (desk.state.parts, desk.state.deal, len(desk.asked)) == (before.parts, before.deal, asked)
    assert desk.state.status == status
    case = desk.cases["part_gone:DE01"]
    assert (case.failure.code, case.acts) == ("part_gone", (Act.RESOLVE,))
    assert "DE01" in case.failure.reason
    accepted(desk.act("part_gone:DE01", Act.RESOLVE))
    assert "part_gone:DE01" not in desk.cases


def test_a_part_that_was_gone_and_comes_again_settles_its_case() -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(BOTH).go_on()
    accepted(desk.when(deal(part("US01", currency="USD"))))
    desk.knows(policy=POLICY)
    accepted(desk.when(BOTH))
    assert desk.cases == {}
    assert desk.go_on().state.status == "active"
    assert set(desk.statuses("US01").values()) == {"done"}


ONLY_US01 = deal(part("US01", currency="USD"))


def beside() -> Desk:
    """DE01 runs, and US01 waits for an approval when the deal comes again without DE01."""
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(BOTH).go_on()
    desk.knows(policy=runs().model_copy(update={"approvals": {"always": FINANCE}}))
    accepted(desk.when(BOTH))
    accepted(desk.when(ONLY_US01))
    return desk


def test_no_part_is_approved_beside_one_that_is_gone() -> None:
    desk = beside()
    assert "settle part_gone:DE01 first, then approve" in reason_to_ignore(desk.act("approval:always", Act.APPROVE))
    assert (desk.state.status, desk.open, set(desk.cases)) == ("approving", {}, {"approval:always", "part_gone:DE01"})
    # Once a person has settled it, it is approved and begins
    accepted(desk.act("part_gone:DE01", Act.RESOLVE))
    accepted(desk.act("approval:always", Act.APPROVE))
    assert desk.go_on().state.status == "active"
    assert set(desk.statuses("US01").values()) == {"done"}


def test_a_part_beside_one_that_is_gone_may_be_let_go() -> None:
    desk = beside()
    accepted(desk.act("approval:always", Act.REJECT))
    assert (desk.state.left_out, set(desk.cases)) == (("US01",), {"part_gone:DE01"})


@pytest.mark.parametrize("act", [Act.RETRY, Act.EDIT_RETRY])
def test_no_part_is_validated_beside_one_that_is_gone(act: Act) -> None:
    # Given a part that validation holds, beside one that runs and that the deal comes again without
    both = deal(part("DE01"), part("US01", currency="USD", service_line="gardening"))
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(both).go_on()
    desk.knows(policy=POLICY)
    accepted(desk.when(both))
    accepted(desk.when(ONLY_US01))
    # Then it is not taken up before a person has settled that
    changes = {"parts": {"US01": {"service_line": "audit"}}} if act is Act.EDIT_RETRY else None
    if act is Act.RETRY:
        lines = {**POLICY.service_lines, "gardening": POLICY.service_lines["audit"]}
        desk.knows(policy=POLICY.model_copy(update={"service_lines": lines}))
    said = reason_to_ignore(desk.act("validate", act, changes=changes))
    assert f"settle part_gone:DE01 first, then {act}" in said
    assert (desk.state.status, desk.open) == ("blocked", {})
    accepted(desk.act("part_gone:DE01", Act.RESOLVE))
    accepted(desk.act("validate", act, changes=changes))
    assert desk.go_on().state.status == "active"


def test_a_part_that_waits_and_is_gone_is_let_go_with_the_deal() -> None:
    desk = Desk(always=FINANCE).won(BOTH)
    accepted(desk.when(ONLY_US01))
    reason = desk.cases["part_gone:DE01"].failure.reason
    assert "`reject`" in reason
    assert "project.closed" not in reason, "nothing of it is set up"
    assert "part_gone:DE01" in reason_to_ignore(desk.act("approval:always", Act.APPROVE))
    accepted(desk.act("approval:always", Act.REJECT))
    assert (desk.state.status, desk.cases) == ("cancelled", {})


def test_the_case_of_a_part_that_is_set_up_says_what_stops_its_billing() -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(BOTH).go_on()
    accepted(desk.when(ONLY_US01))
    reason = desk.cases["part_gone:DE01"].failure.reason
    assert f"project.closed for {desk.part('DE01').project_id}" in reason
    assert f"contract.terminated for {desk.part('DE01').contract_id}" in reason


def test_what_a_person_has_settled_about_a_part_that_is_gone_stays_settled() -> None:
    # Given a part that runs, that the deal came again without, which a person has seen to
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(BOTH).go_on()
    accepted(desk.when(ONLY_US01))
    accepted(desk.act("part_gone:DE01", Act.RESOLVE))
    # When it comes so again, then nobody is asked a second time, and its other part begins once that is live
    assert reason_to_ignore(desk.when(ONLY_US01))
    desk.knows(policy=POLICY)
    accepted(desk.when(ONLY_US01))
    assert desk.cases == {}
    assert desk.go_on().state.status == "active"
    assert set(desk.statuses("US01").values()) == {"done"}


def test_a_part_that_came_back_and_is_gone_once_more_is_asked_about_anew() -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(BOTH).go_on()
    accepted(desk.when(ONLY_US01))
    accepted(desk.act("part_gone:DE01", Act.RESOLVE))
    accepted(desk.when(BOTH))
    accepted(desk.when(ONLY_US01))
    assert set(desk.cases) == {"part_gone:DE01"}


def test_a_cancelled_deal_that_comes_again_otherwise_is_no_case() -> None:
    desk = Desk(always=FINANCE).won()
    accepted(desk.act("approval:always", Act.REJECT))
    assert reason_to_ignore(desk.when(deal(part("US01", currency="USD"))))


def test_a_part_that_begins_later_is_validated_while_the_others_go_on() -> None:
    both = deal(part("DE01"), part("US01", currency="USD", service_line="gardening"))
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(both)
    desk.knows(policy=POLICY)
    accepted(desk.when(both))
    assert (desk.state.status, set(desk.cases)) == ("blocked", {"validate"})
    desk.go_on()
    assert set(desk.statuses("DE01").values()) == {"done"}
    edit = {"parts": {"DE01": {"service_line": "audit"}}}
    assert "DE01 runs already" in reason_to_ignore(desk.act("validate", Act.EDIT_RETRY, changes=edit))
    accepted(desk.act("validate", Act.EDIT_RETRY, changes={"parts": {"US01": {"service_line": "audit"}}}))
    assert desk.go_on().state.status == "active"


@pytest.mark.parametrize("act", [Act.APPROVE, Act.REJECT])
def test_a_part_that_begins_later_is_approved_again(act: Act) -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW), always=FINANCE).won(BOTH)
    desk.act("approval:always", Act.APPROVE)
    desk.go_on()
    desk.knows(policy=POLICY.model_copy(update={"approvals": {"always": FINANCE}}))
    accepted(desk.when(BOTH))
    assert (desk.state.status, set(desk.cases), desk.open) == ("approving", {"approval:always"}, {})
    accepted(desk.act("approval:always", act))
    desk.go_on()
    assert (desk.state.status, desk.cases) == ("active", {})
    assert set(desk.statuses("DE01").values()) == {"done"}
    assert desk.state.left_out == (() if act is Act.APPROVE else ("US01",))
    assert len(desk.ids) == (4 if act is Act.APPROVE else 2)


def us01_again(desk: Desk, value: str, **changes: Any) -> None:
    """The deal comes again with another worth of what US01 sells."""
    again = deal(part("DE01", value="1.00"), part("US01", currency="USD", value=value))
    accepted(desk.when(again.model_copy(update=changes)))


RULES = {"always": FINANCE, "law": Approval(role="legal")}


def supervised(**modes: Mode) -> Policy:
    """The policy in other modes, with what finance and legal must approve."""
    return runs(**modes).model_copy(update={"approvals": RULES})


def joining() -> Desk:
    """DE01 runs, approved by both; US01 is live now as well, and its part has come at 20,000."""
    desk = Desk(policy=supervised(US01=Mode.SHADOW)).won(BOTH)
    for rule in RULES:
        accepted(desk.act(f"approval:{rule}", Act.APPROVE, roles=("finance", "legal")))
    desk.knows(policy=supervised())
    us01_again(desk, "20000.00")
    return desk


def test_an_approval_of_a_part_that_was_let_go_does_not_count_when_it_comes_again() -> None:
    desk = joining()
    accepted(desk.act("approval:always", Act.APPROVE))
    accepted(desk.act("approval:law", Act.REJECT, roles=("legal",)))
    assert desk.state.left_out == ("US01",)
    us01_again(desk, "900000.00")
    assert set(desk.cases) == {"approval:always", "approval:law"}
    approved = {(grant.rule, grant.parts) for grant in desk.state.grants}
    assert approved == {("always", ("DE01",)), ("law", ("DE01",))}, "who approved what runs is kept"


def test_an_approval_does_not_count_for_a_part_that_went_to_shadow_meanwhile() -> None:
    desk = Desk(policy=supervised()).won(BOTH)
    desk.knows(policy=supervised(US01=Mode.SHADOW))
    for rule in RULES:
        accepted(desk.act(f"approval:{rule}", Act.APPROVE, roles=("finance", "legal")))
    assert all(grant.parts == ("DE01",) for grant in desk.state.grants)
    desk.knows(policy=supervised())
    us01_again(desk, "900000.00")
    assert set(desk.cases) == {"approval:always", "approval:law"}
    assert not [request for request in desk.asked if request.line.startswith("US01")]


def test_who_sends_a_part_again_may_not_approve_it_and_its_discount_counts() -> None:
    cheap = Approval(role="finance", discount_above=Decimal(10))
    policy = runs(US01=Mode.SHADOW)
    desk = Desk(policy=policy.model_copy(update={"approvals": {"cheap": cheap}})).won(BOTH)
    desk.knows(policy=POLICY.model_copy(update={"approvals": {"cheap": cheap}}))
    us01_again(desk, "1.00", discount=Decimal(60), requested_by="E-again", owner=None)
    assert set(desk.cases) == {"approval:cheap"}
    for person in ("E-ask", "E-own", "E-again"):
        assert person in reason_to_ignore(desk.act("approval:cheap", Act.APPROVE, by=person))


LIMITS = {"EUR": Decimal(50_000), "USD": Decimal(50_000)}
BIG = Approval(role="finance", amount_above=LIMITS)
CHEAP = Approval(role="finance", discount_above=Decimal(10))


def test_a_part_that_begins_later_is_approved_by_the_deal_as_it_was_before_an_edit() -> None:
    # Given a deal of 90,000 at a discount of 60 % that an edit has made small, approved as it was won
    rules = {"big": BIG, "cheap": CHEAP}
    desk = Desk(policy=runs(US01=Mode.SHADOW).model_copy(update={"approvals": rules}))
    desk.won(deal(part(service_line="gardening", value="90000.00"), part("US01", currency="USD"), discount="60"))
    small = {"service_line": "audit", "value": {"amount": "1.00", "currency": "EUR"}}
    changes = {"discount": "0", "parts": {"DE01": small}}
    accepted(desk.act("validate", Act.EDIT_RETRY, by="E-edit", changes=changes))
    for rule in rules:
        accepted(desk.act(f"approval:{rule}", Act.APPROVE))
    # When its other part comes to run live, then the same must approve it
    desk.knows(policy=POLICY.model_copy(update={"approvals": rules}))
    us01_again(desk, "1.00")
    assert set(desk.cases) == {"approval:big", "approval:cheap"}


def test_an_edit_of_what_runs_makes_no_part_that_begins_later_need_less() -> None:
    rules = {"big": BIG}
    desk = Desk(policy=runs(US01=Mode.SHADOW).model_copy(update={"approvals": rules}))
    desk.won(deal(part(value="40000.00"), part("US01", value="20000.00"))).go_on(until="DE01.contract.1")
    desk.refused("DE01.contract.1")
    less = {"parts": {"DE01": {"value": {"amount": "1.00", "currency": "EUR"}}}}
    accepted(desk.act("step:DE01.contract", Act.EDIT_RETRY, changes=less))
    desk.go_on()
    desk.knows(policy=POLICY.model_copy(update={"approvals": rules}))
    accepted(desk.when(deal(part(value="40000.00"), part("US01", value="20000.00"))))
    assert set(desk.cases) == {"approval:big"}


def test_a_deal_that_runs_is_cancelled_whole_while_a_part_of_it_waits() -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW), always=FINANCE).won(BOTH)
    desk.act("approval:always", Act.APPROVE)
    desk.refused("DE01.shell.1")
    desk.knows(policy=POLICY.model_copy(update={"approvals": {"always": FINANCE}}))
    accepted(desk.when(BOTH))
    accepted(desk.act("step:DE01.shell", Act.CANCEL))
    assert (desk.go_on().state.status, desk.cases, desk.claims) == ("cancelled", {}, set())


@pytest.mark.parametrize("mode", [Mode.SHADOW, Mode.OFF])
def test_an_approval_of_what_is_not_live_any_more_is_refused(mode: Mode) -> None:
    desk = Desk(always=FINANCE).won()
    before = desk.state
    desk.knows(policy=runs(DE01=mode))
    assert "live" in reason_to_ignore(desk.act("approval:always", Act.APPROVE))
    assert (desk.state, set(desk.cases)) == (before, {"approval:always"})
    desk.knows(policy=POLICY.model_copy(update={"approvals": {"always": FINANCE}}))
    accepted(desk.act("approval:always", Act.APPROVE))
    assert desk.go_on().state.status == "active"


def test_who_saw_fewer_parts_live_approves_no_more_than_those() -> None:
    # Given a case that was read while US01 was in shadow, and is about both parts now
    rule = {"always": FINANCE, "law": Approval(role="legal")}
    desk = Desk(policy=runs(US01=Mode.SHADOW).model_copy(update={"approvals": rule})).won(BOTH)
    seen = desk.cases["approval:law"]
    desk.knows(policy=POLICY.model_copy(update={"approvals": rule}))
    accepted(desk.act("approval:always", Act.APPROVE))
    accepted(desk.act("approval:law", Act.APPROVE, roles=("legal",)))
    assert set(desk.cases) == {"approval:always", "approval:law"}
    said = desk.act("approval:law", Act.APPROVE, roles=("legal",), seen=seen)
    assert "read the case again" in reason_to_ignore(said)


def test_an_approval_does_not_count_for_a_part_that_has_come_to_run_live() -> None:
    rule = {"always": FINANCE}
    desk = Desk(policy=runs(US01=Mode.SHADOW).model_copy(update={"approvals": rule})).won(BOTH)
    desk.knows(policy=POLICY.model_copy(update={"approvals": rule}))
    accepted(desk.act("approval:always", Act.APPROVE))
    assert (set(desk.cases), desk.asked) == ({"approval:always"}, [])
    accepted(desk.act("approval:always", Act.APPROVE))
    assert desk.go_on().state.status == "active"
