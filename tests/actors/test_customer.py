"""Customer: the CRM's record reaches the ERP of each legal entity that trades with it, once per change."""

from __future__ import annotations

from dataclasses import replace

from actors.decision import Accept, Decision, Request
from actors.entities.customer import ACTOR
from schemas.acts import Act
from schemas.commands import SELF
from schemas.customer.entity import Customer
from schemas.facts import Case, Claim, Notice
from schemas.keys import external_key
from schemas.operations.customer import CustomerPut
from schemas.project.v1 import Activated
from schemas.record import Record
from schemas.verdicts import FailureClass
from tests.actors.firm import MONDAY, SHIPYARD, credit, customer
from tests.actors.stage import POLICY, REFUSED, Given, accepted, event_of, reason_to_ignore

NEW = Given(ACTOR, SHIPYARD, Customer())


def asked_of_erps(decision: Accept) -> tuple[Request, ...]:
    """What is asked of other systems."""
    return tuple(request for request in decision.requests if request.system != SELF)


def erps(given: Given, happened: Record) -> tuple[Request, ...]:
    """What is asked of them when `happened` is accepted."""
    return asked_of_erps(accepted(given.when(happened)))


def test_a_new_customer_is_put_into_the_erp_with_the_erps_own_tax_code() -> None:
    (request,) = erps(NEW, customer("DE01", tax_id="DE999999999"))
    assert (request.system, request.operation, numbered(request)) == ("erp", "customer.put", "DE01.1")
    assert request.body == CustomerPut(
        customer_id="C-1", legal_entity="DE01", name="Shipyard", country="DE", tax_id="DE999999999", tax_code="D19",
        currency="EUR", on_hold=False,
    )  # fmt: skip


def numbered(request: Request) -> str:
    """The line without the digest of its content."""
    return request.line.rpartition(".")[0]


def test_the_same_number_with_another_content_is_another_command() -> None:
    """As after a restore, where sources publish again what was lost, in another order among them."""
    one, other = (NEW.asked(customer(name=name))[0].line for name in ("Shipyard", "Shipyard AG"))
    again = NEW.asked(customer(name="Shipyard"))[0].line
    assert one == again
    assert one != other


def test_each_legal_entity_that_trades_with_it_gets_it_in_its_own_erp() -> None:
    requests = erps(NEW, customer("DE01", "US01"))
    assert [(request.system, numbered(request)) for request in requests] == [("erp", "DE01.1"), ("us-erp", "US01.1")]


def test_a_change_is_another_command() -> None:
    (request,) = erps(NEW.after(customer()), customer(name="Shipyard AG"))
    assert numbered(request) == "DE01.2"
    assert isinstance(request.body, CustomerPut)
    assert request.body.name == "Shipyard AG"


def stands(decision: Decision) -> Case:
    """The one case that a decision opens, with nothing parked."""
    (case,) = accepted(decision).cases
    assert case.acts[0] == Act.RETRY
    return case


def test_without_a_tax_profile_a_person_must_set_one() -> None:
    decision = NEW.when(customer(tax_profile=None))
    failure = stands(decision).failure
    assert (failure.failure_class, failure.code, failure.field) == (
        FailureClass.MAPPING, "tax_profile_missing", "tax_profile",
    )  # fmt: skip
    assert asked_of_erps(accepted(decision)) == ()


def test_a_tax_profile_that_the_policy_does_not_map_is_named_and_the_others_go_on() -> None:
    decision = NEW.when(customer("DE01", "US01", tax_profile="reduced"))
    case = stands(decision)
    assert (case.topic, case.failure.failure_class, case.failure.code) == (
        "erp:US01", FailureClass.MAPPING, "tax_profile_unmapped",
    )  # fmt: skip
    assert "reduced of US01" in case.failure.reason
    assert [request.system for request in asked_of_erps(accepted(decision))] == ["erp"]


def test_a_legal_entity_that_the_policy_does_not_know_is_named() -> None:
    failure = stands(NEW.when(customer("FR01"))).failure
    assert (failure.code, failure.field) == ("legal_entity_unmapped", "legal_entities")
    assert "FR01" in failure.reason


