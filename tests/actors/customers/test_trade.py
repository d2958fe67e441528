"""Engagements ask for a customer: it is put once, and each of them is told what became of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from actors.decision import Request
from actors.entities.customer import ACTOR
from actors.policy import Flow, Mode, Successor
from schemas.acts import Act, Acted
from schemas.commands import SELF
from schemas.customer.entity import Customer
from schemas.engagement.v1 import CustomerMoved, CustomerReady, CustomerRefused
from schemas.verdicts import FailureClass
from tests.actors.firm import MONDAY, SHIPYARD, credit, customer, merged, trade
from tests.actors.stage import POLICY, REFUSED, Given, accepted

NEW = Given(ACTOR, SHIPYARD, Customer())
KNOWN = NEW.after(customer("DE01"))


def puts(requests: tuple[Request, ...]) -> list[tuple[str, str]]:
    """Which systems are asked, for which legal entity."""
    return [(each.system, each.line.split(".")[0]) for each in requests if each.operation == "customer.put"]


def told(requests: tuple[Request, ...]) -> list[object]:
    """What engagements are told."""
    return [each.body for each in requests if each.system == SELF and each.operation.startswith("engagement.")]


def codes(requests: tuple[Request, ...]) -> list[tuple[str, str]]:
    """Which engagements are refused, and why."""
    return [(body.to, body.code) for body in told(requests) if isinstance(body, CustomerRefused)]


def retried(topic: str) -> Acted:
    return Acted(topic=topic, act=Act.RETRY, by="E-7", reason="mended")


def test_two_engagements_ask_at_once_and_the_customer_is_put_once() -> None:
    # Given a customer of DE01, which US01 does not know
    first = accepted(KNOWN.when(trade("E-1", "US01")))
    # When two engagements ask for it in US01 before its ERP has answered
    second = accepted(replace(KNOWN, state=first.state).when(trade("E-2", "US01")))
    # Then the ERP is asked once, and nobody is told anything yet
    assert puts(first.requests) == [("us-erp", "US01")]
    assert puts(second.requests) == []
    assert told(first.requests) == told(second.requests) == []
    # And both are told when it has answered
    given = replace(KNOWN, state=second.state)
    assert told(accepted(given.when(given.confirmed(first.requests[0], "77"))).requests) == [
        CustomerReady(to=to, customer="C-1", legal_entity="US01", erp_id="77", tax_code="US0") for to in ("E-1", "E-2")
    ]


def test_an_engagement_that_asks_while_the_first_put_is_under_way_waits_for_it() -> None:
    assert accepted(KNOWN.when(trade())).requests == ()


def test_an_engagement_is_told_at_once_where_the_erp_has_the_customer() -> None:
    given = KNOWN.after(KNOWN.confirmed(NEW.asked(customer("DE01"))[0], "10042"))
    asked = accepted(given.when(trade()))
    assert puts(asked.requests) == []
    assert told(asked.requests) == [
        CustomerReady(to="E-1", customer="C-1", legal_entity="DE01", erp_id="10042", tax_code="D19")
    ]
    # And told again when it asks again, but not because of anything else
    again = replace(given, state=asked.state)
    assert len(told(again.asked(trade()))) == 1
    assert told(again.asked(customer("DE01", name="Shipyard AG"))) == []


def test_each_answer_is_a_command_of_its_own() -> None:
    given = KNOWN.after(KNOWN.confirmed(NEW.asked(customer("DE01"))[0], "10042"))
    first = accepted(given.when(trade()))
    second = accepted(replace(given, state=first.state).when(trade()))
    lines = [request.line for request in (*first.requests, *second.requests)]
    assert len(set(lines)) == 2


def test_a_legal_entity_that_an_engagement_brought_in_stays_when_the_crm_leaves_it_out() -> None:
    given = KNOWN.after(trade("E-1", "US01"))
    assert puts(given.asked(customer("DE01", name="Shipyard AG"))) == [("erp", "DE01"), ("us-erp", "US01")]


def test_a_missing_mapping_is_told_and_made_good_by_a_retry() -> None:
    # Given an engagement of a legal entity that the policy does not know
    asked = accepted(KNOWN.when(trade("E-1", "FR01")))
    assert codes(asked.requests) == [("E-1", "legal_entity_unmapped")]
    assert [(case.topic, case.acts, case.failure.failure_class) for case in asked.cases] == [
        ("erp:FR01", (Act.RETRY, Act.RESOLVE), FailureClass.MAPPING)
    ]
    # When the policy knows it, and somebody retries
    france = POLICY.legal_entities["DE01"].model_copy(update={"erp": "fr-erp"})
    policy = POLICY.model_copy(update={"legal_entities": {**POLICY.legal_entities, "FR01": france}})
    given = replace(KNOWN, state=asked.state, policy=policy)
    mended = accepted(given.when(retried("erp:FR01")))
    # Then its ERP is asked, the case is closed, and the engagement is told once it answers
    assert puts(mended.requests) == [("fr-erp", "FR01")]
    assert mended.settles == ("erp:FR01",)
    given = replace(given, state=mended.state)
    assert isinstance(told(accepted(given.when(given.confirmed(mended.requests[0], "F1"))).requests)[0], CustomerReady)


def test_what_the_erp_refuses_for_good_is_told_and_tried_again_after_a_change() -> None:
    # Given an engagement that waits for the ERP
    given = KNOWN.after(trade())
    # When the ERP refuses the customer
    refused = accepted(given.when(given.refused(NEW.asked(customer("DE01"))[0])))
    # Then the engagement is told, and a person may retry
    assert codes(refused.requests) == [("E-1", REFUSED.code)]
    assert [(case.topic, case.failure, case.acts) for case in refused.cases] == [("erp:DE01", REFUSED, (Act.RETRY,))]
    # And a new record of the customer is another try, after which the engagement is told again
    given = replace(given, state=refused.state)
    better = accepted(given.when(customer("DE01", name="Shipyard AG")))
    assert puts(better.requests) == [("erp", "DE01")]
    assert better.settles == ("erp:DE01",)
    given = replace(given, state=better.state)
    answers = told(accepted(given.when(given.confirmed(better.requests[0], "10042"))).requests)
    assert [type(answer) for answer in answers] == [CustomerReady]


def test_a_refusal_of_a_state_that_was_replaced_is_no_news() -> None:
    given = KNOWN.after(customer("DE01", name="Shipyard AG"))
    assert "later one" in str(given.when(given.refused(NEW.asked(customer("DE01"))[0])))


def test_on_hold_it_is_refused_and_told_again_once_released() -> None:
    # Given a customer on hold that the ERP has
    held = KNOWN.after(KNOWN.confirmed(NEW.asked(customer("DE01"))[0], "10042"), credit(on_hold=True))
    # When an engagement asks, then it is refused
    asked = accepted(held.when(trade()))
    assert codes(asked.requests) == [("E-1", "credit_hold")]
    # And told once finance releases the hold
    freed = replace(held, state=asked.state).asked(credit(on_hold=False))
    assert [type(answer) for answer in told(freed)] == [CustomerReady]


def test_a_customer_that_nobody_has_sent_is_refused_and_told_once_it_comes() -> None:
    asked = accepted(NEW.when(trade()))
    assert codes(asked.requests) == [("E-1", "customer_unknown")]
    given = replace(NEW, state=asked.state)
    came = accepted(given.when(customer("US01")))
    assert puts(came.requests) == [("us-erp", "US01"), ("erp", "DE01")]


def test_two_erps_side_by_side_each_get_what_begins_in_their_time() -> None:
    # Given a legal entity whose new ERP takes over in May
    later = Successor(system="new-erp", from_on=date(2026, 5, 1))
    germany = POLICY.legal_entities["DE01"].model_copy(update={"successors": {"erp": (later,)}})
    policy = POLICY.model_copy(update={"legal_entities": {**POLICY.legal_entities, "DE01": germany}})
    given = replace(KNOWN, policy=policy).after(KNOWN.confirmed(NEW.asked(customer("DE01"))[0], "10042"))
    # When engagements of March and of June ask
    march = accepted(given.when(trade("E-1", on=MONDAY)))
    june = accepted(replace(given, state=march.state).when(trade("E-2", on=date(2026, 6, 1))))
    # Then the former has it where it was begun, and the latter gets it in the new one
    assert [type(answer) for answer in told(march.requests)] == [CustomerReady]
    assert puts(june.requests) == [("new-erp", "DE01")]
    assert told(june.requests) == []
    given = replace(given, state=june.state)
    answers = told(accepted(given.when(given.confirmed(june.requests[0], "N-1"))).requests)
    assert [answer.erp_id for answer in answers if isinstance(answer, CustomerReady)] == ["N-1"]
    # And from then on both are kept up to date
    assert puts(given.asked(customer("DE01", name="Shipyard AG"))) == [("erp", "DE01"), ("new-erp", "DE01")]


def test_a_legal_entity_in_shadow_is_sent_nothing_and_says_what_it_would_be_sent() -> None:
    shadow = POLICY.legal_entities["DE01"].model_copy(update={"flows": {Flow.CUSTOMERS: Mode.SHADOW}})
    policy = POLICY.model_copy(update={"legal_entities": {**POLICY.legal_entities, "DE01": shadow}})
    given = replace(NEW, policy=policy)
    decision = accepted(given.when(customer("DE01", "US01")))
    assert puts(decision.requests) == [("us-erp", "US01")]
    assert decision.remarks == ("shadow: would ask erp for customer.put of DE01",)
    assert codes(given.after(customer("DE01")).asked(trade())) == [("E-1", "customers_not_live")]


def test_where_the_policy_sends_no_customers_whoever_asks_is_told() -> None:
    nowhere = POLICY.legal_entities["DE01"].model_copy(update={"operations": {"customer.put": None}})
    policy = POLICY.model_copy(update={"legal_entities": {**POLICY.legal_entities, "DE01": nowhere}})
    given = replace(NEW, policy=policy).after(customer("DE01"))
    assert codes(given.asked(trade())) == [("E-1", "customers_unrouted")]


def test_an_engagement_that_asks_for_a_customer_that_was_merged_is_sent_on() -> None:
    winner = Given(ACTOR, SHIPYARD, Customer()).after(customer(name="Winner"))
    given = replace(KNOWN, others={SHIPYARD._replace(id="C-9"): winner.state}).after(merged("C-9"))
    assert told(given.asked(trade("E-5"))) == [CustomerMoved(to="E-5", customer="C-1", into="C-9")]
