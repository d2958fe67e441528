"""Project: what its engagement has opened is kept for billing, and the ids of ERP and PSA mean it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from actors.entities.project import ACTOR
from schemas.bound import Bound
from schemas.facts import Claim, Notice
from schemas.keys import EXTERNAL, ActorKey, external_key
from schemas.project.entity import Project
from schemas.project.v1 import Activated, MilestoneCompleted, StatusChanged, Withdrawn
from tests.actors.firm import BRIDGE, MONDAY, WON, credit, opened
from tests.actors.stage import Given, accepted, reason_to_ignore

NEW = Given(ACTOR, BRIDGE, Project())
MILESTONE = MilestoneCompleted(milestone_id="M1", name="Design", completed_on=MONDAY)
WITHDRAWN = Withdrawn(to=BRIDGE.id, engagement=WON.id, reason="the customer withdrew")


def test_what_was_sold_is_kept_for_billing() -> None:
    project = NEW.after(opened(ends_on=date(2026, 12, 31), consultant="145.00", partner="310.50")).state
    assert isinstance(project, Project)
    assert project.rates == {"consultant": Decimal("145.00"), "partner": Decimal("310.50")}
    assert (project.starts_on, project.ends_on, project.tax_code) == (date(2026, 1, 5), date(2026, 12, 31), "D19")
    assert (project.erp, project.erp_id, project.status) == ("erp", "PRJ-1", "active")


def test_the_ids_of_erp_and_psa_mean_the_project() -> None:
    decision = accepted(NEW.when(opened()))
    assert decision.binds == (external_key("erp", "project", "PRJ-1"), external_key("psa", "project", "4711"))
    assert decision.notices == (Notice("activated", {"erp_id": "PRJ-1"}),)
    assert decision.requests == ()


def test_what_no_system_has_is_not_bound() -> None:
    alone = opened().model_copy(update={"erp": None, "erp_id": None, "psa_id": None})
    decision = accepted(NEW.when(alone))
    assert decision.binds == ()
    assert decision.notices == (Notice("activated", {}),)


def test_it_is_opened_once() -> None:
    assert WON.id in reason_to_ignore(NEW.after(opened()).when(opened(erp_id="PRJ-2")))


def test_what_the_psa_said_before_is_kept() -> None:
    rests = StatusChanged(status="on_hold", effective_on=MONDAY, reason="asked for by the customer")
    project = NEW.after(rests, opened()).state
    assert isinstance(project, Project)
    assert project.status == "on_hold"


def test_a_cancelled_deal_withdraws_it() -> None:
    decision = accepted(NEW.after(opened()).when(WITHDRAWN))
    assert isinstance(decision.state, Project)
    assert decision.state.status == "withdrawn"
    assert decision.notices == (Notice("status_changed", {"status": "withdrawn"}),)


def test_a_withdrawn_project_stays_so() -> None:
    given = NEW.after(opened(), WITHDRAWN)
    assert reason_to_ignore(given.when(WITHDRAWN))
    assert reason_to_ignore(given.when(StatusChanged(status="active", effective_on=MONDAY, reason="resumed")))


@pytest.mark.parametrize("given", [NEW, NEW.after(opened())], ids=["never opened", "of another"])
def test_only_the_engagement_that_opened_it_withdraws_it(given: Given) -> None:
    assert "E-9" in reason_to_ignore(given.when(WITHDRAWN.model_copy(update={"engagement": "E-9"})))


def test_status_and_first_day_are_kept() -> None:
    change = StatusChanged(status="on_hold", effective_on=MONDAY, reason="asked for by the customer")
    decision = accepted(NEW.after(opened(), Activated(activated_on=MONDAY)).when(change))
    assert isinstance(decision.state, Project)
    assert (decision.state.status, decision.state.activated_on) == ("on_hold", MONDAY)
    assert decision.notices == (Notice("status_changed", {"status": "on_hold"}),)


def test_a_milestone_is_completed_once() -> None:
    decision = accepted(NEW.when(MILESTONE))
    assert decision.notices == (Notice("milestone_completed", {"milestone_id": "M1"}),)
    assert reason_to_ignore(NEW.after(MILESTONE).when(MILESTONE))


def test_what_is_no_projects_business_is_ignored() -> None:
    assert reason_to_ignore(NEW.when(credit(on_hold=True)))


IMPORTED = Bound(to=BRIDGE.id, system="erp", kind="project", external_id="PRJ-77", legal_entity="DE01")
"""What a person says who imports ids: the ERP has the project already."""


def test_an_imported_id_means_the_project_from_then_on() -> None:
    decision = accepted(NEW.when(IMPORTED))
    assert isinstance(decision.state, Project)
    assert decision.state.had == {"erp": "PRJ-77"}
    assert decision.state.erp_id is None, "it is not billed on before its deal has opened it"
    assert decision.binds == (external_key("erp", "project", "PRJ-77"),)
    assert decision.requests == ()


def test_ids_of_several_systems_are_imported_one_by_one() -> None:
    project = NEW.after(IMPORTED, IMPORTED.model_copy(update={"system": "psa", "external_id": "4711"})).state
    assert isinstance(project, Project)
    assert project.had == {"erp": "PRJ-77", "psa": "4711"}


@pytest.mark.parametrize(
    ("given", "external_id", "why"),
    [
        (NEW.after(IMPORTED), "PRJ-77", "erp has the project as PRJ-77 already"),
        (NEW.after(IMPORTED), "PRJ-78", "erp has the project as PRJ-77"),
        (NEW.after(opened()), "PRJ-77", "erp has the project as PRJ-1"),
    ],
)
def test_a_system_has_a_project_once(given: Given, external_id: str, why: str) -> None:
    assert reason_to_ignore(given.when(IMPORTED.model_copy(update={"external_id": external_id}))) == why


def test_an_id_that_means_another_project_is_not_taken_from_it() -> None:
    taken = replace(NEW, taken={Claim(EXTERNAL, "erp/project/PRJ-77"): ActorKey("project", "P-9")})
    assert reason_to_ignore(taken.when(IMPORTED)) == "PRJ-77 of erp means project/P-9"


def test_an_id_of_another_legal_entity_is_not_imported() -> None:
    other = IMPORTED.model_copy(update={"system": "us-erp", "legal_entity": "US01"})
    assert "belongs to DE01" in reason_to_ignore(NEW.after(opened()).when(other))
