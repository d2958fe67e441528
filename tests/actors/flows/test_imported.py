"""A won deal whose project some systems have already: nothing is made a second time, and nothing old is taken back."""

from __future__ import annotations

import pytest

from actors.entities.project import ACTOR as PROJECT
from actors.flows.engine import step_topic
from schemas.acts import Act
from schemas.bound import Bound
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.operations.contract import ContractPut
from schemas.operations.project import ProjectPut
from schemas.project.entity import Project
from schemas.project.v1 import Opened
from tests.actors.agreements import act
from tests.actors.firm import BRIDGE, SHIPYARD, WON, deal, known_customer, opened, part
from tests.actors.flows.desk import Desk
from tests.actors.stage import Given, accepted, reason_to_ignore


def desk(project: ActorKey = BRIDGE, **had: str) -> Desk:
    """A firm whose systems have the deal's project, under these ids."""
    return Desk(others={SHIPYARD: known_customer(), project: Project(had=had)})


def body(desk: Desk, operation: str) -> object:
    return next(request.body for request in desk.asked if request.operation == operation)


def test_the_project_that_the_erp_has_is_not_created_again() -> None:
    # Given a project that was imported, when its deal is won
    flow = desk(erp="PRJ-77").won().go_on()
    # Then everything is set up but the shell, under the id that the ERP has
    assert flow.state.status == "active"
    assert "project.create" not in flow.operations
    assert flow.part().step("shell").external_id == "PRJ-77"
    put, agreed, opened = (body(flow, name) for name in ("project.put", "contract.put", "project.opened"))
    assert isinstance(put, ProjectPut)
    assert isinstance(agreed, ContractPut)
    assert isinstance(opened, Opened)
    assert (put.erp_id, agreed.project, opened.erp, opened.erp_id) == ("PRJ-77", "PRJ-77", "erp", "PRJ-77")


def test_the_project_that_the_psa_has_is_not_made_again_either() -> None:
    flow = desk(erp="PRJ-77", psa="4711").won().go_on()
    assert flow.state.status == "active"
    assert not {"project.create", "project.put"} & set(flow.operations)


def test_another_system_is_no_reason() -> None:
    assert "project.create" in desk(legacy="PRJ-77").won().go_on().operations


def test_a_cancelled_deal_leaves_what_was_there_before() -> None:
    # Given a deal whose contract the billing system refuses
    flow = desk(erp="PRJ-77").won().go_on(until="DE01.contract.1")
    flow.refused("DE01.contract.1")
    # When a person cancels it
    flow.act(step_topic("DE01", "contract"), Act.CANCEL)
    flow.go_on()
    # Then the PSA's project is withdrawn, the ERP's stays, and is named
    assert flow.state.status == "cancelled"
    assert "project.cancel" not in flow.operations
    assert flow.statuses()["shell"] == "kept"
    assert flow.statuses()["delivery"] == "undone"
    assert any("PRJ-77" in kept and "before the deal was won" in kept for kept in flow.state.kept)


@pytest.mark.parametrize(("step", "system"), [("shell", "erp"), ("delivery", "psa")])
def test_what_was_imported_after_a_system_refused_it_is_not_asked_for_again(step: str, system: str) -> None:
    # Given a deal whose project a system refuses, because it has it already
    flow = Desk().won().go_on(until=f"DE01.{step}.1")
    flow.refused(f"DE01.{step}.1")
    # When the id is imported, and a person retries
    flow.knows(others={BRIDGE: Project(had={system: "PRJ-77"})})
    flow.act(step_topic("DE01", step), Act.RETRY)
    # Then it goes on with what is there
    assert flow.go_on().state.status == "active"
    assert f"DE01.{step}.2" not in [request.line for request in flow.asked]
    assert flow.part().step(step).external_id == "PRJ-77"


def test_an_id_is_not_imported_while_a_deal_has_the_system_make_the_project() -> None:
    # Given a deal for which ERP and PSA make the project, of which the PSA has it already
    flow = desk(psa="4711").won()
    assert Claim("project.made", "erp/P-1") in flow.claims
    assert Claim("project.made", "psa/P-1") not in flow.claims
    # When somebody imports the ERP's id meanwhile, then they are told to look
    taken = {Claim("project.made", "erp/P-1"): WON}
    told = Bound(to=BRIDGE.id, system="erp", kind="project", external_id="PRJ-77")
    assert "has erp make the project" in reason_to_ignore(Given(PROJECT, BRIDGE, Project(), taken=taken).when(told))
    # And once it was imported first, no deal has the ERP make it
    first = accepted(Given(PROJECT, BRIDGE, Project()).when(told))
    assert first.claims == (Claim("project.made", "erp/P-1"),)
    later = Desk(others={SHIPYARD: known_customer(), BRIDGE: first.state})
    later.knows(taken={Claim("project.made", "erp/P-1"): BRIDGE})
    assert later.won().go_on().state.status == "active"
    # And a project that is open is no deal's to make any more
    running = Given(PROJECT, BRIDGE, Project()).after(opened())
    assert accepted(running.when(told.model_copy(update={"system": "crm"}))).claims == ()


def test_what_was_imported_while_a_system_was_asked_is_a_case_of_the_project() -> None:
    # Given an id that was imported while the ERP was asked to make the project
    project = Given(PROJECT, BRIDGE, Project(had={"erp": "PRJ-77", "psa": "4711"}))
    # When the deal opens the project under the id that was made
    accept = accepted(project.when(opened(erp_id="PRJ-1")))
    # Then the ERP has two, and a person must close one
    (case,) = accept.cases
    assert (case.topic, case.failure.code, case.acts) == ("made_twice:erp", "project_made_twice", (Act.RESOLVE,))
    assert "PRJ-77" in case.failure.reason
    looked = project.after(opened(erp_id="PRJ-1"))
    assert accepted(looked.when(act(Act.RESOLVE, "made_twice:erp"))).settles == ("made_twice:erp",)
    assert accepted(project.when(opened(erp_id="PRJ-77"))).cases == ()


def test_what_was_imported_while_the_deal_was_blocked_counts_once_it_goes_on() -> None:
    # Given a deal that validation blocks, and an import meanwhile
    flow = Desk(others={SHIPYARD: known_customer()})
    flow.won(deal(part(service_line="gardening")))
    assert flow.state.status == "blocked"
    flow.knows(others={BRIDGE: Project(had={"erp": "PRJ-77"})})
    # When a person mends it
    flow.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": {"service_line": "audit"}}})
    flow.go_on()
    assert "project.create" not in flow.operations
