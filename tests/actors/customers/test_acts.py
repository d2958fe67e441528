"""A person acts on what an ERP cannot get of a customer: what is done, or why nothing can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from actors.customers.suspicion import TOPIC as DUPLICATE
from actors.decision import Accept, Request
from actors.entities.customer import ACTOR
from actors.policy import Policy, Successor
from schemas.acts import Act, Acted
from schemas.bound import Bound
from schemas.customer.entity import Customer, ErpRecord
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.operations.customer import CustomerPut
from schemas.verdicts import Failure, FailureClass
from tests.actors.firm import SHIPYARD, customer, known_customer, merged, trade
from tests.actors.stage import POLICY, Given, accepted, reason_to_ignore

WINNER = ActorKey("customer", "C-9")
NEW = Given(ACTOR, SHIPYARD, Customer(), others={WINNER: known_customer()})
JUNE = date(2026, 6, 1)
GERMANY = POLICY.legal_entities["DE01"]
BESIDE = Successor(system="new-erp", from_on=date(2026, 5, 1))
SIDE_BY_SIDE = POLICY.model_copy(
    update={
        "legal_entities": {
            **POLICY.legal_entities,
            "DE01": GERMANY.model_copy(update={"successors": {"erp": (BESIDE,)}}),
        }
    }
)
"""DE01 has two ERPs, the new one for what begins from May."""


def did(act: Act, topic: str = "erp:DE01") -> Acted:
    """What a person does about an ERP."""
    return Acted(topic=topic, act=act, by="E-7", reason="looked into it")


def puts(requests: tuple[Request, ...]) -> list[tuple[str, str | None, bool]]:
    """Which systems are asked, under which of their ids, and whether to hold it."""
    bodies = [(each.system, each.body) for each in requests if isinstance(each.body, CustomerPut)]
    return [(system, body.erp_id, body.on_hold) for system, body in bodies]


def imported(external_id: str, legal_entity: str = "DE01", system: str = "erp") -> Bound:
    """A person says that the ERP has it already."""
    return Bound(to=SHIPYARD.id, system=system, kind="customer", legal_entity=legal_entity, external_id=external_id)


def without(code: str) -> Policy:
    """The policy, which has lost a legal entity."""
    rest = {other: entity for other, entity in POLICY.legal_entities.items() if other != code}
    return POLICY.model_copy(update={"legal_entities": rest})


def refusal_of(given: Given, system: str = "erp") -> Accept:
    """What an ERP of DE01 brings about that refuses what it was asked last."""
    assert isinstance(given.state, Customer)
    row = given.state.record("DE01", system)
    assert row is not None
    assert row.line is not None
    body = next(each.body for each in NEW.asked(customer()) if each.operation == "customer.put")
    return accepted(given.when(given.refused(Request(system, "customer.put", row.line, body))))


def refused_for_good(given: Given, system: str = "erp") -> Given:
    """The customer after an ERP of DE01 has refused what it was asked last."""
    return replace(given, state=refusal_of(given, system).state)


def left_and_sent() -> Given:
    """One ERP has the customer with a tax code, the other without any, and it has no tax profile any more."""
    given = replace(NEW, policy=SIDE_BY_SIDE).after(customer(tax_profile=None), imported("10001"))
    row = ErpRecord(legal_entity="DE01", system="new-erp", line="DE01.1", external_id="N-1", tax_code="D19")
    assert isinstance(given.state, Customer)
    return replace(given, state=given.state.model_copy(update={"records": (*given.state.records, row)}))


def test_of_two_erps_one_is_held_and_the_other_is_named_to_a_person() -> None:
    # Given a customer that two ERPs of a legal entity have, of which the first never had a tax code
    given = left_and_sent()
    # When it is merged
    decision = accepted(given.when(merged()))
    # Then the second is asked to hold it, and a person to hold it in the first
    assert puts(decision.requests) == [("new-erp", "N-1", True)]
    (case,) = decision.cases
    assert (case.topic, case.failure.code, case.acts) == ("erp:DE01", "not_held", (Act.RESOLVE,))
    assert "10001 in erp" in case.failure.reason
    assert "N-1" not in case.failure.reason
    # And a retry, which would come to the same, says what to do
    assert "hold it there by hand" in reason_to_ignore(given.after(merged()).when(did(Act.RETRY)))


def test_a_record_that_is_held_is_named_though_the_other_erp_has_refused_the_customer() -> None:
    # Given the same customer, which the second ERP has refused from the start
    given = left_and_sent()
    assert isinstance(given.state, Customer)
    nowhere = given.state.records[1].model_copy(update={"line": None, "external_id": None})
    given = replace(given, state=given.state.model_copy(update={"records": (given.state.records[0], nowhere)}))
    decision = accepted(given.when(merged()))
    assert puts(decision.requests) == []
    assert [(case.topic, case.failure.code) for case in decision.cases] == [("erp:DE01", "not_held")]


def test_a_record_of_a_customer_that_nobody_has_sent_is_held_by_a_person() -> None:
    # Given an id that was imported for a customer of which nothing else is known
    decision = accepted(NEW.after(imported("10001")).when(merged()))
    (case,) = decision.cases
    assert (case.failure.code, puts(decision.requests)) == ("not_held", [])
    assert "nobody has sent it" in case.failure.reason


def test_what_an_earlier_release_left_failed_of_a_merged_customer_is_closed_by_a_retry() -> None:
    # Given a merged customer with a failure about a legal entity that no ERP of has it
    gone = Failure(FailureClass.MAPPING, "legal_entity_unmapped", "add it", "legal_entities")
    state = Customer(profile=customer(), status="merged", merged_into="C-9", failures={"FR01": gone})
    retried = accepted(replace(NEW, state=state).when(did(Act.RETRY, "erp:FR01")))
    assert (retried.settles, retried.requests, retried.cases) == (("erp:FR01",), (), ())


def test_a_merged_customer_is_held_again_where_its_legal_entity_has_left_the_policy() -> None:
    # Given a merged customer whose hold the ERP refuses, and a policy without its legal entity
    given = NEW.after(customer())
    given = given.after(given.confirmed(NEW.asked(customer())[0], "10001"), merged())
    given = replace(refused_for_good(given), policy=without("DE01"))
    # When a person retries, then the ERP that has it is asked
    retried = accepted(given.when(did(Act.RETRY)))
    assert puts(retried.requests) == [("erp", "10001", True)]
    assert retried.settles == ("erp:DE01",)


def test_a_hold_that_its_erp_refuses_may_be_settled_by_hand() -> None:
    given = NEW.after(customer())
    given = given.after(given.confirmed(NEW.asked(customer())[0], "10001"), merged())
    assert isinstance(given.state, Customer)
    row = given.state.records[0]
    body = next(each.body for each in NEW.asked(customer()) if each.operation == "customer.put")
    refusal = accepted(given.when(given.refused(Request("erp", "customer.put", row.line or "", body))))
    assert [case.acts for case in refusal.cases] == [(Act.RETRY, Act.RESOLVE)]
    given = replace(given, state=refusal.state)
    assert accepted(given.when(did(Act.RESOLVE))).settles == ("erp:DE01",)


def test_a_retry_that_would_come_to_the_same_says_what_is_missing() -> None:
    # Given a customer whose legal entity has left the policy, which was found out
    given = replace(NEW.after(customer()), policy=without("DE01"))
    found = accepted(given.when(customer(name="Shipyard AG")))
    assert [(case.failure.code, case.acts) for case in found.cases] == [
        ("legal_entity_unmapped", (Act.RETRY, Act.RESOLVE))
    ]
    given = replace(given, state=found.state)
    # When a person retries, then nothing is done, and it is said what would help
    assert "add legal entity DE01 to the policy file" in reason_to_ignore(given.when(did(Act.RETRY)))
    # And where the legal entity stays away, a person closes the case
    resolved = accepted(given.when(did(Act.RESOLVE)))
    assert (resolved.settles, resolved.requests) == (("erp:DE01",), ())
    assert isinstance(resolved.state, Customer)
    assert resolved.state.failures == {}


def test_a_retry_of_what_may_be_another_customer_names_the_case_to_be_settled_first() -> None:
    # Given a customer that an ERP has refused, and that may be another one since
    given = refused_for_good(NEW.after(customer()))
    taken = {Claim("customer.domain", "shipyard.example"): WINNER}
    suspect = accepted(replace(given, taken=taken).when(customer(domain="shipyard.example")))
    assert [case.topic for case in suspect.cases] == [DUPLICATE]
    assert "may be C-9" in reason_to_ignore(replace(given, state=suspect.state).when(did(Act.RETRY)))


def test_a_retry_of_what_has_not_failed_sends_nothing() -> None:
    given = NEW.after(customer())
    assert "done already" in reason_to_ignore(given.when(did(Act.RETRY)))
    assert "done already" in reason_to_ignore(given.after(merged()).when(did(Act.RETRY)))


def test_what_one_erp_refuses_stays_a_case_when_a_deal_begins_in_another() -> None:
    # Given an ERP that has the customer and refuses its new name
    given = replace(NEW, policy=SIDE_BY_SIDE).after(customer())
    given = given.after(given.confirmed(NEW.asked(customer())[0], "10001"), customer(name="Shipyard AG"))
    given = refused_for_good(given)
    # When a deal brings the customer into the ERP beside it
    decision = accepted(given.when(trade(on=JUNE)))
    # Then that one is asked, and the case about the first stays open
    assert puts(decision.requests) == [("new-erp", None, False)]
    assert decision.settles == ()
    # And the deal waits for what that one answers, whatever the first has said
    assert [each.operation for each in decision.requests] == ["customer.put"]
    assert accepted(replace(given, state=decision.state).when(did(Act.RETRY))).settles == ("erp:DE01",)


def both_refused() -> Given:
    """A customer whose new name one ERP of DE01 refuses, and which the other one will not have at all."""
    given = replace(NEW, policy=SIDE_BY_SIDE).after(customer())
    given = given.after(given.confirmed(NEW.asked(customer())[0], "10001"), customer(name="Shipyard AG"))
    given = refused_for_good(given)
    given = given.after(trade(on=JUNE))
    return refused_for_good(given, "new-erp")


def test_what_one_erp_refuses_stays_a_case_when_the_other_is_asked_again() -> None:
    given = both_refused()
    # When another deal has the second asked once more
    decision = accepted(given.when(trade("E-2", on=JUNE)))
    assert puts(decision.requests) == [("new-erp", None, False)]
    # Then the case about the first stays open
    assert decision.settles == ()
    assert puts(replace(given, state=decision.state).asked(did(Act.RETRY)))[0] == ("erp", "10001", False)


def test_what_one_erp_refuses_stays_a_case_when_an_id_is_imported_for_the_other() -> None:
    given = both_refused()
    decision = accepted(given.when(imported("N-1", system="new-erp")))
    assert decision.settles == ()
    # And a deal that awaits the second is answered
    assert [each.operation for each in decision.requests] == ["engagement.customer_ready"]


def test_a_case_names_each_erp_that_refuses() -> None:
    given = replace(NEW, policy=SIDE_BY_SIDE).after(customer(), trade(on=JUNE))
    given = refused_for_good(given)
    (case,) = refusal_of(given, "new-erp").cases
    assert (case.topic, case.acts) == ("erp:DE01", (Act.RETRY,))
    assert "erp: March is closed" in case.failure.reason
    assert "new-erp: March is closed" in case.failure.reason


def test_what_could_not_be_sent_goes_to_each_erp_once_it_can_be() -> None:
    # Given a state that could not be sent to the ERP that has the customer
    given = NEW.after(customer())
    given = given.after(given.confirmed(NEW.asked(customer())[0], "10001"))
    lost = replace(given, policy=without("DE01")).after(customer(name="Shipyard AG"))
    # When the policy names its legal entity again, and a deal asks
    decision = accepted(replace(lost, policy=POLICY).when(trade()))
    # Then it is sent, and the case closes
    assert puts(decision.requests) == [("erp", "10001", False)]
    assert decision.settles == ("erp:DE01",)


def test_a_record_that_comes_after_the_merge_is_held_once_its_id_is_known() -> None:
    # Given a put on its way, which does not count any more when the customer loses its tax profile and is merged
    given = NEW.after(customer())
    (put,) = [each for each in NEW.asked(customer()) if each.operation == "customer.put"]
    given = given.after(customer(tax_profile=None), merged())
    # When the ERP answers with its id, then it is asked to hold it
    assert puts(accepted(given.when(given.confirmed(put, "10001"))).requests) == [("erp", "10001", True)]
