"""Customer: the CRM's record, kept the same in the ERP of each legal entity that trades with it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Final, assert_never

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, no_references
from schemas.commands import Confirmed, Rejected, Result
from schemas.customer.entity import Customer
from schemas.customer.v1 import CreditChanged, Upserted
from schemas.envelope import Envelope
from schemas.facts import Claim, Notice
from schemas.keys import external_key
from schemas.operations.customer import CustomerPut
from schemas.verdicts import Failure, FailureClass

DIGITS: Final = 8
"""Of a content's digest; it has to differ from one other content only, that of the same number before a restore."""


def decide(state: Customer, event: Event, context: Context) -> Decision:
    """What a customer's event means; pure."""
    match event:
        case Result():
            return _result(state, event)
        case Envelope(data=Upserted() as profile):
            return _upserted(state, profile, context)
        case Envelope(data=CreditChanged() as credit):
            return _credit_changed(state, credit, context)
        case _:
            return Ignore(f"{event.type} does not concern a customer")


def _upserted(state: Customer, profile: Upserted, context: Context) -> Decision:
    holders = [context.taken[claim] for claim in _tax_claims(profile) if claim in context.taken]
    if holders:
        return Reject(
            Failure(
                FailureClass.DUPLICATE,
                "tax_id_taken",
                f"{holders[0]} has the same tax id: merge the two in the CRM, or correct the tax id of one",
                "tax_id",
            )
        )
    put = _put(state.model_copy(update={"profile": profile}), context)
    if not isinstance(put, Accept):
        return put
    before, now = _tax_claims(state.profile), _tax_claims(profile)
    return replace(put, claims=now, releases=tuple(claim for claim in before if claim not in now))


def _credit_changed(state: Customer, credit: CreditChanged, context: Context) -> Decision:
    changed = state.model_copy(update={"on_hold": credit.on_hold})
    if changed.profile is None:
        return Accept(changed)
    return _put(changed, context)


def _put(state: Customer, context: Context) -> Decision:
    """Bring the ERP of each legal entity that trades with the customer to `state`."""
    profile = state.profile
    if profile is None:
        return Accept(state)
    requests: list[Request] = []
    codes: dict[str, str] = {}
    for code in profile.legal_entities:
        legal_entity = context.policy.legal_entities.get(code)
        if legal_entity is None:
            return Reject(_unmapped("legal_entity", f"legal entity {code}", "legal_entities"))
        if profile.tax_profile is None:
            return Reject(
                Failure(
                    FailureClass.MAPPING,
                    "tax_profile_missing",
                    "the customer has no tax profile: set it in the CRM, and discard this message once the CRM has "
                    "sent the customer again",
                    "tax_profile",
                )
            )
        tax_code = legal_entity.tax_codes.get(profile.tax_profile)
        if tax_code is None:
            return Reject(_unmapped("tax_profile", f"tax profile {profile.tax_profile} of {code}", "tax_profile"))
        codes[code] = tax_code
        body = CustomerPut(
            customer_id=context.key.id,
            legal_entity=code,
            name=profile.name,
            country=profile.country,
            tax_id=profile.tax_id,
            tax_code=tax_code,
            currency=profile.currency,
            payment_terms=profile.payment_terms,
            on_hold=state.on_hold,
        )
        requests.append(Request(legal_entity.erp, "customer.put", _line(code, state.puts + 1, body), body))
    changed = state.model_copy(update={"puts": state.puts + 1, "tax_codes": codes})
    return Accept(changed, requests=tuple(requests))


def _line(code: str, number: int, body: CustomerPut) -> str:
    """Names a put by its number and its content: a restored database may count to the same number with another one.

    The ERP would take that for the put it has already, and keep the former content.
    """
    return f"{code}.{number}.{sha256(body.to_json()).hexdigest()[:DIGITS]}"


def _result(state: Customer, result: Result) -> Decision:
    match result.outcome:
        case Rejected(failure):
            return Reject(failure)
        case Confirmed(external_id):
            legal_entity = result.command.line.rsplit(".", 2)[0]
            if external_id is None or state.erp_ids.get(legal_entity) == external_id:
                return Ignore("the ERP has this state of the customer")
            return Accept(
                state.model_copy(update={"erp_ids": {**state.erp_ids, legal_entity: external_id}}),
                binds=(external_key(result.command.system, "customer", external_id),),
                notices=(Notice("linked", {"system": result.command.system, "external_id": external_id}),),
            )
        case _:
            assert_never(result.outcome)


def _tax_claims(profile: Upserted | None) -> tuple[Claim, ...]:
    """The tax id, which one customer alone may have."""
    if profile is None or profile.tax_id is None:
        return ()
    return (Claim("customer.tax_id", f"{profile.country}/{profile.tax_id}"),)


def _unmapped(what: str, name: str, field: str) -> Failure:
    return Failure(FailureClass.MAPPING, f"{what}_unmapped", f"add {name} to the policy file, then retry", field)


ACTOR = Actor("customer", Customer, 1, decide, no_references)
