"""Project: a won deal becomes a project in ERP, then PSA, and the CRM learns both ids."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from actors.entities.project import ACTOR
from schemas.commands import Result
from schemas.customer.entity import Customer
from schemas.facts import Notice
from schemas.keys import external_key
from schemas.operations.project import ProjectCreate, ProjectLink, ProjectPut, RolePrice
from schemas.project.entity import Project
from schemas.project.v1 import Activated, MilestoneCompleted, StatusChanged
from schemas.verdicts import FailureClass
from tests.actors.firm import BRIDGE, MONDAY, SHIPYARD, credit, deal, known_customer
from tests.actors.stage import POLICY, REFUSED, Given, accepted, awaited, reason_to_ignore, refusal

NEW = Given(ACTOR, BRIDGE, Project(), others={SHIPYARD: known_customer()})
MILESTONE = MilestoneCompleted(milestone_id="M1", name="Design", completed_on=MONDAY)


def delivered() -> tuple[Given, Result, Result]:
    """A project that the ERP has made, and the answers of PSA and CRM that are still to come."""
    given = NEW.after(deal())
    erp = given.confirmed(NEW.asked(deal())[0], "PRJ-1")
    psa = given.confirmed(accepted(given.when(erp)).requests[0], "4711")
    given = given.after(erp)
    crm = given.confirmed(accepted(given.when(psa)).requests[0], None)
    return given, psa, crm


def test_a_won_deal_asks_the_erp_for_the_project() -> None:
    (request,) = NEW.asked(deal())
    assert (request.system, request.operation, request.line) == ("erp", "project.create", "shell")
    assert request.body == ProjectCreate(
        project_id="P-1", customer="10042", legal_entity="DE01", currency="EUR", name="Bridge",
        service_line="advisory", billing_method="time_and_materials", contract_reference="SOW-1",
        starts_on=date(2026, 1, 5), roles=(RolePrice(role="consultant", rate=Decimal("145.00")),),
    )  # fmt: skip


def test_what_was_sold_is_kept_for_billing() -> None:
    project = NEW.after(deal(ends_on=date(2026, 12, 31), consultant="145.00", partner="310.50")).state
    assert isinstance(project, Project)
    assert project.rates == {"consultant": Decimal("145.00"), "partner": Decimal("310.50")}
    assert (project.starts_on, project.ends_on, project.tax_code) == (date(2026, 1, 5), date(2026, 12, 31), "D19")
    assert project.status is None


@pytest.mark.parametrize(
    "known", [None, Customer(), Customer(erp_ids={"US01": "7"})], ids=["never heard of", "no ERP", "another entity's"]
)
def test_it_waits_until_the_erp_of_its_legal_entity_has_the_customer(known: Customer | None) -> None:
    others = {} if known is None else {SHIPYARD: known}
    assert awaited(replace(NEW, others=others).when(deal())) == SHIPYARD


def test_a_customer_on_credit_hold_stops_new_business() -> None:
    failure = refusal(replace(NEW, others={SHIPYARD: known_customer(on_hold=True)}).when(deal()))
    assert (failure.failure_class, failure.code) == (FailureClass.BUSINESS_RULE, "credit_hold")


def test_a_legal_entity_that_no_longer_trades_with_the_customer_is_named() -> None:
    # Given a customer that the ERP of DE01 still has, although the CRM has taken DE01 off its record
    former = known_customer().model_copy(update={"tax_codes": {"US01": "US0"}})
    # When a deal is won for DE01, then there is no tax code to bill it with
    failure = refusal(replace(NEW, others={SHIPYARD: former}).when(deal()))
    assert (failure.failure_class, failure.code) == (FailureClass.BUSINESS_RULE, "customer_not_traded")
    assert "DE01" in failure.reason


@pytest.mark.parametrize(
    ("legal_entity", "service_line", "code"),
    [("FR01", "advisory", "legal_entity_unmapped"), ("DE01", "gardening", "service_line_unmapped")],
)
def test_what_the_policy_does_not_map_is_named(legal_entity: str, service_line: str, code: str) -> None:
    failure = refusal(NEW.when(deal(legal_entity, service_line=service_line)))
    assert (failure.failure_class, failure.code) == (FailureClass.MAPPING, code)


def test_a_second_win_does_not_make_a_second_project() -> None:
    assert "OPP-1" in reason_to_ignore(NEW.after(deal()).when(deal()))


def test_the_erps_id_opens_the_project_and_asks_the_psa() -> None:
    given = NEW.after(deal())
    decision = accepted(given.when(given.confirmed(NEW.asked(deal())[0], "PRJ-1")))
    assert isinstance(decision.state, Project)
    assert (decision.state.erp_id, decision.state.status) == ("PRJ-1", "active")
    assert decision.binds == (external_key("erp", "project", "PRJ-1"),)
    assert decision.notices == (Notice("activated", {"erp_id": "PRJ-1"}),)
    (request,) = decision.requests
    assert (request.system, request.operation, request.line) == ("psa", "project.put", "psa")
    assert request.body == ProjectPut(
        project_id="P-1", erp_id="PRJ-1", name="Bridge", legal_entity="DE01", currency="EUR"
    )


def test_the_psas_id_is_bound_and_the_crm_learns_both() -> None:
    given, psa, _ = delivered()
    decision = accepted(given.when(psa))
    assert decision.binds == (external_key("psa", "project", "4711"),)
    (request,) = decision.requests
    assert (request.system, request.operation, request.line) == ("crm", "project.link", "crm")
    assert request.body == ProjectLink(opportunity_id="OPP-1", project_id="P-1", erp_id="PRJ-1", psa_id="4711")


def test_the_crms_answer_ends_it() -> None:
    given, psa, crm = delivered()
    assert "CRM" in reason_to_ignore(given.after(psa).when(crm))


@pytest.mark.parametrize("step", [0, 1])
def test_a_confirmation_without_the_systems_own_id_is_a_case(step: int) -> None:
    given = NEW.after(deal())
    request = NEW.asked(deal())[0]
    if step:
        confirmed = given.confirmed(request, "PRJ-1")
        request = accepted(given.when(confirmed)).requests[0]
        given = given.after(confirmed)
    failure = refusal(given.when(given.confirmed(request, None)))
    assert (failure.failure_class, failure.code) == (FailureClass.CONFLICT, "id_missing")


def test_what_a_system_refuses_is_a_persons_case() -> None:
    given = NEW.after(deal())
    assert refusal(given.when(given.refused(NEW.asked(deal())[0]))) == REFUSED


def test_a_legal_entity_that_left_the_policy_meanwhile_is_named() -> None:
    given = NEW.after(deal())
    confirmed = given.confirmed(NEW.asked(deal())[0], "PRJ-1")
    without = replace(given, policy=POLICY.model_copy(update={"legal_entities": {}}))
    assert refusal(without.when(confirmed)).code == "legal_entity_unmapped"


def test_a_status_that_came_first_is_not_overwritten_by_the_erps_answer() -> None:
    hold = StatusChanged(status="on_hold", effective_on=MONDAY, reason="paused by the customer")
    given = NEW.after(deal(), hold)
    project = given.after(given.confirmed(NEW.asked(deal())[0], "PRJ-1")).state
    assert isinstance(project, Project)
    assert project.status == "on_hold"


def test_a_status_change_is_kept_and_told() -> None:
    decision = accepted(NEW.when(StatusChanged(status="closed", effective_on=MONDAY, reason="done")))
    assert decision.notices == (Notice("status_changed", {"status": "closed"}),)


def test_the_day_of_activation_is_kept() -> None:
    project = NEW.after(Activated(activated_on=MONDAY)).state
    assert isinstance(project, Project)
    assert project.activated_on == MONDAY


def test_a_milestone_is_completed_once() -> None:
    decision = accepted(NEW.when(MILESTONE))
    assert decision.notices == (Notice("milestone_completed", {"milestone_id": "M1"}),)
    assert "M1" in reason_to_ignore(NEW.after(MILESTONE).when(MILESTONE))


def test_an_event_of_another_entity_changes_nothing() -> None:
    assert "customer.credit_changed.v1" in reason_to_ignore(NEW.when(credit(on_hold=True)))
