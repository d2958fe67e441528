"""A step that a system refuses for good: state is kept, a person retries, edits, or cancels; nothing is done twice."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from actors.decision import Reject
from actors.policy import LegalEntity, Policy, Successor
from schemas.acts import Act
from schemas.customer.entity import Customer
from schemas.operations.contract import ContractCancel, ContractPut
from schemas.operations.project import ProjectCancel
from tests.actors.firm import SHIPYARD, customer, deal, part
from tests.actors.flows.desk import FINANCE, POLICY, Desk
from tests.actors.stage import REFUSED, accepted, reason_to_ignore

LINES = ("DE01.shell.1", "DE01.delivery.1", "DE01.contract.1", "DE01.open.1", "DE01.terms.1", "DE01.links.1")
UNDO = {
    "shell": "project.cancel", "delivery": "project.withdraw", "contract": "contract.cancel",
    "open": "project.withdrawn", "terms": "contract.withdrawn", "workspace": "workspace.archive",
}  # fmt: skip


def stuck_at(line: str) -> Desk:
    """A deal whose step is refused for good; what does not hang on it goes on."""
    desk = Desk().won().go_on(until=line)
    accepted(desk.refused(line))
    return desk.go_on()


@pytest.mark.parametrize("line", LINES)
def test_state_is_kept_and_the_case_says_why(line: str) -> None:
    desk = stuck_at(line)
    step = line.split(".")[1]
    assert desk.statuses()[step] == "failed"
    assert desk.state.status == "running"
    case = desk.cases[f"step:DE01.{step}"]
    assert case.failure == REFUSED
    assert case.acts == (Act.RETRY, Act.EDIT_RETRY, Act.CANCEL)
    assert [notice.fact for notice in desk.notices if notice.fact == "step_failed"]


@pytest.mark.parametrize("line", LINES)
def test_retry_resumes_at_the_failed_step(line: str) -> None:
    desk = stuck_at(line)
    step = line.split(".")[1]
    before = desk.operations
    accepted(desk.act(f"step:DE01.{step}", Act.RETRY))
    assert list(desk.open) == [f"DE01.{step}.2"]
    assert desk.go_on().state.status == "active"
    assert desk.cases == {}
    repeated = [operation for operation in set(before) if desk.operations.count(operation) > 1]
    assert repeated == [next(each.operation for each in desk.asked if each.line == line)]


def test_a_late_answer_to_the_first_try_is_no_news() -> None:
    desk = Desk().won()
    request = desk.open["DE01.shell.1"]
    desk.refused("DE01.shell.1")
    desk.act("step:DE01.shell", Act.RETRY)
    desk.open["DE01.shell.1"] = request
    assert reason_to_ignore(desk.done("DE01.shell.1"))
    assert desk.statuses()["shell"] == "asked"


def test_a_retry_that_comes_twice_asks_once() -> None:
    desk = stuck_at("DE01.contract.1")
    accepted(desk.act("step:DE01.contract", Act.RETRY))
    assert reason_to_ignore(desk.act("step:DE01.contract", Act.RETRY))
    assert desk.operations.count("contract.put") == 2


def test_edit_and_retry_changes_the_terms_from_that_step_on() -> None:
    desk = stuck_at("DE01.contract.1")
    changes = {"parts": {"DE01": {"tax_code": "D7", "contract": {
        "reference": "SOW-1b", "signed_on": "2026-01-02", "starts_on": "2026-01-05", "ends_on": "2026-12-31",
    }}}}  # fmt: skip
    accepted(desk.act("step:DE01.contract", Act.EDIT_RETRY, changes=changes))
    body = desk.open["DE01.contract.2"].body
    assert isinstance(body, ContractPut)
    assert (body.reference, body.tax_code) == ("SOW-1b", "D7")
    assert desk.go_on().state.status == "active"


@pytest.mark.parametrize(
    ("line", "changes", "said"),
    [
        ("DE01.contract.1", {"discount": "5"}, "only the part of DE01"),
        ("DE01.contract.1", {"customer": {"id": "C-2"}}, "only the part of DE01"),
        ("DE01.contract.1", {"parts": {"DE01": {"project_id": "P-2"}}}, "ids cannot change"),
        ("DE01.contract.1", {"parts": {"DE01": {"service_line": "audit"}}}, "project stands"),
        ("DE01.contract.1", {"parts": {"DE01": {"tax_code": "X99"}}}, "X99"),
        ("DE01.contract.1", {"external_id": "K-1", "discount": "5"}, "alone"),
        ("DE01.links.1", {"parts": {"DE01": {"tax_code": "D7"}}}, "change order"),
    ],
    ids=str,
)
def test_an_edit_must_not_touch_what_stands(line: str, changes: dict[str, Any], said: str) -> None:
    desk = stuck_at(line)
    before = desk.state
    topic = f"step:{line.rpartition('.')[0]}"
    assert said in reason_to_ignore(desk.act(topic, Act.EDIT_RETRY, changes=changes))
    assert desk.state == before


def test_an_edit_must_not_change_what_was_approved() -> None:
    desk = Desk(always=FINANCE).won(deal(part(value="10.00")))
    desk.act("approval:always", Act.APPROVE)
    desk.refused("DE01.shell.1")
    changes = {"parts": {"DE01": {"value": {"amount": "99.00", "currency": "EUR"}}}}
    assert "approval" in reason_to_ignore(desk.act("step:DE01.shell", Act.EDIT_RETRY, changes=changes))


def test_what_a_person_found_in_the_system_counts_as_done() -> None:
    desk = stuck_at("DE01.contract.1")
    accepted(desk.act("step:DE01.contract", Act.EDIT_RETRY, changes={"external_id": "K-77"}))
    assert desk.part().step("contract").external_id == "K-77"
    assert desk.go_on().state.status == "active"
    assert desk.operations.count("contract.put") == 1


def test_confirmed_without_an_id_is_looked_up_and_never_asked_again() -> None:
    desk = Desk().won()
    accepted(desk.done("DE01.shell.1", without_id=True))
    case = desk.cases["step:DE01.shell"]
    assert (case.failure.code, case.acts) == ("id_missing", (Act.EDIT_RETRY, Act.CANCEL))
    assert reason_to_ignore(desk.act("step:DE01.shell", Act.RETRY))
    assert "external_id" in reason_to_ignore(
        desk.act("step:DE01.shell", Act.EDIT_RETRY, changes={"parts": {"DE01": {"service_line": "audit"}}})
    )
    accepted(desk.act("step:DE01.shell", Act.EDIT_RETRY, changes={"external_id": "PRJ-9"}))
    assert desk.go_on().state.status == "active"
    assert desk.operations.count("project.create") == 1


# ------------------------------------------------------------------------------------------------ what does not matter


@pytest.mark.parametrize("act", [Act.CANCEL, Act.RETRY])
def test_changes_with_another_act_than_an_edit_are_refused_and_nothing_happens(act: Act) -> None:
    desk = stuck_at("DE01.contract.1")
    said = reason_to_ignore(desk.act("step:DE01.contract", act, changes={"parts": {"DE01": {"value": "1.00"}}}))
    assert said == f"{act} of a deal takes no `changes`: leave them out, or send them with edit-retry"
    accepted(desk.act("step:DE01.contract", act))


def test_a_workspace_that_fails_keeps_nothing_back() -> None:
    desk = stuck_at("DE01.workspace.1")
    assert desk.state.status == "active"
    assert desk.cases["step:DE01.workspace"].acts == (Act.RETRY, Act.EDIT_RETRY, Act.RESOLVE)
    accepted(desk.act("step:DE01.workspace", Act.RETRY))
    assert desk.go_on().statuses()["workspace"] == "done"


def test_a_workspace_can_be_done_without() -> None:
    desk = stuck_at("DE01.workspace.1")
    accepted(desk.act("step:DE01.workspace", Act.RESOLVE))
    assert (desk.statuses()["workspace"], desk.cases) == ("skipped", {})
    assert [notice.fact for notice in desk.notices].count("activated") == 1


def test_a_workspace_that_is_there_without_an_id_is_named_though_nobody_waits_for_it() -> None:
    desk = Desk().won()
    while "DE01.workspace.1" not in desk.open:
        desk.done(min(desk.open))
    desk.done("DE01.workspace.1", without_id=True)
    accepted(desk.act("step:DE01.workspace", Act.RESOLVE))
    workspace = desk.part().step("workspace")
    assert (workspace.status, workspace.mend) == ("kept", "look it up in docs and take it back by hand")


def test_a_step_that_matters_cannot_be_done_without() -> None:
    assert reason_to_ignore(stuck_at("DE01.contract.1").act("step:DE01.contract", Act.RESOLVE))


# ------------------------------------------------------------------------------------------------------------- cancel


@pytest.mark.parametrize("line", LINES)
def test_cancelled_at_any_step_what_is_done_is_undone_in_reverse(line: str) -> None:
    desk = stuck_at(line)
    step = line.split(".")[1]
    done = [name for name, status in desk.statuses().items() if status == "done" and name in UNDO]
    before = len(desk.asked)
    accepted(desk.act(f"step:DE01.{step}", Act.CANCEL))
    while desk.open:
        assert len(desk.open) == 1, "one after the other"
        desk.done(next(iter(desk.open)))
    assert [request.operation for request in desk.asked[before:]] == [UNDO[name] for name in reversed(done)]
    assert desk.state.status == "cancelled"
    assert {desk.statuses()[name] for name in done} <= {"undone"}
    assert not desk.cases.keys() - {"left_over"}
    assert desk.notices[-1].fact == "cancelled"


def test_what_is_undone_names_the_systems_own_ids() -> None:
    desk = stuck_at("DE01.links.1")
    accepted(desk.act("step:DE01.links", Act.CANCEL))
    desk.go_on()
    bodies = {request.operation: request.body for request in desk.asked}
    assert isinstance(bodies["contract.cancel"], ContractCancel)
    assert bodies["contract.cancel"].billing_id == "K-DE01"
    assert isinstance(bodies["project.cancel"], ProjectCancel)
    assert bodies["project.cancel"].erp_id == "PRJ-DE01"
    assert "looked into it" in bodies["project.cancel"].reason


def test_what_cannot_be_undone_is_named_and_a_person_is_told_what_to_do() -> None:
    desk = stuck_at("DE01.terms.1")
    accepted(desk.act("step:DE01.terms", Act.CANCEL))
    desk.go_on()
    assert desk.state.status == "cancelled"
    assert [entry.partition(" ")[0] for entry in desk.state.kept] == ["DE01.customer", "DE01.links", "project"]
    case = desk.cases["left_over"]
    assert "DE01.links" in case.failure.reason
    assert "DE01.customer" not in case.failure.reason, "nobody needs to do anything about a shared customer"
    assert "DE01.links" in desk.notices[-1].attributes["kept"]
    accepted(desk.act("left_over", Act.RESOLVE))
    assert desk.cases == {}
    assert reason_to_ignore(desk.act("left_over", Act.RESOLVE))


def test_a_running_project_is_not_cancelled_because_of_its_workspace() -> None:
    desk = stuck_at("DE01.workspace.1")
    assert reason_to_ignore(desk.act("step:DE01.workspace", Act.CANCEL))
    assert (desk.state.status, desk.open) == ("active", {})


@pytest.mark.parametrize(("line", "is_said"), [("DE01.links.1", True), ("DE01.contract.1", False)])
def test_that_time_may_be_billed_on_a_project_that_was_open_is_said(line: str, is_said: bool) -> None:  # noqa: FBT001 a column of the table
    desk = stuck_at(line)
    accepted(desk.act(f"step:{line.rpartition('.')[0]}", Act.CANCEL))
    assert desk.go_on().state.status == "cancelled"
    assert any("P-1: time may be billed" in entry for entry in desk.state.to_mend) is is_said
    assert ("left_over" in desk.cases) is is_said


def test_what_is_under_way_is_awaited_and_then_undone() -> None:
    desk = Desk().won(deal(part("DE01"), part("US01", currency="USD")))
    desk.ready("US01")
    desk.refused("DE01.shell.1")
    accepted(desk.act("step:DE01.shell", Act.CANCEL))
    assert desk.state.status == "cancelling"
    assert "US01.undo_shell.1" not in desk.open
    desk.done("US01.shell.1")
    assert "US01.undo_shell.1" in desk.open
    assert desk.go_on().state.status == "cancelled"
    assert "project.put" not in desk.operations


def test_what_is_refused_while_it_is_cancelled_needs_no_undoing() -> None:
    desk = Desk().won(deal(part("DE01"), part("US01", currency="USD")))
    desk.ready("US01")
    desk.refused("DE01.shell.1")
    desk.act("step:DE01.shell", Act.CANCEL)
    accepted(desk.refused("US01.shell.1"))
    assert (desk.state.status, desk.cases) == ("cancelled", {})
    assert set(desk.operations) == {"customer.trade", "project.create"}


def test_a_customer_that_never_answers_keeps_no_cancel_waiting() -> None:
    desk = Desk().won(deal(part("DE01"), part("US01", currency="USD")))
    desk.refused("DE01.shell.1")
    desk.act("step:DE01.shell", Act.CANCEL)
    assert desk.state.status == "cancelled"
    assert reason_to_ignore(desk.ready("US01"))


def test_made_without_an_id_and_cancelled_is_named() -> None:
    desk = Desk().won()
    desk.done("DE01.shell.1", without_id=True)
    accepted(desk.act("step:DE01.shell", Act.CANCEL))
    assert desk.state.status == "cancelled"
    assert "DE01.shell" in desk.cases["left_over"].failure.reason


def test_an_undo_that_fails_is_a_case_and_what_was_before_it_waits() -> None:
    desk = stuck_at("DE01.open.1")
    desk.act("step:DE01.open", Act.CANCEL)
    desk.done("DE01.undo_terms.1")
    accepted(desk.refused("DE01.undo_contract.1"))
    assert set(desk.cases) == {"undo:DE01.contract"}
    assert (desk.open, desk.state.status) == ({}, "cancelling")
    assert reason_to_ignore(desk.act("undo:DE01.contract", Act.CANCEL))
    accepted(desk.act("undo:DE01.contract", Act.RETRY))
    assert list(desk.open) == ["DE01.undo_contract.2"]
    assert reason_to_ignore(desk.act("undo:DE01.contract", Act.RETRY))
    assert desk.go_on().state.status == "cancelled"
    assert (desk.statuses()["contract"], desk.statuses()["shell"]) == ("undone", "undone")


def test_what_a_person_has_taken_back_by_hand_is_named() -> None:
    desk = stuck_at("DE01.open.1")
    desk.act("step:DE01.open", Act.CANCEL)
    desk.done("DE01.undo_terms.1")
    desk.refused("DE01.undo_contract.1")
    accepted(desk.act("undo:DE01.contract", Act.RESOLVE))
    assert desk.go_on().state.status == "cancelled"
    assert desk.statuses()["contract"] == "kept"
    assert any("E-fin" in entry for entry in desk.state.kept)


def test_what_the_policy_sends_nowhere_is_taken_back_by_hand() -> None:
    desk = stuck_at("DE01.contract.1")
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"project.cancel": None}})
    desk.knows(policy=POLICY.model_copy(update={"legal_entities": {**POLICY.legal_entities, "DE01": entity}}))
    desk.act("step:DE01.contract", Act.CANCEL)
    desk.go_on()
    assert desk.state.status == "cancelled"
    assert "by hand" in desk.cases["left_over"].failure.reason


@pytest.mark.parametrize("operation", ["contract.cancel", "project.cancel"])
def test_a_refused_undo_that_the_policy_sends_nowhere_since_is_left_to_a_person(operation: str) -> None:
    desk = stuck_at("DE01.open.1")
    step = "contract" if operation == "contract.cancel" else "shell"
    desk.act("step:DE01.open", Act.CANCEL)
    desk.go_on(until=f"DE01.undo_{step}.1")
    desk.refused(f"DE01.undo_{step}.1")
    entity = POLICY.legal_entities["DE01"].model_copy(update={"operations": {operation: None}})
    desk.knows(policy=POLICY.model_copy(update={"legal_entities": {**POLICY.legal_entities, "DE01": entity}}))
    accepted(desk.act(f"undo:DE01.{step}", Act.RETRY))
    assert desk.go_on().state.status == "cancelled"
    assert "by hand" in desk.cases["left_over"].failure.reason
    assert set(desk.cases) == {"left_over"}


def test_what_was_begun_in_a_system_is_undone_there() -> None:
    desk = stuck_at("DE01.contract.1")
    entity = POLICY.legal_entities["DE01"].model_copy(update={"erp": "other", "psa": "other"})
    desk.knows(policy=POLICY.model_copy(update={"legal_entities": {**POLICY.legal_entities, "DE01": entity}}))
    desk.act("step:DE01.contract", Act.CANCEL)
    desk.go_on()
    assert {r.operation: r.system for r in desk.asked if r.operation in UNDO.values()} == {
        "project.withdraw": "psa", "project.cancel": "erp",
    }  # fmt: skip


def erp_changes(on: date) -> Policy:
    """The policy in which DE01 has another ERP from a day on."""
    entity = POLICY.legal_entities["DE01"]
    entity = entity.model_copy(update={"successors": {"erp": (Successor(system="erp2", from_on=on),)}})
    return POLICY.model_copy(update={"legal_entities": {**POLICY.legal_entities, "DE01": entity}})


def test_a_part_stays_with_the_systems_that_it_began_with() -> None:
    desk = Desk().won()
    desk.knows(policy=erp_changes(date(2026, 1, 1)))
    desk.go_on()
    assert desk.state.status == "active"
    assert "erp2" not in {request.system for request in desk.asked}


def test_a_customer_that_is_asked_again_is_asked_for_where_the_policy_says_now() -> None:
    desk = Desk(others={SHIPYARD: Customer(profile=customer())}).won()
    desk.refused("DE01.customer.1")
    desk.knows(policy=erp_changes(date(2026, 1, 1)))
    accepted(desk.act("step:DE01.customer", Act.RETRY))
    desk.go_on()
    assert {request.system for request in desk.asked if request.operation == "project.create"} == {"erp2"}


def first_day(day: str) -> dict[str, Any]:
    """An edit of the first day of work."""
    return {"parts": {"DE01": {"contract": {"reference": "SOW-1", "signed_on": "2026-01-02", "starts_on": day}}}}


def test_the_first_day_does_not_change_once_the_project_stands() -> None:
    desk = Desk(policy=erp_changes(date(2026, 7, 1))).won()
    desk.done("DE01.shell.1")
    desk.refused("DE01.delivery.1")
    said = desk.act("step:DE01.delivery", Act.EDIT_RETRY, changes=first_day("2026-08-01"))
    assert "first day" in reason_to_ignore(said)


def test_a_first_day_that_is_edited_before_splits_no_part() -> None:
    desk = Desk(policy=erp_changes(date(2026, 7, 1))).won()
    desk.refused("DE01.shell.1")
    accepted(desk.act("step:DE01.shell", Act.EDIT_RETRY, changes=first_day("2026-08-01")))
    assert desk.go_on().state.status == "active"
    assert "erp2" not in {request.system for request in desk.asked}, "the ERP with the customer gets the project"


def test_a_cancelled_deal_takes_no_further_part() -> None:
    desk = stuck_at("DE01.shell.1")
    desk.act("step:DE01.shell", Act.CANCEL)
    assert reason_to_ignore(desk.when(deal()))
    for topic in ("validate", "step:DE01.shell", "undo:DE01.shell"):
        assert reason_to_ignore(desk.act(topic, Act.RETRY))


def test_a_running_deal_whose_legal_entity_left_the_policy_waits_for_it() -> None:
    desk = Desk().won()
    request = desk.open["DE01.shell.1"]
    desk.knows(policy=POLICY.model_copy(update={"legal_entities": {"US01": LegalEntity(currency="USD")}}))
    decision = desk.done("DE01.shell.1")
    assert isinstance(decision, Reject)
    assert decision.failure.code == "legal_entity_unmapped"
    desk.knows(policy=POLICY)
    desk.open[request.line] = request
    accepted(desk.done("DE01.shell.1"))
