"""Who may change which field of a customer: what a source does not own is left as it was, and said."""

from __future__ import annotations

from dataclasses import replace

from actors.decision import Accept
from actors.entities.customer import ACTOR
from actors.policy import Ownership
from schemas.acts import Act, Acted
from schemas.customer.entity import Customer
from schemas.customer.v1 import CreditChanged, TaxProfileChanged, Upserted
from schemas.values import Money, Reference
from schemas.verdicts import FailureClass
from tests.actors.firm import SHIPYARD, credit, customer
from tests.actors.stage import POLICY, Given, accepted, reason_to_ignore

CRM, ERP, OTHER = "urn:example:crm", "urn:example:erp", "urn:example:other"


def given(*rules: Ownership, source: str = CRM) -> Given:
    """A firm whose policy has these rules."""
    systems_of = {CRM: "crm", ERP: "erp"}
    policy = POLICY.model_copy(update={"ownership": rules, "systems_of": systems_of})
    return Given(ACTOR, SHIPYARD, Customer(), policy, source=source)


def by(source: str, firm: Given, decision: Accept) -> Given:
    """After a decision, when the next event comes from `source`."""
    return replace(firm, state=decision.state, source=source)


def owned_by(owner: str, *fields: str, legal_entities: tuple[str, ...] = (), case: bool = False) -> Ownership:
    return Ownership(
        entity="customer",
        fields=fields,
        owner=owner,
        legal_entities=legal_entities,
        otherwise="case" if case else "ignore",
    )


def profile_of(decision: Accept) -> Upserted:
    assert isinstance(decision.state, Customer)
    assert decision.state.profile is not None
    return decision.state.profile


def taxed(profile: str, legal_entity: str = "DE01") -> TaxProfileChanged:
    return TaxProfileChanged(legal_entity=legal_entity, tax_profile=profile, reason="audited")


def test_without_a_rule_every_source_may_change_everything() -> None:
    decision = accepted(given(source=OTHER).when(customer(tax_id="DE1")))
    assert profile_of(decision) == customer(tax_id="DE1")
    assert decision.remarks == ()


def test_what_its_sender_does_not_own_is_left_as_it_was_and_the_rest_is_applied() -> None:
    # Given that the ERP owns the terms of payment, and has set them
    firm = given(owned_by("erp", "payment_terms"), source=ERP)
    known = accepted(firm.when(customer().model_copy(update={"payment_terms": "NET30"})))
    # When the CRM sends others, and a new name
    changed = customer(name="Shipyard North").model_copy(update={"payment_terms": "NET90"})
    decision = accepted(by(CRM, firm, known).when(changed))
    # Then the name counts, the terms do not, and the timeline says so
    assert (profile_of(decision).name, profile_of(decision).payment_terms) == ("Shipyard North", "NET30")
    assert decision.remarks == (f"payment_terms: owned by erp, {CRM} may not change it",)
    assert decision.cases == ()


def test_a_snapshot_that_leaves_out_what_it_does_not_own_does_not_empty_it() -> None:
    firm = given(owned_by("erp", "payment_terms", "tax_profile"), source=ERP)
    known = accepted(firm.when(customer().model_copy(update={"payment_terms": "NET30"})))
    decision = accepted(by(CRM, firm, known).when(customer(tax_profile=None)))
    assert (profile_of(decision).payment_terms, profile_of(decision).tax_profile) == ("NET30", "standard")
    assert decision.remarks == ()


def test_whoever_owns_a_field_empties_it_by_leaving_it_out() -> None:
    firm = given(owned_by("crm", "domain"))
    known = accepted(firm.when(customer(domain="shipyard.example")))
    assert profile_of(accepted(by(CRM, firm, known).when(customer()))).domain is None


def test_where_the_policy_wants_it_a_person_is_told_and_resolves_it() -> None:
    firm = given(owned_by("erp", "payment_terms", case=True))
    decision = accepted(firm.when(customer().model_copy(update={"payment_terms": "NET90"})))
    (case,) = decision.cases
    assert (case.topic, case.acts) == ("ownership:payment_terms", (Act.RESOLVE,))
    assert (case.failure.failure_class, case.failure.code) == (FailureClass.BUSINESS_RULE, "field_not_owned")
    resolved = Acted(topic="ownership:payment_terms", act=Act.RESOLVE, by="E-7", reason="agreed")
    assert accepted(by(OTHER, firm, decision).when(resolved)).settles == ("ownership:payment_terms",)


def test_the_first_rule_that_fits_counts() -> None:
    rules = (owned_by("crm", "payment_terms", legal_entities=("DE01",)), owned_by("erp", "payment_terms"))
    terms = {"payment_terms": "NET90"}
    assert profile_of(accepted(given(*rules).when(customer("DE01").model_copy(update=terms)))).payment_terms == "NET90"
    assert profile_of(accepted(given(*rules).when(customer("US01").model_copy(update=terms)))).payment_terms is None


