"""Contract: change orders in the order of their versions, by those who may, and told to whoever bills by them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Literal

import pytest

from actors.decision import Accept, Decision, Request
from actors.entities.contract import ACTOR, MOST_HELD
from actors.policy import Flow, LegalEntity, Mode, Successor
from schemas.acts import Act
from schemas.billed_month.v1 import Amended
from schemas.commands import SELF
from schemas.contract.entity import Contract
from schemas.contract.v1 import ChangeOrderApproved, Instalment, Withdrawn
from schemas.customer.entity import ErpRecord
from schemas.facts import Case, Claim
from schemas.keys import ActorKey, external_key
from schemas.operations.contract import ContractCancel, ContractPut, ScheduledAmount
from schemas.operations.forecast import ForecastPut
from schemas.operations.project import RolePrice
from schemas.project.entity import Project
from schemas.project.v1 import Billing, TermsChanged
from schemas.record import Record
from schemas.verdicts import FailureClass
from tests.actors.agreements import (
    APRIL,
    BEGIN,
    CFO,
    DIRECTOR,
    END,
    JUNE,
    SOW,
    SUPERVISED,
    UNSUPERVISED,
    act,
    activated,
    eur,
    opened,
    order,
    rates,
    renewal,
    termination,
)
from tests.actors.firm import BRIDGE, SHIPYARD, credit, known_customer, running_project
from tests.actors.stage import REFUSED, Given, accepted, awaited, reason_to_ignore, refusal

NEW = Given(ACTOR, SOW, Contract(), SUPERVISED, others={SHIPYARD: known_customer(), BRIDGE: running_project()})
IN_FORCE = NEW.after(opened())
FREE = replace(IN_FORCE, policy=UNSUPERVISED)
TOPIC_2, TOPIC_3, TOPIC_4 = "change_order:2", "change_order:3", "change_order:4"
LARGE = order(2, change="30000.00")
WITHDRAWAL = Withdrawn(to=SOW.id, engagement="ENG-1", reason="the customer is gone")
SECOND = opened().model_copy(update={"engagement": "ENG-2", "value": Decimal("7000.00")})
DEAR = renewal(change="20000.00")


def contract(given: Given) -> Contract:
    """The contract as it stands."""
    assert isinstance(given.state, Contract)
    return given.state


def case(decision: Decision) -> Case:
    """The one case that was opened."""
    (found,) = accepted(decision).cases
    return found


def body(decision: Decision, operation: str) -> Record:
    """The one body of an operation that was asked for."""
    (request,) = asked(decision, operation)
    return request.body  # type: ignore[return-value]  # each body is a record


def asked(decision: Decision, operation: str) -> list[Request]:
    """What was asked by an operation."""
    return [request for request in accepted(decision).requests if request.operation == operation]


def versions(given: Given) -> list[tuple[int, str]]:
    """The history, in short."""
    return [(each.version, each.status) for each in contract(given).history]


# ------------------------------------------------------------------------------------------------------- how it begins


def test_the_contract_of_a_won_deal_is_at_version_1_and_asks_for_nothing() -> None:
    decision = accepted(NEW.when(opened()))
    assert decision.requests == ()
    assert [notice.fact for notice in decision.notices] == ["in_force"]
    state = contract(IN_FORCE)
    assert (state.status, state.version, state.value, state.ends_on) == ("in_force", 1, Decimal("50000.00"), END)
    assert (state.billing, state.billing_id, state.planning) == ("billing", "CON-1", "planning")
    assert state.rates_on(BEGIN) == {"consultant": Decimal("145.00")}


def test_told_again_it_changes_nothing() -> None:
    assert "already" in reason_to_ignore(IN_FORCE.when(opened()))


def test_a_second_deal_under_the_same_contract_is_a_case() -> None:
    second = opened().model_copy(update={"engagement": "ENG-2"})
    found = case(IN_FORCE.when(second))
    assert (found.topic, found.failure.code) == ("taken:ENG-2", "contract_taken")
    assert contract(IN_FORCE.after(second)).engagement == "ENG-1"
    assert accepted(IN_FORCE.when(act(Act.RESOLVE, "taken:ENG-2"))).settles == ("taken:ENG-2",)


def test_a_contract_without_a_deal_is_brought_to_the_billing_system() -> None:
    decision = accepted(NEW.when(activated()))
    (request,) = decision.requests
    assert (request.system, request.operation, request.line[:4]) == ("billing", "contract.put", "1.1.")
    assert request.body == ContractPut(
        contract_id="SOW-1", version=1, effective_on=BEGIN, reference="SOW-1", project_id="P-1", project="PRJ-1",
        customer="10042", legal_entity="DE01", currency="EUR", billing_method="time_and_materials",
        value=Decimal("50000.00"), roles=(RolePrice(role="consultant", rate=Decimal("145.00")),), starts_on=BEGIN,
        ends_on=END, tax_code="D19",
    )  # fmt: skip
    given = NEW.after(activated())
    confirmed = accepted(given.when(given.confirmed(request, "CON-7")))
    assert confirmed.binds == (external_key("billing", "contract", "CON-7"),)
    assert isinstance(confirmed.state, Contract)
    assert (confirmed.state.billing_id, confirmed.state.history[0].billing) == ("CON-7", "done")


@pytest.mark.parametrize("method", ["retainer", "fixed_fee", "time_and_materials"])
def test_the_billing_system_gets_what_it_bills_by(
    method: Literal["retainer", "fixed_fee", "time_and_materials"],
) -> None:
    fee = None if method == "time_and_materials" else eur("5000.00")
    due = (Instalment(milestone_id="M-1", amount=eur("4000.00")), Instalment(due_on=JUNE, amount=eur("1000.00")))
    terms = activated().model_copy(
        update={"billing": Billing(method=method, fee=fee, rates=rates("145.00")), "schedule": due, "value": None}
    )
    (put,) = [request.body for request in NEW.asked(terms) if isinstance(request.body, ContractPut)]
    assert (put.billing_method, put.fee) == (method, None if fee is None else Decimal("5000.00"))
    assert put.roles == (RolePrice(role="consultant", rate=Decimal("145.00")),)
    assert [(row.milestone_id, row.due_on, row.amount) for row in put.schedule] == [
        ("M-1", None, Decimal("4000.00")), (None, JUNE, Decimal("1000.00")),
    ]  # fmt: skip


def test_the_contract_that_the_project_was_sold_under_is_billed_already() -> None:
    sold = running_project().model_copy(update={"contract": SOW.id})
    assert accepted(replace(NEW, others={**NEW.others, BRIDGE: sold}).when(activated())).requests == ()


def test_activated_after_the_deal_changes_nothing() -> None:
    assert "change orders" in reason_to_ignore(IN_FORCE.when(activated()))


def test_a_deal_that_comes_after_the_activation_tells_where_it_is_kept() -> None:
    decision = accepted(NEW.after(activated()).when(opened()))
    assert isinstance(decision.state, Contract)
    assert (decision.state.engagement, decision.state.billing_id, decision.state.version) == ("ENG-1", "CON-1", 1)
    assert "terms stay" in decision.remarks[0]


def test_what_is_in_force_is_sent_again_once_a_deal_was_set_up_under_it() -> None:
    given = NEW.after(activated(), order(2))
    put = body(given.when(opened().model_copy(update={"project": "PRJ-9"})), "contract.put")
    assert isinstance(put, ContractPut)
    assert (put.version, put.value, put.project) == (2, Decimal("55000.00"), "PRJ-9")


@pytest.mark.parametrize(("field", "other"), [("customer", "10099"), ("tax_code", "D7")])
def test_a_deal_that_says_otherwise_of_customer_or_tax_changes_neither_and_is_a_case(field: str, other: str) -> None:
    given = NEW.after(activated(), order(2))
    differs = opened().model_copy(update={field: other})
    decision = given.when(differs)
    found, put = case(decision), body(decision, "contract.put")
    topic = "differs:ENG-1"
    assert (found.topic, found.failure.code, found.failure.field) == (topic, "terms_differ", field)
    assert other in found.failure.reason
    assert isinstance(put, ContractPut)
    assert (put.customer, put.tax_code) == ("10042", "D19")
    after = given.after(differs)
    assert (contract(after).engagement, contract(after).customer, contract(after).tax_code) == ("ENG-1", "10042", "D19")
    assert accepted(after.when(act(Act.RESOLVE, topic))).settles == (topic,)
    assert reason_to_ignore(after.when(act(Act.RETRY, topic)))


@pytest.mark.parametrize(("field", "meanwhile"), [("customer", "10099"), ("tax_code", "D7")])
def test_activated_while_its_deal_is_set_up_it_takes_customer_and_tax_from_the_deal(field: str, meanwhile: str) -> None:
    # Given a project that its deal has opened under the contract; its customer or tax code is another one since
    record = ErpRecord(legal_entity="DE01", system="erp", external_id="10099")
    sold = running_project().model_copy(update={"contract": SOW.id, "tax_code": "D7" if field == "tax_code" else "D19"})
    customer = known_customer().model_copy(update={"records": (record,)} if field == "customer" else {})
    given = replace(NEW, others={SHIPYARD: customer, BRIDGE: sold}).after(activated())
    assert getattr(contract(given), field) == meanwhile
    # When the deal opens the contract
    decision = accepted(given.when(opened()))
    # Then it is that of the deal, as the systems have it by it, and nothing is asked of a person
    put = body(decision, "contract.put")
    assert isinstance(put, ContractPut)
    assert (put.customer, put.tax_code, put.project) == ("10042", "D19", "PRJ-1")
    assert decision.cases == ()
    after = contract(given.after(opened()))
    assert (after.engagement, after.customer, after.tax_code) == ("ENG-1", "10042", "D19")


def test_a_deal_on_another_project_changes_nothing_of_it() -> None:
    given = NEW.after(activated(), order(2))
    elsewhere = opened().model_copy(update={"project_id": "P-77", "project": "PRJ-77", "customer": "777"})
    decision = given.when(elsewhere)
    assert (case(decision).topic, case(decision).failure.code) == ("taken:ENG-1", "contract_taken")
    put = body(decision, "contract.put")
    assert isinstance(put, ContractPut)
    assert (put.version, put.project, put.customer) == (2, "PRJ-1", "10042"), "what billing has may be the deal's"
    after = contract(given.after(elsewhere))
    assert (after.engagement, after.project_id) == (None, "P-1")


def test_it_stays_in_force_when_a_deal_that_came_later_is_cancelled() -> None:
    given = NEW.after(activated(), opened())
    decision = accepted(given.when(WITHDRAWAL))
    assert isinstance(decision.state, Contract)
    assert (decision.state.status, decision.state.engagement, decision.requests) == ("in_force", None, ())
    assert "ENG-1" in decision.remarks[0]
    assert len(asked(given.after(WITHDRAWAL).when(order(2)), "contract.put")) == 1


def test_an_id_that_a_deal_is_set_up_under_is_not_activated_for_another_project() -> None:
    claim = Claim("contract.id", SOW.id)
    assert accepted(NEW.when(activated())).claims == (claim,)
    taken = replace(NEW, taken={claim: ActorKey("engagement", "ENG-2")})
    found = case(taken.when(activated()))
    assert (found.topic, found.failure.code) == ("activation", "contract_taken")
    assert "ENG-2" in found.failure.reason
    # But the contract that the project was sold under is the very one
    sold = running_project().model_copy(update={"contract": SOW.id})
    assert accepted(replace(taken, others={**NEW.others, BRIDGE: sold}).when(activated())).cases == ()


def side_by_side(*erp_ids: tuple[str, str]) -> Given:
    """DE01 has another ERP from July on, its project stands in the former, and its customer in these."""
    records = tuple(ErpRecord(legal_entity="DE01", system=system, external_id=id_) for system, id_ in erp_ids)
    entity = LegalEntity(
        currency="EUR", tax_codes={"standard": "D19"},
        successors={"erp": (Successor(system="erp2", from_on=date(2026, 7, 1)),)},
    )  # fmt: skip
    customer = known_customer().model_copy(update={"records": records})
    policy = SUPERVISED.model_copy(update={"legal_entities": {"DE01": entity}})
    return replace(NEW, policy=policy, others={**NEW.others, SHIPYARD: customer})


@pytest.mark.parametrize("starts_on", [BEGIN, date(2026, 8, 3)])
def test_of_two_erps_the_one_with_the_project_bills_under_its_own_ids(starts_on: date) -> None:
    given = side_by_side(("erp", "10042"), ("erp2", "777"))
    decision = given.when(activated().model_copy(update={"starts_on": starts_on}))
    (request,) = asked(decision, "contract.put")
    assert isinstance(request.body, ContractPut)
    assert (request.system, request.body.customer, request.body.project) == ("erp", "10042", "PRJ-1")


def test_a_customer_that_another_erp_has_is_waited_for() -> None:
    assert awaited(side_by_side(("erp2", "777")).when(activated())) == SHIPYARD


@pytest.mark.parametrize("missing", [BRIDGE, SHIPYARD])
def test_it_waits_for_its_project_and_its_customer(missing: object) -> None:
    others = {key: state for key, state in NEW.others.items() if key != missing}
    assert awaited(replace(NEW, others=others).when(activated())) == missing


def test_a_contract_in_another_currency_than_its_project_is_a_case_and_parks_nothing() -> None:
    found = case(NEW.when(activated(currency="USD")))
    assert (found.topic, found.failure.code, found.acts) == ("activation", "project_differs", (Act.RESOLVE,))
    assert accepted(NEW.when(activated())).settles == ("activation",)


def test_a_legal_entity_that_the_policy_does_not_name_waits_for_the_policy() -> None:
    without = SUPERVISED.model_copy(update={"legal_entities": {}})
    failure = refusal(replace(NEW, policy=without).when(activated()))
    assert (failure.failure_class, failure.code) == (FailureClass.MAPPING, "legal_entity_unmapped")


# ------------------------------------------------------------------------------------------------------ in their order


def test_the_next_version_is_applied_and_all_who_must_know_are_told() -> None:
    decision = accepted(FREE.when(order(2, rate="150.00", hours="640", ends_on=date(2027, 3, 31))))
    assert [(request.system, request.operation) for request in decision.requests] == [
        ("billing", "contract.put"), (SELF, "project.terms_changed"), ("planning", "forecast.put"),
        (SELF, "billed_month.amended"),
    ]  # fmt: skip
    put = body(decision, "contract.put")
    assert isinstance(put, ContractPut)
    assert (put.version, put.value, put.ends_on) == (2, Decimal("55000.00"), date(2027, 3, 31))
    assert put.roles == (RolePrice(role="consultant", rate=Decimal("150.00")),)
    assert body(decision, "project.terms_changed") == TermsChanged(
        to="P-1", contract="SOW-1", number=2, effective_on=APRIL, rates=rates("150.00"), ends_on=date(2027, 3, 31),
        value=eur("55000.00"),
    )  # fmt: skip
    forecast = body(decision, "forecast.put")
    assert isinstance(forecast, ForecastPut)
    assert [(line.role, line.hours) for line in forecast.work] == [("consultant", Decimal(640))]
    assert decision.remarks == ()


def test_what_an_order_leaves_out_stays() -> None:
    decision = IN_FORCE.when(order(2))
    told = body(decision, "project.terms_changed")
    assert isinstance(told, TermsChanged)
    assert (told.rates, told.ends_on) == (None, END)
    assert asked(decision, "forecast.put") == []
    assert contract(IN_FORCE.after(order(2))).rates_on(JUNE) == {"consultant": Decimal("145.00")}


def test_work_dated_before_keeps_the_old_rates() -> None:
    amended = contract(FREE.after(order(2, rate="150.00"), order(3, rate="160.00", effective_on=JUNE)))
    by_day = [amended.rates_on(day)["consultant"] for day in (BEGIN, date(2026, 3, 31), APRIL, date(2026, 5, 31), JUNE)]
    assert by_day == [Decimal(rate) for rate in ("145.00", "145.00", "150.00", "150.00", "160.00")]


def test_a_version_that_is_decided_is_stale() -> None:
    given = IN_FORCE.after(order(2), order(3))
    assert "version 2 is stale: it is applied already" in reason_to_ignore(given.when(order(2, change="9.00")))
    assert "version 3" in reason_to_ignore(given.when(order(3)))


def test_out_of_order_the_later_one_is_held_until_the_missing_one_comes() -> None:
    # Given version 3 before version 2
    held = FREE.when(order(3, rate="160.00", effective_on=JUNE))
    found = case(held)
    assert accepted(held).requests == ()
    assert (found.topic, found.failure.failure_class) == (TOPIC_3, FailureClass.MISSING_REFERENCE)
    assert "version 2 is missing" in found.failure.reason
    assert found.money == {"EUR": Decimal("5000.00")}
    # When version 2 comes
    given = FREE.after(order(3, rate="160.00", effective_on=JUNE))
    decision = accepted(given.when(order(2, rate="150.00")))
    # Then both are applied, in the order of their versions
    told = [request.body for request in asked(decision, "contract.put")]
    assert [put.version for put in told if isinstance(put, ContractPut)] == [2, 3]
    assert decision.settles == (TOPIC_3,)
    assert versions(given.after(order(2, rate="150.00"))) == [(1, "applied"), (2, "applied"), (3, "applied")]


def test_a_held_order_that_comes_again_changes_nothing_and_one_corrected_takes_its_place() -> None:
    given = IN_FORCE.after(order(3))
    assert "held already" in reason_to_ignore(given.when(order(3)))
    corrected = accepted(given.when(order(3, change="7000.00")))
    assert corrected.remarks == ("version 3 takes the place of the one held",)
    assert case(corrected).money == {"EUR": Decimal("7000.00")}
    assert contract(given.after(order(3, change="7000.00"), order(2))).value == Decimal("62000.00")


def test_an_order_before_the_contract_itself_is_held_and_applied_with_it() -> None:
    assert case(NEW.when(order(2))).failure.code == "contract_missing"
    decision = accepted(NEW.after(order(2)).when(opened()))
    assert [request.operation for request in decision.requests] == ["contract.put", "project.terms_changed"]
    assert decision.settles == (TOPIC_2,)


def test_a_person_goes_on_without_a_version_that_never_comes() -> None:
    given = IN_FORCE.after(order(4))
    decision = accepted(given.when(act(Act.RESOLVE, TOPIC_4)))
    assert decision.settles == (TOPIC_4,)
    after = given.after(act(Act.RESOLVE, TOPIC_4))
    assert versions(after) == [(1, "applied"), (3, "void"), (4, "applied")]
    assert "given up" in reason_to_ignore(after.when(order(2)))


def test_of_two_gaps_the_first_is_settled_first() -> None:
    given = IN_FORCE.after(order(3), order(5))
    assert "version 3 first" in reason_to_ignore(given.when(act(Act.RESOLVE, "change_order:5")))


def test_a_held_order_may_be_dropped_and_sent_again() -> None:
    given = IN_FORCE.after(order(3))
    decision = accepted(given.when(act(Act.CANCEL, TOPIC_3)))
    assert decision.settles == (TOPIC_3,)
    assert contract(given.after(act(Act.CANCEL, TOPIC_3))).held == {}
    assert case(given.after(act(Act.CANCEL, TOPIC_3)).when(order(3))).topic == TOPIC_3


def test_no_more_are_held_than_a_contract_may_have() -> None:
    full = IN_FORCE.after(*(order(version) for version in range(3, 3 + MOST_HELD)))
    found = case(full.when(order(1000)))
    assert (found.topic, found.failure.code) == ("too_many_held", "too_many_held")
    assert found.money == {"EUR": Decimal("5000.00")}
    assert "version 1000 was not kept" in found.failure.reason
    # And what that case advises can be done, one after the other, by the same lane
    given = full.after(order(1000), act(Act.CANCEL, TOPIC_3), order(1000), act(Act.RESOLVE, "too_many_held"))
    assert 1000 in contract(given).held


# ----------------------------------------------------------------------------------------------------------- authority


def test_a_change_above_the_limit_without_authority_is_held_for_the_role() -> None:
    decision = IN_FORCE.when(LARGE)
    found = case(decision)
    assert accepted(decision).requests == ()
    assert (found.topic, found.owner, found.acts) == (TOPIC_2, "finance_director", (Act.APPROVE, Act.REJECT))
    assert found.money == {"EUR": Decimal("30000.00")}
    assert (found.remind_after, found.due_after) == (24 * 3600, 72 * 3600)
    assert "finance_director" in found.failure.reason


def test_a_change_that_the_right_role_has_approved_already_is_applied() -> None:
    decision = IN_FORCE.when(order(2, change="30000.00", approved_by=DIRECTOR))
    assert len(asked(decision, "contract.put")) == 1


@pytest.mark.parametrize(
    ("change", "is_held"),
    [("10000.00", False), ("10000.01", True), ("-10000.01", True), ("0.00", False), (None, True)],
)
def test_what_counts_is_what_the_change_is_worth(change: str | None, is_held: bool) -> None:  # noqa: FBT001  # a column
    assert bool(accepted(IN_FORCE.when(order(2, change=change))).cases) == is_held


def scheduled(*amounts: str, change: str | None, version: int = 2) -> ChangeOrderApproved:
    """A change of the billing schedule."""
    rows = tuple(Instalment(due_on=date(2026, 6, day), amount=eur(amount)) for day, amount in enumerate(amounts, 1))
    return order(version, change=change).model_copy(update={"schedule": rows})


FIXED = NEW.after(
    opened().model_copy(
        update={
            "method": "fixed_fee", "fee": Decimal(20_000), "value": None, "roles": (),
            "schedule": (ScheduledAmount(due_on=JUNE, amount=Decimal(20_000)),),
        }
    )
)  # fmt: skip


def test_new_rates_are_worth_nobody_knows_what_whatever_the_order_says() -> None:
    held = IN_FORCE.when(order(2, change="0.00", rate="1450.00"))
    assert (case(held).owner, accepted(held).requests) == ("finance_director", ())
    # And both rules apply, since any limit may be passed
    assert case(IN_FORCE.after(order(2, change="0.00", rate="1450.00")).when(act(Act.APPROVE, TOPIC_2))).owner == "cfo"
    # But rates that are sent again as they are change nothing
    assert accepted(IN_FORCE.when(order(2, change="0.00", rate="145.00"))).cases == ()


def test_a_schedule_that_bills_more_is_worth_what_it_adds_whatever_the_order_says() -> None:
    held = IN_FORCE.when(scheduled("30000.00", "60000.00", change="0.00"))
    assert (case(held).owner, case(held).money) == ("finance_director", {"EUR": Decimal("90000.00")})
    # And one that moves nothing but days needs nobody
    again = IN_FORCE.after(scheduled("3000.00", "6000.00", change="0.00"))
    assert accepted(again.when(scheduled("9000.00", change="0.00", version=3))).cases == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (scheduled("900000.00", change="0.00"), "add up to 900000.00 EUR, the fixed fee would be 20000"),
        (scheduled("900000.00", change=None), "add up to 900000.00 EUR, the fixed fee would be 20000"),
        (scheduled("20000.00", change="5000.00"), "add up to 20000.00 EUR, the fixed fee would be 25000"),
        (order(2), "add up to 20000 EUR, the fixed fee would be 25000"),
    ],
)
def test_a_fixed_fee_and_its_instalments_change_together(wrong: ChangeOrderApproved, said: str) -> None:
    found = case(FIXED.when(wrong))
    assert (found.failure.code, found.acts) == ("schedule_differs", (Act.CANCEL,))
    assert said in found.failure.reason
    corrected = accepted(FIXED.after(wrong).when(scheduled("20000.00", "5000.00", change="5000.00")))
    put = body(corrected, "contract.put")
    assert isinstance(put, ContractPut)
    assert (put.fee, sum(row.amount for row in put.schedule)) == (Decimal("25000.00"), Decimal("25000.00"))


def test_a_fixed_fee_may_be_billed_on_other_days() -> None:
    assert len(asked(FIXED.when(scheduled("12000.00", "8000.00", change="0.00")), "contract.put")) == 1
    assert len(asked(FIXED.when(order(2, change="0.00", ends_on=date(2027, 3, 31))), "contract.put")) == 1


def test_who_asked_for_the_change_cannot_have_approved_it() -> None:
    by_themselves = order(2, change="30000.00", approved_by=DIRECTOR, requested_by=DIRECTOR[0])
    given = IN_FORCE.after(by_themselves)
    assert case(IN_FORCE.when(by_themselves)).owner == "finance_director"
    assert "somebody else" in reason_to_ignore(given.when(act(Act.APPROVE, TOPIC_2)))
    assert len(asked(given.when(act(Act.APPROVE, TOPIC_2, ("F-9", "finance_director"))), "contract.put")) == 1


def test_approved_it_is_applied_and_the_history_says_by_whom() -> None:
    given = IN_FORCE.after(LARGE)
    decision = accepted(given.when(act(Act.APPROVE, TOPIC_2)))
    assert decision.settles == (TOPIC_2,)
    assert len(asked(decision, "contract.put")) == 1
    assert contract(given.after(act(Act.APPROVE, TOPIC_2))).history[1].people == ("M-1", "F-1")


def test_a_large_change_needs_both_roles() -> None:
    given = IN_FORCE.after(order(2, change="200000.00"))
    first = accepted(given.when(act(Act.APPROVE, TOPIC_2)))
    assert (first.requests, case(first).owner) == ((), "cfo")
    both = given.after(act(Act.APPROVE, TOPIC_2)).when(act(Act.APPROVE, TOPIC_2, CFO))
    assert len(asked(both, "contract.put")) == 1


def test_the_wrong_role_decides_nothing() -> None:
    given = IN_FORCE.after(LARGE)
    for what in (Act.APPROVE, Act.REJECT):
        assert "finance_director" in reason_to_ignore(given.when(act(what, TOPIC_2, ("S-1", "sales_director"))))


def test_a_rule_that_the_policy_has_dropped_since_holds_nothing() -> None:
    given = replace(IN_FORCE.after(LARGE), policy=SUPERVISED.model_copy(update={"approvals": {}}))
    assert "approve it to go on" in reason_to_ignore(given.when(act(Act.REJECT, TOPIC_2)))
    assert len(asked(given.when(act(Act.APPROVE, TOPIC_2)), "contract.put")) == 1


def test_refused_it_is_closed_and_the_next_version_goes_on() -> None:
    given = IN_FORCE.after(LARGE, order(3))
    assert case(IN_FORCE.when(LARGE)).topic == TOPIC_2
    decision = accepted(given.when(act(Act.REJECT, TOPIC_2)))
    assert TOPIC_2 in decision.settles
    assert [put.version for put in (r.body for r in decision.requests) if isinstance(put, ContractPut)] == [3]
    after = given.after(act(Act.REJECT, TOPIC_2))
    assert versions(after) == [(1, "applied"), (2, "refused"), (3, "applied")]
    assert contract(after).value == Decimal("55000.00")
    assert "it is refused already" in reason_to_ignore(after.when(LARGE))


def test_behind_an_order_that_waits_for_approval_no_second_case_is_opened() -> None:
    assert accepted(IN_FORCE.after(LARGE).when(order(3))).cases == ()


def test_a_rule_for_other_legal_entities_does_not_apply() -> None:
    rules = {name: rule.model_copy(update={"legal_entities": ("US01",)}) for name, rule in SUPERVISED.approvals.items()}
    elsewhere = replace(IN_FORCE, policy=SUPERVISED.model_copy(update={"approvals": rules}))
    assert len(asked(elsewhere.when(LARGE), "contract.put")) == 1


def test_an_order_that_is_sent_again_changed_opens_its_case_anew() -> None:
    given = IN_FORCE.after(order(2, change="12000.00"))
    again = case(given.when(order(2, change="90000.00")))
    assert (again.topic, again.money) == (TOPIC_2, {"EUR": Decimal("90000.00")})
    assert "held already" in reason_to_ignore(given.when(order(2, change="12000.00")))


def test_an_order_that_is_sent_again_wrong_otherwise_says_so() -> None:
    again = case(IN_FORCE.after(order(2, change="-60000.00")).when(order(2, change="-70000.00")))
    assert (again.money, "-20000" in again.failure.reason) == ({"EUR": Decimal("70000.00")}, True)


def test_an_approval_of_the_order_before_does_not_count_for_the_one_in_its_place() -> None:
    # Given a large change that the finance director has approved, so that it waits for the second role
    given = IN_FORCE.after(order(2, change="200000.00"), act(Act.APPROVE, TOPIC_2))
    # When another one takes its place, then the director is asked again, and the second role alone applies nothing
    again = case(given.when(order(2, change="900000.00")))
    assert (again.owner, again.money) == ("finance_director", {"EUR": Decimal("900000.00")})
    second = accepted(given.after(order(2, change="900000.00")).when(act(Act.APPROVE, TOPIC_2, CFO)))
    assert second.requests == ()


@pytest.mark.parametrize("what", [Act.APPROVE, Act.REJECT])
def test_an_act_counts_for_the_order_that_its_author_saw(what: Act) -> None:
    seen = case(IN_FORCE.when(LARGE))
    given = IN_FORCE.after(LARGE)
    now = case(given.when(order(2, change="90000.00")))
    given = given.after(order(2, change="90000.00"))
    assert "read the case again" in reason_to_ignore(given.when(act(what, TOPIC_2, seen=seen)))
    assert accepted(given.when(act(what, TOPIC_2, seen=now))).settles == (TOPIC_2,)


def test_who_drops_an_order_that_lacks_something_does_not_drop_the_one_in_its_place() -> None:
    seen = case(IN_FORCE.when(order(3)))
    given = IN_FORCE.after(order(3), order(3, change="7000.00"))
    assert "read the case again" in reason_to_ignore(given.when(act(Act.CANCEL, TOPIC_3, seen=seen)))


def test_who_saw_an_order_that_was_held_does_not_decide_on_what_billing_refused() -> None:
    seen = case(IN_FORCE.when(LARGE))
    given = IN_FORCE.after(LARGE, act(Act.APPROVE, TOPIC_2, seen=seen))
    (put,) = asked(IN_FORCE.after(LARGE).when(act(Act.APPROVE, TOPIC_2)), "contract.put")
    refused = given.after(given.refused(put))
    assert "read the case again" in reason_to_ignore(refused.when(act(Act.CANCEL, TOPIC_2, seen=seen)))
    accepted(refused.when(act(Act.CANCEL, TOPIC_2, seen=case(given.when(given.refused(put))))))


@pytest.mark.parametrize("what", [Act.APPROVE, Act.REJECT])
def test_an_act_counts_for_the_renewal_that_its_author_saw(what: Act) -> None:
    seen = case(IN_FORCE.when(DEAR))
    dearer = renewal(change="90000.00")
    given = IN_FORCE.after(DEAR)
    now = case(given.when(dearer))
    given = given.after(dearer)
    assert "read the case again" in reason_to_ignore(given.when(act(what, "renewal", seen=seen)))
    assert accepted(given.when(act(what, "renewal", seen=now))).settles == ("renewal",)


def test_another_role_for_the_rule_opens_the_case_for_that_role() -> None:
    rules = {**SUPERVISED.approvals, "change": SUPERVISED.approvals["change"].model_copy(update={"role": "board"})}
    given = replace(IN_FORCE.after(LARGE), policy=SUPERVISED.model_copy(update={"approvals": rules}))
    assert case(given.when(order(3))).owner == "board"


# --------------------------------------------------------------------------------------------------------------- modes


def in_mode(given: Given, mode: Mode) -> Given:
    """The same, where contracts run in a mode."""
    entity = SUPERVISED.legal_entities["DE01"].model_copy(update={"flows": {Flow.CONTRACTS: mode}})
    return replace(given, policy=SUPERVISED.model_copy(update={"legal_entities": {"DE01": entity}}))


def test_an_act_that_brings_changes_is_refused_and_says_what_to_send_instead() -> None:
    cancel = act(Act.CANCEL, TOPIC_3).model_copy(update={"changes": {"value": "1.00"}})
    assert "send a change order" in reason_to_ignore(IN_FORCE.after(order(3)).when(cancel))


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.SHADOW])
def test_where_contracts_are_not_live_an_approval_waits_until_they_are(mode: Mode) -> None:
    for given, topic in ((IN_FORCE.after(LARGE), TOPIC_2), (IN_FORCE.after(DEAR), "renewal")):
        reason = reason_to_ignore(in_mode(given, mode).when(act(Act.APPROVE, topic)))
        assert (f"mode {mode}" in reason, "then approve again" in reason) == (True, True)


def test_where_contracts_are_not_live_nothing_that_billing_refused_is_sent_again_or_taken_back() -> None:
    given, _ = refused_by_billing()
    for what in (Act.RETRY, Act.CANCEL):
        assert "set them live" in reason_to_ignore(in_mode(given, Mode.OFF).when(act(what, TOPIC_2)))
    assert accepted(in_mode(given, Mode.OFF).when(act(Act.RESOLVE, TOPIC_2))).settles == (TOPIC_2,)


def test_an_order_that_came_before_its_deal_waits_while_contracts_are_not_live() -> None:
    # Given an order that came before the contract, which a deal then opens while contracts are off
    early = NEW.after(order(2))
    decision = in_mode(early, Mode.OFF).when(opened())
    found = case(decision)
    assert (accepted(decision).requests, found.failure.code) == ((), "contracts_not_live")
    # Of this class, because a policy that comes into force tries these cases again by itself
    assert (found.failure.failure_class, found.acts) == (FailureClass.MAPPING, (Act.RETRY, Act.CANCEL))
    # When they are live, then a retry applies it
    waiting = in_mode(early, Mode.OFF).after(opened())
    retried = accepted(in_mode(waiting, Mode.LIVE).when(act(Act.RETRY, TOPIC_2)))
    assert (len(asked(retried, "contract.put")), retried.settles) == (1, (TOPIC_2,))


def test_a_version_that_was_held_back_by_a_gap_stays_held_while_contracts_are_not_live() -> None:
    decision = accepted(in_mode(IN_FORCE.after(order(3)), Mode.OFF).when(act(Act.RESOLVE, TOPIC_3)))
    assert (decision.requests, case(decision).failure.code) == ((), "contracts_not_live")


# -------------------------------------------------------------------------------------------------------- wrong orders


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (order(2, currency="USD", change="1.00"), "currency_differs"),
        (order(2, change="-50000.01"), "value_impossible"),
        (order(2, ends_on=date(2026, 1, 4)), "period_order"),
    ],
)
def test_a_wrong_order_is_held_and_the_same_version_corrected_is_applied(wrong: ChangeOrderApproved, code: str) -> None:
    assert case(IN_FORCE.when(wrong)).failure.code == code
    decision = accepted(IN_FORCE.after(wrong).when(order(2)))
    assert len(asked(decision, "contract.put")) == 1
    assert decision.settles == (TOPIC_2,)


# ------------------------------------------------------------------------------------- what the billing system answers


def refused_by_billing() -> tuple[Given, Accept]:
    """A change order that the billing system refuses for good."""
    given = FREE.after(order(2, rate="150.00", hours="640"))
    (put,) = asked(FREE.when(order(2, rate="150.00", hours="640")), "contract.put")
    return given.after(given.refused(put)), accepted(given.when(given.refused(put)))


def test_a_refusal_keeps_the_terms_and_asks_a_person() -> None:
    given, decision = refused_by_billing()
    found = case(decision)
    assert found.failure == REFUSED
    assert (found.topic, found.acts) == (TOPIC_2, (Act.RETRY, Act.RESOLVE, Act.CANCEL))
    assert (contract(given).history[1].billing, contract(given).value) == ("refused", Decimal("55000.00"))


def test_a_retry_asks_the_billing_system_alone_under_a_new_line() -> None:
    given, _ = refused_by_billing()
    decision = accepted(given.when(act(Act.RETRY, TOPIC_2)))
    (request,) = decision.requests
    assert (request.operation, request.line[:4]) == ("contract.put", "2.2.")
    assert decision.settles == (TOPIC_2,)
    after = given.after(act(Act.RETRY, TOPIC_2))
    assert contract(after.after(after.confirmed(request, "CON-1"))).history[1].billing == "done"


def test_done_by_hand_it_is_settled() -> None:
    given, _ = refused_by_billing()
    assert accepted(given.when(act(Act.RESOLVE, TOPIC_2))).requests == ()
    assert contract(given.after(act(Act.RESOLVE, TOPIC_2))).history[1].billing == "by_hand"


def test_cancelled_it_counts_no_more_and_project_and_planning_learn_of_it() -> None:
    given, _ = refused_by_billing()
    decision = accepted(given.when(act(Act.CANCEL, TOPIC_2)))
    assert [request.operation for request in decision.requests] == [
        "project.terms_changed", "forecast.put", "billed_month.amended",
    ]  # fmt: skip
    told = body(decision, "project.terms_changed")
    assert isinstance(told, TermsChanged)
    assert (told.number, told.rates, told.value) == (2, None, eur("50000.00"))
    after = given.after(act(Act.CANCEL, TOPIC_2))
    assert contract(after).rates_on(JUNE) == {"consultant": Decimal("145.00")}
    assert "nothing" in reason_to_ignore(after.when(act(Act.CANCEL, TOPIC_2)))
    assert len(asked(after.when(order(3)), "contract.put")) == 1


def test_what_a_later_version_builds_on_is_not_cancelled() -> None:
    given, _ = refused_by_billing()
    assert "builds on it" in reason_to_ignore(given.after(order(3)).when(act(Act.CANCEL, TOPIC_2)))


def test_a_later_version_that_is_taken_settles_the_one_before() -> None:
    given, _ = refused_by_billing()
    (put,) = asked(given.when(order(3)), "contract.put")
    given = given.after(order(3))
    decision = accepted(given.when(given.confirmed(put, "CON-1")))
    assert decision.settles == (TOPIC_2,)
    assert isinstance(decision.state, Contract)
    assert [each.billing for each in decision.state.history] == ["done", "done", "done"]


def both_refused() -> Given:
    """Two change orders one after the other, both refused by the billing system."""
    given, _ = refused_by_billing()
    (put,) = asked(given.when(order(3)), "contract.put")
    given = given.after(order(3))
    return given.after(given.refused(put))


def test_a_retry_asks_again_for_all_that_was_refused_and_refused_once_more_all_of_it_is_a_case() -> None:
    given = both_refused()
    retried = accepted(given.when(act(Act.RETRY, TOPIC_2)))
    assert retried.settles == (TOPIC_2, TOPIC_3)
    (put,) = retried.requests
    given = given.after(act(Act.RETRY, TOPIC_2))
    again = accepted(given.when(given.refused(put)))
    assert [each.topic for each in again.cases] == [TOPIC_2, TOPIC_3]


def test_when_the_later_of_two_is_cancelled_the_earlier_still_gets_to_the_billing_system() -> None:
    given = both_refused()
    (put,) = accepted(given.when(act(Act.RETRY, TOPIC_2))).requests
    given = given.after(act(Act.RETRY, TOPIC_2))
    given = given.after(given.refused(put), act(Act.CANCEL, TOPIC_3))
    (again,) = accepted(given.when(act(Act.RETRY, TOPIC_2))).requests
    assert isinstance(again.body, ContractPut)
    assert (again.body.version, again.body.value) == (3, Decimal("55000.00"))


def test_a_refusal_is_no_news_while_newer_terms_are_on_their_way() -> None:
    (second,) = asked(IN_FORCE.when(order(2)), "contract.put")
    given = IN_FORCE.after(order(2))
    (third,) = asked(given.when(order(3)), "contract.put")
    given = given.after(order(3))
    assert "newer terms" in reason_to_ignore(given.when(given.refused(second)))
    assert [each.topic for each in accepted(given.when(given.refused(third))).cases] == [TOPIC_2, TOPIC_3]
    taken = contract(given.after(given.confirmed(third)))
    assert [each.billing for each in taken.history] == ["done", "done", "done"]


def test_what_planning_refuses_is_a_persons_case() -> None:
    decision = IN_FORCE.when(order(2, hours="640"))
    (put,) = asked(decision, "forecast.put")
    given = IN_FORCE.after(order(2, hours="640"))
    assert refusal(given.when(given.refused(put))) == REFUSED
    assert "planning" in reason_to_ignore(given.when(given.confirmed(put)))


# ----------------------------------------------------------------------------------------------- effective in the past


def test_of_rates_for_days_that_are_over_it_is_said_what_becomes_of_posted_lines() -> None:
    (remark,) = accepted(FREE.when(order(2, rate="150.00", effective_on=date(2026, 2, 1)))).remarks
    assert "finance is asked about each sheet with lines that are posted already" in remark


@pytest.mark.parametrize(
    ("effective_on", "months"),
    [
        (date(2025, 6, 1), ["2026-01", "2026-02", "2026-03", "2026-04"]),  # the contract starts in January
        (date(2026, 2, 28), ["2026-02", "2026-03", "2026-04"]),
        (APRIL, ["2026-04"]),  # time of next month may be approved already
        (JUNE, []),
    ],
)
def test_the_months_that_may_have_billed_time_are_told_of_other_rates(effective_on: date, months: list[str]) -> None:
    decision = accepted(FREE.when(order(2, rate="150.00", effective_on=effective_on)))
    told = [request.body for request in decision.requests if isinstance(request.body, Amended)]
    assert [(each.to, each.contract, each.number) for each in told] == [
        (f"{month}/SOW-1", "SOW-1", 2) for month in months
    ]
    without = accepted(FREE.when(order(2, effective_on=effective_on)))
    assert not [request for request in without.requests if isinstance(request.body, Amended)]


def test_without_rates_there_is_nothing_to_say() -> None:
    assert accepted(IN_FORCE.when(order(2, effective_on=date(2026, 2, 1)))).remarks == ()


# ------------------------------------------------------------------------------------------------ how it goes on, ends


def test_a_renewal_moves_the_last_day_and_keeps_the_version() -> None:
    decision = accepted(FREE.when(renewal(rate="152.00")))
    put, told = body(decision, "contract.put"), body(decision, "project.terms_changed")
    assert isinstance(put, ContractPut)
    assert isinstance(told, TermsChanged)
    assert (put.version, put.ends_on, put.value) == (1, date(2027, 12, 31), Decimal("59000.00"))
    assert (told.rates, told.effective_on, told.ends_on) == (rates("152.00"), date(2027, 1, 1), date(2027, 12, 31))
    assert len(asked(IN_FORCE.after(renewal()).when(order(2)), "contract.put")) == 1


def test_a_renewal_above_the_limit_waits_for_the_role() -> None:
    decision = accepted(IN_FORCE.when(DEAR))
    found = case(decision)
    assert decision.requests == ()
    assert (found.topic, found.owner, found.acts) == ("renewal", "finance_director", (Act.APPROVE, Act.REJECT))
    assert found.money == {"EUR": Decimal("20000.00")}
    held = IN_FORCE.after(DEAR)
    assert contract(held).ends_on == END
    assert "held already" in reason_to_ignore(held.when(DEAR))


def test_a_renewal_that_is_approved_is_applied_and_says_by_whom() -> None:
    held = IN_FORCE.after(DEAR)
    decision = accepted(held.when(act(Act.APPROVE, "renewal")))
    assert (len(asked(decision, "contract.put")), decision.settles) == (1, ("renewal",))
    after = held.after(act(Act.APPROVE, "renewal"))
    assert (contract(after).value, contract(after).history[-1].people) == (Decimal("70000.00"), ("F-1",))


def test_a_renewal_that_is_refused_changes_nothing_and_stays_in_the_history() -> None:
    held = IN_FORCE.after(DEAR)
    after = held.after(act(Act.REJECT, "renewal"))
    assert accepted(held.when(act(Act.REJECT, "renewal"))).requests == ()
    assert (contract(after).ends_on, contract(after).value) == (END, Decimal("50000.00"))
    assert [each.status for each in contract(after).history] == ["applied", "refused"]
    assert "nothing" in reason_to_ignore(after.when(act(Act.APPROVE, "renewal")))


def test_the_wrong_role_and_the_wrong_act_do_nothing_about_a_renewal() -> None:
    held = IN_FORCE.after(DEAR)
    assert "finance_director" in reason_to_ignore(held.when(act(Act.APPROVE, "renewal", CFO)))
    assert "not possible" in reason_to_ignore(held.when(act(Act.RESOLVE, "renewal")))


def test_a_large_renewal_needs_both_roles_and_another_in_its_place_both_again() -> None:
    large = renewal(change="200000.00")
    given = IN_FORCE.after(large, act(Act.APPROVE, "renewal"))
    assert case(IN_FORCE.after(large).when(act(Act.APPROVE, "renewal"))).owner == "cfo"
    assert len(asked(given.when(act(Act.APPROVE, "renewal", CFO)), "contract.put")) == 1
    assert case(given.when(renewal(change="900000.00"))).owner == "finance_director"


def test_new_rates_of_unknown_worth_need_authority_and_a_later_last_day_alone_does_not() -> None:
    assert case(IN_FORCE.when(renewal(change=None, rate="9999.00"))).owner == "finance_director"
    assert len(asked(IN_FORCE.when(renewal(change=None)), "contract.put")) == 1


def test_new_rates_of_a_renewal_need_authority_whatever_it_says_that_they_are_worth() -> None:
    assert case(IN_FORCE.when(renewal(change="1.00", rate="9999.00"))).owner == "finance_director"
    assert len(asked(IN_FORCE.when(renewal(change=None, rate="145.00")), "contract.put")) == 1


def test_a_renewal_that_was_overtaken_while_it_waited_is_dropped_once_it_is_approved() -> None:
    given = IN_FORCE.after(DEAR, order(2, ends_on=date(2028, 12, 31)))
    decision = accepted(given.when(act(Act.APPROVE, "renewal")))
    assert (decision.requests, decision.settles, "2028-12-31 already" in decision.remarks[0]) == (
        (),
        ("renewal",),
        True,
    )


def test_a_renewal_that_waits_ends_with_the_contract() -> None:
    decision = accepted(IN_FORCE.after(DEAR).when(termination()))
    assert "renewal" in decision.settles
    assert decision.remarks == ("the renewal is dropped: the contract is terminated",)


def test_a_wrong_renewal_takes_the_place_of_the_one_that_waits() -> None:
    given = IN_FORCE.after(DEAR, renewal(rate="152.00", currency="USD"))
    assert contract(given).renewal is None
    assert accepted(given.when(act(Act.RESOLVE, "renewal"))).settles == ("renewal",)


def test_a_renewal_that_the_policy_asks_nobody_about_any_more_goes_on_once_approved() -> None:
    given = replace(IN_FORCE.after(DEAR), policy=SUPERVISED.model_copy(update={"approvals": {}}))
    assert "approve it to go on" in reason_to_ignore(given.when(act(Act.REJECT, "renewal")))
    assert len(asked(given.when(act(Act.APPROVE, "renewal")), "contract.put")) == 1


def test_a_renewal_of_a_fixed_fee_leaves_no_part_of_it_without_an_instalment() -> None:
    found = case(FIXED.when(renewal(change="12000.00")))
    assert (found.topic, found.failure.code, found.acts) == ("renewal", "schedule_differs", (Act.RESOLVE,))
    assert "add up to 20000 EUR, the fixed fee would be 32000.00" in found.failure.reason
    assert "as a change order" in found.failure.reason
    held = FIXED.after(renewal(change="12000.00"))
    assert (contract(held).value, contract(held).ends_on, contract(held).renewal) == (Decimal(20_000), END, None)
    # And it goes on as the change order that the case asks for
    instead = scheduled("20000.00", "12000.00", change="12000.00").model_copy(update={"ends_on": date(2027, 12, 31)})
    put = body(replace(held, policy=UNSUPERVISED).when(instead), "contract.put")
    assert isinstance(put, ContractPut)
    assert (put.fee, put.ends_on) == (Decimal("32000.00"), date(2027, 12, 31))


@pytest.mark.parametrize("change", [None, "0.00"])
def test_a_renewal_that_leaves_a_fixed_fee_moves_its_last_day(change: str | None) -> None:
    assert len(asked(FIXED.when(renewal(change=change)), "contract.put")) == 1


def test_a_renewal_that_does_not_extend_changes_nothing() -> None:
    assert "2027-12-31 already" in reason_to_ignore(IN_FORCE.after(renewal()).when(renewal()))


def test_the_currency_never_changes() -> None:
    found = case(IN_FORCE.when(renewal(rate="152.00", currency="USD")))
    assert (found.topic, found.failure.code) == ("renewal", "currency_differs")
    assert accepted(IN_FORCE.when(renewal())).settles == ("renewal",)


def test_a_termination_tells_everybody_and_ends_what_is_held() -> None:
    given = IN_FORCE.after(LARGE)
    decision = accepted(given.when(termination()))
    put, told = body(decision, "contract.put"), body(decision, "project.terms_changed")
    assert isinstance(put, ContractPut)
    assert isinstance(told, TermsChanged)
    assert (put.ends_on, told.ends_on) == (JUNE, JUNE)
    assert TOPIC_2 in decision.settles
    assert decision.remarks == ("version 2 is dropped: the contract is terminated",)
    after = given.after(termination())
    assert "terminated" in reason_to_ignore(after.when(order(2)))
    assert "terminated" in reason_to_ignore(after.when(renewal()))
    assert "terminated" in reason_to_ignore(after.when(termination()))


def test_a_termination_after_the_last_day_changes_nothing() -> None:
    assert str(END) in reason_to_ignore(IN_FORCE.when(termination(date(2027, 1, 1))))


@pytest.mark.parametrize(("event", "topic"), [(renewal(), "renewal"), (termination(), "termination")])
def test_before_the_contract_is_known_it_is_a_case(event: Record, topic: str) -> None:
    assert case(NEW.when(event)).topic == topic
    assert accepted(NEW.when(act(Act.RESOLVE, topic))).settles == (topic,)


def test_withdrawn_with_its_deal_it_takes_no_more_changes() -> None:
    decision = accepted(IN_FORCE.after(LARGE).when(WITHDRAWAL))
    assert (decision.requests, decision.settles) == ((), (TOPIC_2,))
    assert "withdrawn" in reason_to_ignore(IN_FORCE.after(WITHDRAWAL).when(order(2)))
    assert "withdrawn" in reason_to_ignore(IN_FORCE.after(WITHDRAWAL).when(WITHDRAWAL))


def test_a_deal_that_does_not_own_the_contract_takes_nothing_of_it_back() -> None:
    foreign = WITHDRAWAL.model_copy(update={"engagement": "ENG-2"})
    given = IN_FORCE.after(order(3), opened().model_copy(update={"engagement": "ENG-2"}))
    assert "ENG-1" in reason_to_ignore(given.when(foreign))
    assert "no deal" in reason_to_ignore(NEW.after(activated()).when(foreign))


def test_a_withdrawn_contract_begins_again_with_the_next_deal_that_is_won_under_it() -> None:
    # Given a contract with a change order, whose deal was cancelled
    given = FREE.after(order(2, rate="150.00"), WITHDRAWAL)
    # When another deal is won under it
    decision = accepted(given.when(SECOND))
    # Then it is in force with the terms of that deal alone, and the next version is 2 again
    assert (decision.requests, decision.cases) == ((), ())
    again = given.after(SECOND)
    state = contract(again)
    assert (state.status, state.engagement, state.version) == ("in_force", "ENG-2", 1)
    assert (state.value, state.rates) == (Decimal("7000.00"), {"consultant": Decimal("145.00")})
    assert versions(again) == [(1, "cancelled"), (2, "cancelled"), (1, "applied")]
    put = body(again.when(order(2)), "contract.put")
    assert isinstance(put, ContractPut)
    assert (put.version, put.value) == (2, Decimal("12000.00"))
    # And the deal before takes nothing of it back
    assert "ENG-2" in reason_to_ignore(again.when(WITHDRAWAL))


def test_terms_of_the_deal_before_that_reach_the_billing_system_late_are_followed_by_those_in_force() -> None:
    given, put = withdrawn_amid_a_change()
    again = given.after(SECOND)
    followed = body(again.when(again.confirmed(put, "CON-1")), "contract.put")
    assert isinstance(followed, ContractPut)
    assert (followed.version, followed.value) == (1, Decimal("7000.00"))
    assert "not in force any more" in reason_to_ignore(again.when(again.refused(put)))
    # And where the contract is billed elsewhere now, they are taken back
    moved = given.after(SECOND.model_copy(update={"billing": "new-billing"}))
    (cancel,) = accepted(moved.when(moved.confirmed(put, "CON-1"))).requests
    assert (cancel.system, cancel.operation) == ("billing", "contract.cancel")


def test_a_withdrawn_contract_is_not_activated_without_a_deal() -> None:
    assert "another deal" in reason_to_ignore(IN_FORCE.after(WITHDRAWAL).when(activated()))


def withdrawn_amid_a_change() -> tuple[Given, Request]:
    """A contract that was withdrawn while the billing system had not answered yet about a change order."""
    (put,) = asked(IN_FORCE.when(order(2)), "contract.put")
    return IN_FORCE.after(order(2), WITHDRAWAL), put


def test_what_comes_to_the_billing_system_after_the_withdrawal_is_taken_back_there() -> None:
    given, put = withdrawn_amid_a_change()
    (cancel,) = accepted(given.when(given.confirmed(put, "CON-1"))).requests
    assert (cancel.system, cancel.operation) == ("billing", "contract.cancel")
    assert cancel.body == ContractCancel(
        contract_id="SOW-1", billing_id="CON-1", legal_entity="DE01", currency="EUR", reason="its deal was cancelled"
    )
    after = given.after(given.confirmed(put, "CON-1"))
    assert "billing" in reason_to_ignore(after.when(after.confirmed(cancel)))
    assert refusal(after.when(after.refused(cancel))) == REFUSED


def test_what_the_billing_system_refuses_after_the_withdrawal_is_nobodys_case() -> None:
    given, put = withdrawn_amid_a_change()
    assert "withdrawn" in reason_to_ignore(given.when(given.refused(put)))


def test_nothing_of_a_withdrawn_contract_is_sent_again() -> None:
    given, _ = refused_by_billing()
    assert accepted(given.when(WITHDRAWAL)).settles == (TOPIC_2,)
    for what in (Act.RETRY, Act.CANCEL):
        assert "withdrawn" in reason_to_ignore(given.after(WITHDRAWAL).when(act(what, TOPIC_2)))


def test_where_it_cannot_be_taken_back_a_person_is_told() -> None:
    given, put = withdrawn_amid_a_change()
    entity = SUPERVISED.legal_entities["DE01"].model_copy(update={"operations": {"contract.cancel": None}})
    silent = replace(given, policy=SUPERVISED.model_copy(update={"legal_entities": {"DE01": entity}}))
    found = case(silent.when(given.confirmed(put, "CON-1")))
    assert (found.topic, found.failure.code) == ("withdrawn", "contract_left")
    assert accepted(given.when(act(Act.RESOLVE, "withdrawn"))).settles == ("withdrawn",)


# ------------------------------------------------------------------------------------------------------------- routing


def test_where_nobody_bills_contracts_the_project_alone_is_told() -> None:
    sent_nowhere = NEW.after(opened(billing=None))
    decision = accepted(sent_nowhere.when(order(2)))
    assert [request.operation for request in decision.requests] == ["project.terms_changed"]
    assert isinstance(decision.state, Contract)
    assert decision.state.history[1].billing == "none"


def test_what_was_begun_in_a_system_stays_there() -> None:
    moved = SUPERVISED.model_copy(
        update={
            "legal_entities": {
                code: entity.model_copy(update={"billing": "new-billing"})
                for code, entity in SUPERVISED.legal_entities.items()
            }
        }
    )
    (put,) = asked(replace(IN_FORCE, policy=moved).when(order(2)), "contract.put")
    assert put.system == "billing"


def test_a_fixed_fee_grows_with_its_change_orders() -> None:
    fixed = opened().model_copy(update={"method": "fixed_fee", "fee": Decimal("9000.00"), "value": None, "roles": ()})
    put = body(NEW.after(fixed).when(order(2)), "contract.put")
    assert isinstance(put, ContractPut)
    assert (put.fee, put.value) == (Decimal("14000.00"), Decimal("14000.00"))


def test_an_event_of_another_entity_changes_nothing() -> None:
    assert "customer.credit_changed.v1" in reason_to_ignore(NEW.when(credit(on_hold=True)))


@pytest.mark.parametrize("topic", ["change_order:9", "contract:1", "margin"])
def test_an_act_on_nothing_that_is_open_changes_nothing(topic: str) -> None:
    assert topic in reason_to_ignore(IN_FORCE.when(act(Act.RETRY, topic)))


def test_a_project_that_is_not_in_the_erp_yet_is_waited_for() -> None:
    assert awaited(replace(NEW, others={**NEW.others, BRIDGE: Project()}).when(activated())) == BRIDGE
