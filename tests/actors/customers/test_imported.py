"""Ids that are imported before a legal entity goes live: what a system has is kept, and never made a second time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from actors.decision import Request
from actors.entities.customer import ACTOR
from actors.policy import Flow, Mode
from schemas.bound import Bound
from schemas.commands import SELF
from schemas.customer.entity import Customer
from schemas.engagement.v1 import CustomerReady
from schemas.facts import Claim, Notice
from schemas.keys import EXTERNAL, ActorKey, external_key
from schemas.operations.customer import CustomerPut
from tests.actors.firm import SHIPYARD, customer, merged, trade
from tests.actors.stage import POLICY, Given, accepted, reason_to_ignore

NEW = Given(ACTOR, SHIPYARD, Customer())


def imported(external_id: str = "9001", **changes: Any) -> Bound:
    """What a person says: the ERP of DE01 has the customer."""
    fields: dict[str, Any] = {
        "to": SHIPYARD.id, "system": "erp", "kind": "customer", "external_id": external_id, "legal_entity": "DE01",
    }  # fmt: skip
    return Bound(**fields | changes)


def puts(requests: tuple[Request, ...]) -> list[tuple[str, str, str | None]]:
    """System, legal entity, and the ERP's own id in each put."""
    bodies = [(request.system, request.body) for request in requests if request.operation == "customer.put"]
    return [(system, body.legal_entity, body.erp_id) for system, body in bodies if isinstance(body, CustomerPut)]


def test_the_id_means_the_customer_and_nothing_is_sent() -> None:
    decision = accepted(NEW.when(imported()))
    assert isinstance(decision.state, Customer)
    assert decision.state.erp_ids == {"DE01": "9001"}
    assert decision.binds == (external_key("erp", "customer", "9001"),)
    assert decision.notices == (Notice("linked", {"system": "erp", "external_id": "9001"}),)
    assert decision.requests == ()


def test_the_first_snapshot_then_brings_that_record_up_to_date() -> None:
    given = NEW.after(imported())
    assert puts(given.asked(customer("DE01", "US01"))) == [("erp", "DE01", "9001"), ("us-erp", "US01", None)]


def test_a_deal_has_its_customer_at_once() -> None:
    # Given a customer that was seen in shadow, so that no ERP was asked, and an import
    shadow = POLICY.legal_entities["DE01"].model_copy(update={"flows": {Flow.CUSTOMERS: Mode.SHADOW}})
    waits = replace(NEW, policy=POLICY.model_copy(update={"legal_entities": {"DE01": shadow}})).after(
        customer("DE01"), imported()
    )
    # When the legal entity has gone live and a deal asks
    requests = replace(waits, policy=POLICY).asked(trade())
    # Then it has its answer, and no ERP is asked
    assert puts(requests) == []
    assert [each.body for each in requests if each.operation.startswith("engagement.")] == [
        CustomerReady(to="E-1", customer="C-1", legal_entity="DE01", erp_id="9001", tax_code="D19")
    ]


def test_an_import_after_a_refusal_lets_the_deal_go_on() -> None:
    # Given a deal that waits for a customer that its ERP refused to make
    first = NEW.asked(customer("DE01"))[0]
    given = NEW.after(customer("DE01"), trade())
    refused = given.after(given.refused(first))
    # When somebody finds it there, and imports its id
    decision = accepted(refused.when(imported()))
    # Then the case is over, and the deal is told
    assert decision.settles == ("erp:DE01",)
    assert [type(each.body) for each in decision.requests if each.system == SELF] == [CustomerReady]


def test_an_id_without_a_legal_entity_is_only_a_name() -> None:
    crm = imported("0015g", system="crm", legal_entity=None)
    decision = accepted(NEW.when(crm))
    assert decision.state == NEW.state
    assert decision.binds == (external_key("crm", "customer", "0015g"),)


def test_one_record_may_serve_several_legal_entities() -> None:
    state = NEW.after(imported(), imported(legal_entity="JP01")).state
    assert isinstance(state, Customer)
    assert state.erp_ids == {"DE01": "9001", "JP01": "9001"}


KNOWN = NEW.after(customer("DE01"))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (NEW.after(imported()), "erp has the customer as 9001 for DE01 already"),
        (NEW.after(imported("9000")), "erp has the customer as 9000 for DE01"),
        (KNOWN, "erp is asked to make the customer for DE01: look what comes of that first"),
        (
            replace(NEW, taken={Claim(EXTERNAL, "erp/customer/9001"): ActorKey("customer", "C-9")}),
            "9001 of erp means customer/C-9",
        ),
        (
            replace(KNOWN, others={ActorKey("customer", "C-9"): KNOWN.state}).after(merged()),
            "the customer was merged into C-9: import the id for that one",
        ),
    ],
    ids=["already", "another id", "under way", "taken", "merged"],
)
def test_what_is_not_imported_says_why(given: Given, why: str) -> None:
    assert reason_to_ignore(given.when(imported())) == why