def test_a_source_that_speaks_for_no_system_owns_nothing() -> None:
    decision = accepted(given(owned_by("erp", "domain"), source=OTHER).when(customer(domain="a.example")))
    assert profile_of(decision).domain is None
    assert decision.remarks == (f"domain: owned by erp, {OTHER} may not change it",)


def test_a_first_snapshot_brings_the_name_whoever_sends_it() -> None:
    firm = given(owned_by("erp", "name", "country", "currency", "legal_entities"))
    decision = accepted(firm.when(customer()))
    assert profile_of(decision).name == "Shipyard"
    renamed = accepted(by(CRM, firm, decision).when(customer(name="Harbour")))
    assert profile_of(renamed).name == "Shipyard"


def test_legal_entities_come_and_go_each_by_its_owner() -> None:
    # Given that the ERP says whether US01 trades with a customer
    firm = given(owned_by("erp", "legal_entities", legal_entities=("US01",)))
    known = accepted(firm.when(customer("DE01")))
    # When the CRM adds US01 and JP01, then only JP01 comes
    added = accepted(by(CRM, firm, known).when(customer("DE01", "US01", "JP01")))
    assert profile_of(added).legal_entities == ("DE01", "JP01")
    assert added.remarks == (f"legal_entities of US01: owned by erp, {CRM} may not change it",)
    # And when the ERP has added it, the CRM cannot take it away
    both = accepted(by(ERP, firm, added).when(customer("DE01", "US01", "JP01")))
    assert profile_of(accepted(by(CRM, firm, both).when(customer("DE01")))).legal_entities == ("DE01", "US01")


def test_the_tax_profile_may_have_another_owner_in_each_legal_entity() -> None:
    # Given that the ERP of DE01 owns how it taxes
    firm = given(owned_by("erp", "tax_profile", legal_entities=("DE01",)))
    # When the CRM says how the customer is taxed, then that counts in US01 alone
    decision = accepted(firm.when(customer("DE01", "US01")))
    assert isinstance(decision.state, Customer)
    assert (decision.state.tax_profile("DE01"), decision.state.tax_profile("US01")) == (None, "standard")
    assert [case.topic for case in decision.cases] == ["erp:DE01"]
    assert decision.cases[0].failure.code == "tax_profile_missing"
    # And once the ERP has said it, the customer is put there, and the case is closed
    taxed_now = accepted(by(ERP, firm, decision).when(taxed("reduced")))
    assert [request.system for request in taxed_now.requests if request.operation == "customer.put"] == ["erp"]
    assert taxed_now.settles == ("erp:DE01",)
    assert isinstance(taxed_now.state, Customer)
    assert taxed_now.state.tax_codes == {"DE01": "D7", "US01": "US0"}
    # And stays so when the CRM sends the customer again
    again = accepted(by(CRM, firm, taxed_now).when(customer("DE01", "US01")))
    assert isinstance(again.state, Customer)
    assert again.state.tax_codes == {"DE01": "D7", "US01": "US0"}


def test_a_tax_profile_from_somebody_else_is_ignored_with_its_reason() -> None:
    firm = given(owned_by("erp", "tax_profile"))
    assert reason_to_ignore(firm.when(taxed("reduced"))) == (
        f"tax_profile of DE01: owned by erp, {CRM} may not change it"
    )
    case = accepted(given(owned_by("erp", "tax_profile", case=True)).when(taxed("reduced")))
    assert [each.topic for each in case.cases] == ["ownership:tax_profile"]


def test_a_tax_profile_before_the_customer_is_remembered() -> None:
    known = accepted(given(source=ERP).when(taxed("reduced")))
    decision = accepted(by(CRM, given(), known).when(customer(tax_profile=None)))
    assert isinstance(decision.state, Customer)
    assert decision.state.tax_codes == {"DE01": "D7"}


def test_a_credit_hold_is_finances_own() -> None:
    both = given(owned_by("erp", "on_hold", "credit_limit"))
    assert "on_hold: owned by erp" in reason_to_ignore(both.when(credit(on_hold=True)))
    firm = given(owned_by("erp", "on_hold"))
    limit = CreditChanged(on_hold=True, credit_limit=Money(amount="5.00", currency="EUR"), reason="reviewed")
    decision = accepted(firm.when(limit))
    assert isinstance(decision.state, Customer)
    assert (decision.state.on_hold, decision.state.credit_limit) == (False, limit.credit_limit)
    assert decision.remarks == (f"on_hold: owned by erp, {CRM} may not change it",)


def test_a_parent_that_is_not_its_senders_to_change_stays() -> None:
    firm = given(owned_by("erp", "parent"), source=ERP)
    known = accepted(firm.when(customer(parent="C-2")))
    decision = accepted(by(CRM, firm, known).when(customer(parent="C-3")))
    assert profile_of(decision).parent == Reference(id="C-2")
