"""No two engagements set up one project or contract; what a cancelled one had is free again."""

from __future__ import annotations

from typing import Any, Final

import pytest

from actors.entities.project import ACTOR as PROJECT
from actors.policy import Mode
from schemas.acts import Act
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.project.entity import Project, Terms
from schemas.project.v1 import Withdrawn
from tests.actors.firm import BRIDGE, MONDAY, WON, deal, opened, part
from tests.actors.flows.desk import Desk
from tests.actors.flows.test_modes import runs
from tests.actors.stage import Given, accepted, reason_to_ignore

OLD: Final = ActorKey("engagement", "ENG-OLD")
OURS: Final = {Claim("project.id", "P-1"), Claim("contract.id", "SOW-1")}


@pytest.mark.parametrize(
    ("claim", "code", "changes"),
    [
        (Claim("project.id", "P-1"), "project_taken", {"project_id": "P-78"}),
        (Claim("contract.id", "SOW-1"), "contract_taken", {"contract": {
            "reference": "SOW-9", "signed_on": "2026-01-02", "starts_on": "2026-01-05"}}),
    ],
    ids=["project", "contract"],
)  # fmt: skip
def test_what_another_engagement_has_is_a_miss(claim: Claim, code: str, changes: dict[str, Any]) -> None:
    desk = Desk()
    desk.knows(taken={claim: OLD})
    desk.won()
    case = desk.cases["validate"]
    assert (case.failure.code, desk.asked) == (code, [])
    assert "ENG-OLD" in case.failure.reason
    assert desk.ids == OURS - {claim}
    assert "ENG-OLD" in reason_to_ignore(desk.act("validate", Act.RETRY))
    accepted(desk.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": changes}}))
    assert desk.go_on().state.status == "active"
    assert claim not in desk.claims


def test_a_project_that_another_engagement_runs_is_a_miss() -> None:
    sold = part().model_copy(update={"project_id": "P-77"})
    desk = Desk()
    running = ActorKey("project", "P-77")
    desk.knows(others={running: Project(engagement=OLD.id, status="active", erp="erp", erp_id="PRJ-OLD")})
    desk.won(deal(sold))
    assert (desk.cases["validate"].failure.code, desk.asked) == ("project_taken", [])


def test_a_project_that_an_edit_names_is_looked_up() -> None:
    desk = Desk()
    desk.knows(
        others={ActorKey("project", "P-77"): Project(engagement=OLD.id, status="active")},
        taken={Claim("project.id", "P-1"): OLD},
    )
    desk.won()
    accepted(desk.act("validate", Act.EDIT_RETRY, changes={"parts": {"DE01": {"project_id": "P-77"}}}))
    assert "P-77 belongs to engagement ENG-OLD" in desk.cases["validate"].failure.reason


def test_once_it_is_free_a_retry_goes_on() -> None:
    desk = Desk()
    desk.knows(taken={Claim("contract.id", "SOW-1"): OLD})
    desk.won()
    desk.knows(taken={})
    accepted(desk.act("validate", Act.RETRY))
    assert (desk.ids, desk.go_on().state.status) == (OURS, "active")


def test_ids_are_an_engagements_own_until_it_is_cancelled() -> None:
    desk = Desk().won().go_on(until="DE01.contract.1")
    desk.refused("DE01.contract.1")
    accepted(desk.act("step:DE01.contract", Act.CANCEL))
    assert desk.ids == OURS, "while it is undone they are in use"
    desk.go_on()
    assert (desk.state.status, desk.claims) == ("cancelled", set())


def test_a_deal_that_is_rejected_gives_its_ids_back() -> None:
    desk = Desk()
    desk.knows(taken={Claim("contract.id", "SOW-1"): OLD})
    desk.won()
    accepted(desk.act("validate", Act.CANCEL))
    assert (desk.state.status, desk.claims) == ("cancelled", set())


def test_a_part_in_shadow_claims_nothing() -> None:
    desk = Desk(policy=runs(US01=Mode.SHADOW)).won(deal(part("DE01"), part("US01", currency="USD")))
    assert desk.ids == {Claim("project.id", "P-1-DE01"), Claim("contract.id", "SOW-1-DE01")}


def test_a_project_that_was_withdrawn_is_opened_by_the_next_deal() -> None:
    terms = Terms(contract="SOW-1", number=2, effective_on=MONDAY)
    withdrawn = Given(PROJECT, BRIDGE, Project(had={"psa": "4711"}, terms=(terms,))).after(
        opened(), Withdrawn(to=BRIDGE.id, engagement=WON.id, reason="cancelled")
    )
    assert reason_to_ignore(withdrawn.when(opened()))
    again = withdrawn.after(opened(erp_id="PRJ-2").model_copy(update={"engagement": "ENG-NEW"})).state
    assert isinstance(again, Project)
    assert (again.engagement, again.status, again.erp_id, again.had) == ("ENG-NEW", "active", "PRJ-2", {"psa": "4711"})
    assert again.terms == (), "what changed the contract of the deal before is over"


def test_what_a_system_had_of_a_withdrawn_project_is_not_made_again() -> None:
    desk = Desk(others=None)
    before = Project(engagement=OLD.id, status="withdrawn", had={"erp": "PRJ-7"})
    desk.knows(others={ActorKey("project", "P-1"): before})
    assert desk.won().part().step("shell").external_id == "PRJ-7"
