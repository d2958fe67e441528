"""A deal that names a contract which came without a deal: its terms stay, and a cancelled deal takes nothing of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import pytest

from actors.policy import Mode
from schemas.acts import Act
from schemas.contract.entity import Amendment, Contract
from schemas.facts import Claim
from schemas.keys import ActorKey
from tests.actors.agreements import BEGIN
from tests.actors.firm import WON, deal, part
from tests.actors.flows.desk import POLICY, Desk
from tests.actors.flows.test_modes import runs
from tests.actors.stage import accepted, reason_to_ignore

STANDING: Final = ActorKey("contract", "SOW-1")
ELSEWHERE: Final = {"contract": {"reference": "SOW-9", "signed_on": "2026-01-02", "starts_on": "2026-01-05"}}


def in_force(**changes: Any) -> Contract:
    """A contract at version 3 that came without a deal, in force on the deal's project."""
    first = Amendment(number=1, kind="contract", version=1, status="applied", effective_on=BEGIN, value=Decimal(50_000))
    terms: dict[str, Any] = {
        "status": "in_force", "came_alone": True, "reference": "SOW-1", "project_id": "P-1", "legal_entity": "DE01",
        "currency": "EUR", "version": 3, "history": (first,), "billing": "erp", "billing_id": "K-77",
    }  # fmt: skip
    return Contract(**(terms | changes))


def desk(**changes: Any) -> Desk:
    """The firm has the contract when the deal is won."""
    found = Desk()
    found.knows(others={STANDING: in_force(**changes)})
    return found.won()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"project_id": "P-77"}, "in force already, on project P-77"),
        ({"currency": "USD"}, "of DE01 in USD"),
        ({"status": "terminated"}, "is terminated"),
        ({"billing_id": None}, "erp does not have it yet"),
    ],
    ids=str,
)
def test_what_the_deal_may_not_use_is_a_miss_and_nothing_is_sent(changes: dict[str, Any], said: str) -> None:
    flow = desk(**changes)
    case = flow.cases["validate"]
    assert (case.failure.code, flow.asked) == ("contract_taken", [])
    assert said in case.failure.reason
    assert Claim("contract.id", "SOW-1") not in flow.claims
    assert said in reason_to_ignore(flow.act("validate", Act.RETRY))
    accepted(flow.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": ELSEWHERE}}))
    assert flow.go_on().state.status == "active"


def test_a_contract_that_an_edit_names_is_looked_up() -> None:
    flow = Desk()
    flow.knows(others={ActorKey("contract", "SOW-9"): in_force(project_id="P-77")}, taken={
        Claim("project.id", "P-1"): ActorKey("engagement", "ENG-OLD")})  # fmt: skip
    flow.won()
    accepted(flow.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": ELSEWHERE | {"project_id": "P-2"}}}))
    assert "SOW-9 is in force already, on project P-77" in flow.cases["validate"].failure.reason


def test_on_its_own_project_its_terms_stay_where_they_are() -> None:
    flow = desk().go_on()
    assert flow.state.status == "active"
    assert "contract.put" not in flow.operations
    assert flow.part().step("contract").external_id == "K-77"
    assert flow.ids == {Claim("project.id", "P-1")}, "the contract holds its id itself"


def test_a_cancelled_deal_does_not_cancel_it() -> None:
    flow = desk().go_on(until="DE01.open.1")
    flow.refused("DE01.open.1")
    flow.go_on()
    accepted(flow.act("step:DE01.open", Act.CANCEL))
    flow.go_on()
    assert flow.state.status == "cancelled"
    assert "contract.cancel" not in flow.operations
    assert flow.statuses()["contract"] == "kept"


def workspace_failed(flow: Desk) -> Desk:
    """All stands but the workspace."""
    flow.go_on(until="DE01.workspace.1")
    flow.refused("DE01.workspace.1")
    return flow.go_on()


@pytest.mark.parametrize("is_told", [False, True])
def test_a_retry_claims_no_id_that_the_contract_holds_itself(*, is_told: bool) -> None:
    # Given a deal under a contract that came without one, before and after the contract was told of it
    flow = workspace_failed(desk())
    held = {Claim("contract.id", "SOW-1"): STANDING} if is_told else {}
    flow.knows(others={STANDING: in_force(engagement=WON.id)}, taken=held)
    # When a person has a step tried again, then the contract keeps its id
    accepted(flow.act("step:DE01.workspace", Act.RETRY))
    assert flow.ids == {Claim("project.id", "P-1")}
    assert flow.go_on().state.status == "active"


def test_a_deal_that_comes_without_its_part_claims_no_id_that_the_contract_holds_itself() -> None:
    # Given a deal of which one part runs under a contract that came without it, and the other is not live yet
    alone = {ActorKey("contract", "SOW-1-DE01"): in_force(project_id="P-1-DE01")}
    flow = Desk(policy=runs(US01=Mode.SHADOW))
    flow.knows(others=alone)
    flow.won(deal(part("DE01"), part("US01", currency="USD"))).go_on()
    # When it comes again without the part that runs, a person has seen to that, and the other part begins
    flow.knows(policy=POLICY)
    without = deal(part("US01", currency="USD"))
    accepted(flow.when(without))
    accepted(flow.act("part_gone:DE01", Act.RESOLVE))
    accepted(flow.when(without))
    # Then the contract keeps its id
    assert Claim("contract.id", "SOW-1-US01") in flow.ids
    assert Claim("contract.id", "SOW-1-DE01") not in flow.ids


def test_a_retry_gives_back_no_id_while_its_own_contract_is_not_told_of_it() -> None:
    # Given a contract that the CRM has activated on the deal's project, before the deal has opened it
    flow = workspace_failed(Desk().won())
    flow.knows(others={STANDING: in_force(came_alone=False, billing_id=None)})
    accepted(flow.act("step:DE01.workspace", Act.RETRY))
    assert flow.ids == {Claim("project.id", "P-1"), Claim("contract.id", "SOW-1")}


def test_a_contract_of_another_deal_is_a_miss_though_nobody_has_claimed_it() -> None:
    flow = desk(engagement="ENG-OLD", came_alone=False)
    assert "SOW-1 belongs to engagement ENG-OLD" in flow.cases["validate"].failure.reason
