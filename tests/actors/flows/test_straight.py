"""The straight way: a won deal becomes a project in ERP and PSA, a contract, a workspace; the CRM learns the ids."""

from __future__ import annotations

from decimal import Decimal

import pytest

from actors.decision import Accept, Wait
from actors.flows.again import MORE_DEALS, MOST_REFUSED
from actors.policy import LegalEntity
from schemas.acts import Act
from schemas.commands import SELF
from schemas.contract.v1 import Opened as ContractOpened
from schemas.customer.entity import Customer
from schemas.customer.v1 import Trade
from schemas.facts import Notice
from schemas.operations.contract import ContractPut
from schemas.operations.project import ProjectCreate, ProjectLink, ProjectPut, RolePrice, WorkPackage
from schemas.project.v1 import Opened, OpportunityForecast
from schemas.values import ID_BYTES
from tests.actors.firm import SHIPYARD, customer, deal, part
from tests.actors.flows.desk import POLICY, Desk
from tests.actors.stage import reason_to_ignore

NEW_CUSTOMER = Customer(profile=customer())
FORECAST = OpportunityForecast(
    opportunity_id="OPP-1", customer=deal().customer, name="Bridge", legal_entity="DE01", service_line="advisory",
    currency="EUR", probability=60,
)  # fmt: skip


def test_the_steps_follow_each_other() -> None:
    desk = Desk().won().go_on()
    assert [(request.system, request.operation, request.line) for request in desk.asked] == [
        (SELF, "customer.trade", "DE01.customer.1"),
        ("erp", "project.create", "DE01.shell.1"),
        ("psa", "project.put", "DE01.delivery.1"),
        ("erp", "contract.put", "DE01.contract.1"),
        (SELF, "project.opened", "DE01.open.1"),
        (SELF, "contract.opened", "DE01.terms.1"),
        ("docs", "workspace.create", "DE01.workspace.1"),
        ("crm", "project.link", "DE01.links.1"),
    ]
    assert set(desk.statuses().values()) == {"done"}
    assert desk.state.status == "active"
    assert desk.notices == [Notice("activated", {"projects": "P-1"})]
    assert desk.cases == {}


def test_a_customer_that_the_erp_has_is_told_of_the_deal_and_nothing_waits_for_its_answer() -> None:
    desk = Desk().won()
    [trade, create] = desk.asked
    assert isinstance(trade.body, Trade)
    assert (trade.body.engagement, trade.body.legal_entity, create.operation) == ("P-1", "DE01", "project.create")
    assert desk.statuses()["customer"] == "done"
    assert reason_to_ignore(desk.done("DE01.customer.1"))
    assert reason_to_ignore(desk.ready())
    assert reason_to_ignore(desk.unready())
    assert desk.part().step("customer").external_id == "10042"


def test_what_the_systems_are_asked() -> None:
    desk = Desk().won(deal(part(value="90000.00"))).go_on()
    bodies = {request.operation: request.body for request in desk.asked}
    create = bodies["project.create"]
    assert isinstance(create, ProjectCreate)
    assert (create.project_id, create.customer, create.revenue) == ("P-1", "10042", "REV-A")
    assert create.work_packages == (WorkPackage(code="WP1", name="Analysis", billable=True),)
    assert create.roles == (RolePrice(role="consultant", rate=Decimal("145.00")),)
    put = bodies["project.put"]
    assert isinstance(put, ProjectPut)
    assert put.erp_id == "PRJ-DE01"
    agreed = bodies["contract.put"]
    assert isinstance(agreed, ContractPut)
    assert (agreed.contract_id, agreed.version, agreed.project, agreed.tax_code) == ("SOW-1", 1, "PRJ-DE01", "D19")
    assert agreed.value == Decimal("90000.00")
    opened = bodies["project.opened"]
    assert isinstance(opened, Opened)
    assert (opened.erp, opened.erp_id, opened.psa, opened.psa_id) == ("erp", "PRJ-DE01", "psa", "psa-DE01")
    terms = bodies["contract.opened"]
    assert isinstance(terms, ContractOpened)
    assert (terms.to, terms.project_id, terms.billing, terms.billing_id) == ("SOW-1", "P-1", "erp", "K-DE01")
    assert bodies["project.link"] == ProjectLink(
        opportunity_id="OPP-1", project_id="P-1", erp_id="PRJ-DE01", psa_id="psa-DE01"
    )


def test_a_customer_that_the_erp_does_not_have_is_asked_for_first() -> None:
    desk = Desk(others={SHIPYARD: NEW_CUSTOMER}).won()
    (request,) = desk.asked
    assert (request.system, request.operation, request.line) == (SELF, "customer.trade", "DE01.customer.1")
    assert isinstance(request.body, Trade)
    assert (request.body.to, request.body.engagement) == ("C-1", "P-1")
    # That the customer was asked is not its answer
    assert reason_to_ignore(desk.done("DE01.customer.1"))
    assert desk.statuses()["customer"] == "asked"
    desk.ready()
    create = desk.open["DE01.shell.1"].body
    assert isinstance(create, ProjectCreate)
    assert create.customer == "10099"
    assert desk.go_on().state.status == "active"


def test_the_customers_answer_may_come_before_the_confirmation() -> None:
    desk = Desk(others={SHIPYARD: NEW_CUSTOMER}).won()
    desk.ready()
    assert reason_to_ignore(desk.done("DE01.customer.1"))
    assert desk.go_on().state.status == "active"


