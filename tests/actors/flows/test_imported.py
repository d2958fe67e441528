"""A won deal whose project some systems have already: nothing is made a second time, and nothing old is taken back."""

from __future__ import annotations

from actors.flows.engine import step_topic
from schemas.acts import Act
from schemas.keys import ActorKey
from schemas.operations.contract import ContractPut
from schemas.operations.project import ProjectPut
from schemas.project.entity import Project
from schemas.project.v1 import Opened
from tests.actors.firm import BRIDGE, SHIPYARD, deal, known_customer, part
from tests.actors.flows.desk import Desk


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
