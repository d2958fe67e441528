"""What engagements are told: that the ERP has the customer, why it cannot have it, or that it is another one now."""

from __future__ import annotations

from typing import Final

from actors.decision import Context
from actors.policy import Flow, Mode
from schemas.customer.entity import Asker, Customer
from schemas.customer.v1 import Trade
from schemas.engagement.v1 import CustomerMoved, CustomerReady, CustomerRefused
from schemas.record import Record
from schemas.verdicts import Failure, FailureClass

MOST: Final = 500
"""Engagements that are remembered; beyond that, those that have their answer are forgotten, the oldest first."""
READY: Final = "ready"

Message = tuple[str, Record]
"""The name of an inner event, and what it says."""


def noted(state: Customer, trade: Trade) -> Customer:
    """The customer with one more engagement that asks; one that asks again is answered again."""
    asker = Asker(engagement=trade.engagement, legal_entity=trade.legal_entity, on=trade.on)
    others = [each for each in state.askers if not _is_same(each, asker)]
    if len(others) >= MOST:
        others.remove(next((each for each in others if each.told == READY), others[0]))
    traded = state.traded if asker.legal_entity in state.traded else (*state.traded, asker.legal_entity)
    return state.model_copy(update={"askers": (*others, asker), "traded": traded})


def answered(state: Customer, context: Context) -> tuple[Customer, tuple[Message, ...]]:
    """What each engagement is told that does not know it yet. One that has the customer is told no more."""
    askers: list[Asker] = []
    messages: list[Message] = []
    for asker in state.askers:
        answer = None if asker.told == READY else _answer(state, asker, context)
        told = asker.told if answer is None else READY if isinstance(answer, CustomerReady) else answer.code
        if answer is not None and told != asker.told:
            name = "customer_ready" if isinstance(answer, CustomerReady) else "customer_refused"
            messages.append((f"engagement.{name}", answer))
        askers.append(asker if told == asker.told else asker.model_copy(update={"told": told}))
    if not messages:
        return state, ()
    return state.model_copy(update={"askers": tuple(askers)}), tuple(messages)


def moved(engagements: tuple[str, ...], customer: str, into: str) -> tuple[Message, ...]:
    """What engagements are told when the customer was merged."""
    return tuple(
        ("engagement.customer_moved", CustomerMoved(to=engagement, customer=customer, into=into))
        for engagement in dict.fromkeys(engagements)
    )


def _is_same(one: Asker, other: Asker) -> bool:
    return (one.engagement, one.legal_entity) == (other.engagement, other.legal_entity)


def _answer(state: Customer, asker: Asker, context: Context) -> CustomerReady | CustomerRefused | None:
    """The truth as it stands, in the system that is meant; None while that has not answered."""
    code, customer = asker.legal_entity, context.key.id
    tax_code = state.tax_codes.get(code)
    row = None if asker.system is None else state.record(code, asker.system)
    erp_id = None if row is None else row.external_id
    failure = obstacle(state)
    if failure is None and erp_id is not None and tax_code is not None:
        return CustomerReady(
            to=asker.engagement, customer=customer, legal_entity=code, erp_id=erp_id, tax_code=tax_code
        )
    refused = None if row is None else row.failure
    failure = failure or state.failures.get(code) or refused or _unsent(asker, context)
    if failure is None:
        return None
    return CustomerRefused(
        to=asker.engagement,
        customer=customer,
        legal_entity=code,
        failure_class=failure.failure_class,
        code=failure.code,
        reason=failure.reason,
        field=failure.field,
    )


def obstacle(state: Customer) -> Failure | None:
    """Why nobody can trade with the customer."""
    if state.profile is None:
        reason = "nobody has sent the customer yet: it goes on by itself once its record comes"
        return Failure(FailureClass.MISSING_REFERENCE, "customer_unknown", reason, "customer")
    if state.status == "duplicate?":
        named = ", ".join(each.id for each in state.candidates)
        reason = f"the customer may be {named}: say in its case whether it is; it goes on by itself then"
        return Failure(FailureClass.DUPLICATE, "duplicate", reason, "customer")
    if state.on_hold:
        reason = "the customer is on credit hold: it goes on by itself once finance releases it"
        return Failure(FailureClass.BUSINESS_RULE, "credit_hold", reason, "customer")
    return None


def _unsent(asker: Asker, context: Context) -> Failure | None:
    """Why no ERP is asked."""
    legal_entity = context.policy.legal_entities.get(asker.legal_entity)
    if legal_entity is not None and legal_entity.mode(Flow.CUSTOMERS) is not Mode.LIVE:
        reason = f"{asker.legal_entity} does not run customers live: let the policy file say so, then retry"
        return Failure(FailureClass.MAPPING, "customers_not_live", reason, "legal_entity")
    if asker.system is None:
        reason = f"the policy sends no customers of {asker.legal_entity} anywhere: name a system, then retry"
        return Failure(FailureClass.MAPPING, "customers_unrouted", reason, "legal_entity")
    return None