def test_a_case_is_closed_when_its_cause_is_gone() -> None:
    assert accepted(NEW.after(customer(tax_profile=None)).when(customer())).settles == ("erp:DE01",)
    assert accepted(NEW.after(customer("DE01", "FR01")).when(customer())).settles == ("erp:FR01",)


def test_what_it_alone_may_have_is_claimed_once() -> None:
    profile = customer(tax_id="DE1", domain="shipyard.example")
    claims = (
        Claim("customer.tax_id", "DE/DE1"),
        Claim("customer.name", "DE/shipyard"),
        Claim("customer.domain", "shipyard.example"),
    )
    assert accepted(NEW.when(profile)).claims == claims
    assert accepted(NEW.after(profile).when(profile)).claims == ()


def test_a_corrected_tax_id_gives_the_wrong_one_back() -> None:
    wrong = replace(NEW, state=accepted(NEW.when(customer(tax_id="DE1"))).state)
    right = accepted(wrong.when(customer(tax_id="DE2")))
    assert right.claims == (Claim("customer.tax_id", "DE/DE2"),)
    assert right.releases == (Claim("customer.tax_id", "DE/DE1"),)


def test_a_credit_hold_reaches_the_erp() -> None:
    (request,) = erps(NEW.after(customer()), credit(on_hold=True))
    assert isinstance(request.body, CustomerPut)
    assert request.body.on_hold
    assert numbered(request) == "DE01.2"


def test_a_credit_hold_before_the_crms_record_is_remembered() -> None:
    held = NEW.after(credit(on_hold=True))
    assert NEW.asked(credit(on_hold=True)) == ()
    (request,) = erps(held, customer())
    assert isinstance(request.body, CustomerPut)
    assert request.body.on_hold


def test_a_credit_hold_still_needs_the_mapping() -> None:
    given = replace(NEW.after(customer()), policy=POLICY.model_copy(update={"legal_entities": {}}))
    assert stands(given.when(credit(on_hold=True))).failure.code == "legal_entity_unmapped"


def test_the_erps_id_is_kept_bound_and_told() -> None:
    given = NEW.after(customer())
    decision = accepted(given.when(given.confirmed(NEW.asked(customer())[0], "10042")))
    assert isinstance(decision.state, Customer)
    assert decision.state.erp_ids == {"DE01": "10042"}
    assert decision.binds == (external_key("erp", "customer", "10042"),)
    assert decision.notices == (Notice("linked", {"system": "erp", "external_id": "10042"}),)


def test_the_same_id_again_is_no_news() -> None:
    confirmed = NEW.confirmed(NEW.asked(customer())[0], "10042")
    assert reason_to_ignore(NEW.after(customer(), confirmed).when(confirmed))


def test_an_erp_that_names_no_id_is_no_news_once_it_is_known() -> None:
    given = NEW.after(customer())
    first = NEW.asked(customer())[0]
    assert stands(given.when(given.confirmed(first, None))).failure.code == "id_missing"
    assert reason_to_ignore(given.after(given.confirmed(first, "10042")).when(given.confirmed(first, None)))


def test_an_erp_that_changed_its_mind_about_the_id_is_believed() -> None:
    first, second = (NEW.confirmed(NEW.asked(customer())[0], id) for id in ("10042", "10043"))
    decision = accepted(NEW.after(customer(), first).when(second))
    assert isinstance(decision.state, Customer)
    assert decision.state.erp_ids == {"DE01": "10043"}


def test_what_the_erp_refuses_is_a_persons_case() -> None:
    given = NEW.after(customer())
    case = stands(given.when(given.refused(NEW.asked(customer())[0])))
    assert (case.topic, case.failure) == ("erp:DE01", REFUSED)


def test_an_event_of_another_entity_changes_nothing() -> None:
    foreign = event_of(SHIPYARD, Activated(activated_on=MONDAY)).data
    assert "project.activated.v1" in reason_to_ignore(NEW.when(foreign))