@pytest.mark.parametrize("known", [{}, {SHIPYARD: Customer()}], ids=["never heard of", "only its credit"])
def test_it_waits_for_a_customer_that_nobody_has_heard_of(known: dict[object, Customer]) -> None:
    decision = Desk(others=known).when(deal())  # type: ignore[arg-type]  # the key's type is that of the desk
    assert isinstance(decision, Wait)
    assert decision.target == SHIPYARD


def test_a_step_that_nobody_takes_is_skipped_and_says_so() -> None:
    entity = LegalEntity(currency="EUR", operations={"contract.put": None}, tax_codes={"standard": "D19"})
    desk = Desk(policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}})).won().go_on()
    assert desk.state.status == "active"
    assert (desk.statuses()["contract"], desk.statuses()["workspace"]) == ("skipped", "skipped")
    assert "contract.put" in str(desk.part().step("contract").reason)
    terms = next(request.body for request in desk.asked if request.operation == "contract.opened")
    assert isinstance(terms, ContractOpened)
    assert (terms.billing, terms.billing_id) == (None, None)


def test_what_begins_after_the_change_goes_to_the_erp_that_took_over() -> None:
    entity = LegalEntity.model_validate(
        {
            "currency": "EUR", "tax_codes": {"standard": "D19"},
            "successors": {"erp": [{"system": "new-erp", "from_on": "2026-01-01"}]},
        }
    )  # fmt: skip
    desk = Desk(policy=POLICY.model_copy(update={"legal_entities": {"DE01": entity}})).won().go_on()
    asked = {request.operation: request.system for request in desk.asked}
    assert (asked["project.create"], asked["contract.put"]) == ("new-erp", "new-erp")


def test_parts_progress_independently() -> None:
    desk = Desk(others={SHIPYARD: NEW_CUSTOMER}).won(deal(part("DE01"), part("US01", currency="USD")))
    desk.done("US01.customer.1")
    desk.go_on()
    assert set(desk.statuses("DE01").values()) == {"done"}
    assert (desk.statuses("US01")["customer"], desk.state.status) == ("asked", "running")
    desk.ready("US01")
    assert desk.go_on().state.status == "active"
    assert [part.project_id for part in desk.state.parts] == ["P-1-DE01", "P-1-US01"]
    assert [part.contract_id for part in desk.state.parts] == ["SOW-1-DE01", "SOW-1-US01"]
    assert {request.system for request in desk.asked if request.operation == "project.create"} == {"erp", "us-erp"}


def test_the_same_deal_again_changes_nothing() -> None:
    desk = Desk().won()
    assert "OPP-1" in reason_to_ignore(desk.when(deal()))


def test_another_deal_on_the_engagement_is_refused_without_stopping_the_first() -> None:
    desk = Desk().won()
    desk.won(deal(opportunity_id="OPP-2"))
    assert desk.cases["second_deal:OPP-2"].failure.code == "engagement_taken"
    assert "refused" in reason_to_ignore(desk.when(deal(opportunity_id="OPP-2")))
    assert desk.go_on().state.status == "active"
    assert desk.operations.count("project.create") == 1


def test_of_very_many_other_deals_the_last_ones_share_a_case() -> None:
    # Given an engagement on which as many other deals were won as are kept
    desk = Desk().won()
    for number in range(MOST_REFUSED):
        desk.won(deal(opportunity_id=f"OTHER-{number}"))
    assert MORE_DEALS not in desk.cases
    # When there are more, then one case tells of them, and the state grows no further
    for number in range(3):
        desk.won(deal(opportunity_id=f"MORE-{number}"))
    assert len(desk.state.refused_deals) == MOST_REFUSED
    assert "MORE-2" in desk.cases[MORE_DEALS].failure.reason
    assert len(desk.cases) == MOST_REFUSED + 1
    # And once a person has settled it, it may be opened again
    assert isinstance(desk.act(MORE_DEALS, Act.RESOLVE), Accept)
    assert MORE_DEALS not in desk.cases
    assert "nothing" in reason_to_ignore(desk.act(MORE_DEALS, Act.RESOLVE))
    desk.won(deal(opportunity_id="MORE-3"))
    assert MORE_DEALS in desk.cases


def test_the_case_of_a_deal_with_the_longest_id_can_be_settled() -> None:
    other = "O" * ID_BYTES
    desk = Desk().won().won(deal(opportunity_id=other))
    assert isinstance(desk.act(f"second_deal:{other}", Act.RESOLVE), Accept)
    assert desk.state.refused_deals == ()


@pytest.mark.parametrize("step", range(7))
def test_an_answer_that_comes_twice_changes_nothing(step: int) -> None:
    desk = Desk().won()
    for _ in range(step):
        desk.done(next(iter(desk.open)))
    line, request = next(iter(desk.open.items()))
    desk.done(line)
    before = desk.state
    desk.open[line] = request
    assert reason_to_ignore(desk.done(line))
    assert desk.state == before


def test_a_forecast_is_kept_until_the_deal_is_won() -> None:
    desk = Desk()
    desk.when(FORECAST)
    assert (desk.state.status, desk.state.forecast) == ("forecast", FORECAST)
    desk.won()
    assert reason_to_ignore(desk.when(FORECAST))
