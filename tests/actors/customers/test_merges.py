"""A customer turns out to be another one: whatever names it means the other from then on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.decision import STEPS, Context, Decision, Snapshot
from actors.entities.customer import ACTOR
from actors.entities.engagement import ACTOR as ENGAGEMENT
from actors.policy import Flow, Mode
from schemas.acts import Act, Acted
from schemas.bindings import Binding
from schemas.bound import Bound
from schemas.commands import SELF
from schemas.customer.entity import Customer
from schemas.customer.v1 import Absorbed, Merged
from schemas.directory.v1 import Unlisted
from schemas.engagement.entity import Engagement
from schemas.engagement.v1 import CustomerMoved
from schemas.facts import Claim, Notice
from schemas.keys import ActorKey, external_key
from schemas.operations.customer import CustomerPut
from schemas.values import Reference
from tests.actors.firm import SHIPYARD, WON, credit, customer, deal, known_customer, merged, trade
from tests.actors.stage import NOW, POLICY, Given, accepted, awaited, reason_to_ignore

WINNER = ActorKey("customer", "C-9")
GONE = Customer(status="merged", merged_into="C-9")
NEW = Given(ACTOR, SHIPYARD, Customer(), others={WINNER: known_customer()})


def test_a_merged_customer_gives_back_its_claims_and_its_record_is_put_on_hold() -> None:
    # Given a customer that the ERP has, for which two engagements have asked
    given = NEW.after(customer(tax_id="DE1"))
    given = given.after(given.confirmed(NEW.asked(customer(tax_id="DE1"))[0], "10001"), trade("E-1"), trade("E-2"))
    # When it is merged
    decision = accepted(given.when(merged()))
    # Then its claims are free
    assert set(decision.releases) == {Claim("customer.tax_id", "DE/DE1"), Claim("customer.name", "DE/shipyard")}
    # And the ERP's record of it is put on hold
    (put,) = [request for request in decision.requests if request.system != SELF]
    assert isinstance(put.body, CustomerPut)
    assert (put.system, put.body.on_hold) == ("erp", True)
    # And engagements and the directory are told, each once
    assert [request.body for request in decision.requests if request.system == SELF] == [
        CustomerMoved(to="E-1", customer="C-1", into="C-9"),
        CustomerMoved(to="E-2", customer="C-1", into="C-9"),
        Unlisted(to="DE/shi", customer="C-1"),
        Absorbed(to="C-9", customer="C-1"),
    ]
    assert decision.notices == (Notice("merged", {"into": "C-9"}),)


def outside(decision: Decision) -> list[str]:
    """Which operations other systems are asked for."""
    return [request.operation for request in accepted(decision).requests if request.system != SELF]


def test_an_erp_that_has_refused_it_is_not_asked_to_hold_what_it_does_not_have() -> None:
    # Given a customer that the ERP refuses from the start
    (put,) = [request for request in NEW.asked(customer()) if request.operation == "customer.put"]
    given = NEW.after(customer())
    given = given.after(given.refused(put))
    # When it is merged, then the ERP is asked for nothing, and nothing is left to settle
    decision = accepted(given.when(merged()))
    assert outside(decision) == []
    assert "erp:DE01" in decision.settles
    assert isinstance(decision.state, Customer)
    assert decision.state.failures == {}


def test_one_that_is_refused_once_it_was_merged_is_let_go_by_a_retry() -> None:
    # Given a customer that is merged while the ERP has yet to answer, and refuses it in the end
    given = NEW.after(customer())
    merge = accepted(given.when(merged()))
    (hold,) = [request for request in merge.requests if request.operation == "customer.put"]
    given = given.after(merged())
    refused = accepted(given.when(given.refused(hold)))
    assert [case.topic for case in refused.cases] == ["erp:DE01"]
    # When a person has it tried again, then there is nothing to hold, and the case is closed
    retry = Acted(topic="erp:DE01", act=Act.RETRY, by="E-7", reason="it was merged")
    retried = replace(given, state=refused.state).when(retry)
    assert outside(retried) == []
    assert accepted(retried).settles == ("erp:DE01",)


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (Mode.OFF, "DE01 runs no customers: nothing is sent for it"),
        (Mode.SHADOW, "shadow: would ask erp for customer.put of DE01"),
    ],
)
def test_a_legal_entity_that_is_not_live_is_not_asked_to_hold_it_and_a_person_is_told(mode: Mode, said: str) -> None:
    # Given a customer that the ERP of a legal entity has, whose customers do not run live any more
    given = NEW.after(customer())
    given = given.after(given.confirmed(NEW.asked(customer())[0], "10001"))
    quiet = POLICY.legal_entities["DE01"].model_copy(update={"flows": {Flow.CUSTOMERS: mode}})
    policy = POLICY.model_copy(update={"legal_entities": {**POLICY.legal_entities, "DE01": quiet}})
    # When it is merged
    decision = replace(given, policy=policy).when(merged())
    # Then its ERP is asked for nothing, and the timeline says what is left to do by hand
    assert outside(decision) == []
    assert accepted(decision).remarks == (said, "erp does not hold 10001 of DE01: hold it there by hand")


def test_a_record_is_put_on_hold_though_the_customer_has_lost_its_tax_profile() -> None:
    # Given a customer that the ERP has, whose tax profile is gone
    given = NEW.after(customer())
    given = given.after(given.confirmed(NEW.asked(customer())[0], "10001"), customer(tax_profile=None))
    assert isinstance(given.state, Customer)
    assert given.state.failures["DE01"].code == "tax_profile_missing"
    # When it is merged
    decision = accepted(given.when(merged()))
    # Then its record is held with the tax code that it had, and nothing is left to settle
    (put,) = [request for request in decision.requests if request.operation == "customer.put"]
    assert isinstance(put.body, CustomerPut)
    assert (put.body.on_hold, put.body.tax_code, put.body.erp_id) == (True, "D19", "10001")
    assert (decision.cases, "erp:DE01" in decision.settles) == ((), True)


def test_a_record_that_cannot_be_put_on_hold_is_named_to_a_person() -> None:
    # Given a customer that the ERP had before, and that never had a tax profile
    imported = Bound(to=SHIPYARD.id, system="erp", kind="customer", legal_entity="DE01", external_id="10001")
    given = NEW.after(customer(tax_profile=None), imported)
    # When it is merged, then the case stays open and says what to do
    decision = accepted(given.when(merged()))
    (case,) = decision.cases
    assert (case.topic, case.failure.code, case.acts) == ("erp:DE01", "not_held", (Act.RESOLVE,))
    assert "10001" in case.failure.reason
    assert "erp:DE01" not in decision.settles
    # And it is closed once somebody has done it
    resolved = Acted(topic="erp:DE01", act=Act.RESOLVE, by="E-7", reason="held by hand")
    settled = accepted(given.after(merged()).when(resolved))
    assert settled.settles == ("erp:DE01",)
    assert isinstance(settled.state, Customer)
    assert settled.state.failures == {}


def test_an_erp_that_has_it_under_an_id_that_nobody_knows_is_asked_to_hold_it() -> None:
    (put,) = [request for request in NEW.asked(customer()) if request.operation == "customer.put"]
    given = NEW.after(customer())
    assert outside(given.after(given.confirmed(put, None)).when(merged())) == ["customer.put"]


def test_one_that_is_on_hold_says_so_when_the_other_is_not() -> None:
    assert accepted(NEW.after(customer(), credit(on_hold=True)).when(merged())).remarks == (
        "it was on credit hold, and C-9 is not",
    )


def test_it_waits_until_the_other_is_known() -> None:
    nobody = replace(NEW, others={})
    assert awaited(nobody.when(merged())) == WINNER
    assert awaited(replace(NEW, others={WINNER: Customer(on_hold=True)}).when(merged())) == WINNER
    unbound = Merged(into=Reference(system="crm", external_id="ACC-9"))
    assert awaited(nobody.when(unbound)) == external_key("crm", "customer", "ACC-9")


def test_into_one_that_was_merged_itself_means_the_one_that_stays() -> None:
    others = {ActorKey("customer", "C-5"): GONE, WINNER: known_customer()}
    decision = accepted(replace(NEW, others=others).after(customer()).when(merged("C-5")))
    assert isinstance(decision.state, Customer)
    assert decision.state.merged_into == "C-9"


def test_a_circle_is_refused_and_changes_nothing() -> None:
    given = replace(NEW, others={WINNER: Customer(status="merged", merged_into="C-1")}).after(customer())
    for into in ("C-9", "C-1"):
        decision = accepted(given.when(merged(into)))
        assert decision.state == given.state
        assert [(case.topic, case.failure.code) for case in decision.cases] == [("merge", "merge_circle")]


def test_what_comes_later_for_it_is_ignored_and_names_the_other() -> None:
    given = NEW.after(customer(), merged())
    for late in (customer(name="Shipyard AG"), credit(on_hold=True), merged("C-7")):
        assert "C-9" in reason_to_ignore(given.when(late))


def test_the_id_that_the_erp_gives_it_afterwards_means_the_other() -> None:
    # Given a customer that is merged before the ERP has answered
    given = NEW.after(customer(), merged())
    # When the ERP answers
    decision = accepted(given.when(given.confirmed(NEW.asked(customer())[0], "10001")))
    # Then its id is bound to the one that is gone, which stands for the other
    assert decision.binds == (external_key("erp", "customer", "10001"),)
    assert [request for request in decision.requests if request.operation.startswith("engagement.")] == []


def engaged(decision: Decision) -> str | None:
    """The customer of a deal that was taken on."""
    state = accepted(decision).state
    assert isinstance(state, Engagement)
    return state.customer


def test_a_deal_of_it_is_a_deal_of_the_other() -> None:
    given = Given(ENGAGEMENT, WON, Engagement(), others={SHIPYARD: GONE, WINNER: known_customer()})
    assert engaged(given.when(deal())) == "C-9"


def test_a_deal_that_names_it_by_the_id_of_another_system_is_one_of_the_other() -> None:
    there = external_key("crm", "customer", "ACC-1")
    others = {there: Binding(entity="customer", id="C-1"), SHIPYARD: GONE, WINNER: known_customer()}
    named = deal().model_copy(update={"customer": Reference(system="crm", external_id="ACC-1")})
    assert engaged(Given(ENGAGEMENT, WON, Engagement(), others=others).when(named)) == "C-9"


def test_a_deal_waits_for_the_one_that_stays() -> None:
    given = Given(ENGAGEMENT, WON, Engagement(), others={SHIPYARD: GONE, WINNER: Customer()})
    assert awaited(given.when(deal())) == WINNER


def test_a_reference_is_followed_only_so_far() -> None:
    keys = [ActorKey("customer", f"C-{n}") for n in range(STEPS + 5)]
    references = {key: Snapshot(key, 1, Customer(merged_into=f"C-{n + 1}")) for n, key in enumerate(keys)}
    found = Context(WON, NOW, POLICY, references).find(keys[0])
    assert found.key == keys[STEPS]
