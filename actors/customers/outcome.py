"""What follows from a change of the customer: answers to engagements, its place in the directory, claims, and cases."""

from __future__ import annotations

from dataclasses import replace

from actors.customers import puts, suspicion
from actors.customers.answers import answered
from actors.customers.failing import ID_MISSING, case, failing, topic
from actors.customers.lines import asked
from actors.customers.listing import listed
from actors.customers.ownership import Left
from actors.customers.puts import Brought
from actors.decision import Accept, Context, Decision, Ignore
from schemas.commands import Result
from schemas.customer.entity import Candidate, Customer, ErpRecord
from schemas.facts import Notice
from schemas.keys import external_key
from schemas.verdicts import Failure, FailureClass


def concluded(before: Customer, brought: Brought, context: Context) -> Accept:
    """What ERPs are asked, with what follows from it for engagements, the directory, and cases."""
    told, answers = answered(brought.state, context)
    listing, entries = listed(told, context.key.id)
    state, requests = asked(listing, (*answers, *entries))
    still = failing(state)
    return Accept(
        state,
        requests=(*brought.requests, *requests),
        cases=tuple(case(state, code, failure) for code, failure in brought.failed.items()),
        settles=tuple(topic(code) for code in failing(before) if code not in still),
        remarks=brought.remarks,
    )


def halted(state: Customer, found: tuple[Candidate, ...], context: Context) -> Accept:
    """It may be another customer: nothing is sent until a person says."""
    doubt = None if state.profile is None else suspicion.doubt_of(state.profile, found)
    suspect = state.model_copy(update={"status": "duplicate?", "candidates": found, "doubt": doubt})
    told, answers = answered(suspect, context)
    changed, requests = asked(told, answers)
    named = ", ".join(each.id for each in found)
    return Accept(
        changed,
        requests=requests,
        cases=(suspicion.suspected(found, doubt),),
        notices=(Notice("duplicate_suspected", {"candidates": named}),),
        remarks=(f"it may be {named}: nothing is sent until a person says",),
    )


def with_claims(before: Customer, accept: Accept, context: Context) -> Accept:
    """Claims what it alone may hold and nobody holds yet, and gives back what it needs no more."""
    state = accept.state
    if not isinstance(state, Customer) or state.profile is None:
        return accept
    had = set(suspicion.held(before))
    wanted = [claim for claim in suspicion.wanted_claims(state.profile) if claim not in context.taken]
    return replace(
        accept,
        state=state.model_copy(update={"claims": {claim.scope: claim.value for claim in wanted}}),
        claims=tuple(claim for claim in wanted if claim not in had),
        releases=tuple(claim for claim in suspicion.held(before) if claim not in wanted),
    )


def with_lefts(accept: Accept, lefts: tuple[Left, ...]) -> Accept:
    """With what the sender may not change, said and, where the policy wants it, asked."""
    cases = {left.field: left.case for left in lefts if left.rule.otherwise == "case"}
    remarks = (*accept.remarks, *(left.remark for left in lefts))
    return replace(accept, cases=(*accept.cases, *cases.values()), remarks=remarks)


def confirmed(state: Customer, code: str, result: Result, external_id: str | None, context: Context) -> Decision:
    """An ERP has the customer, under its own id if it says so: whoever asked is told."""
    system = result.command.system
    row = state.record(code, system) or ErpRecord(legal_entity=code, system=system, line=result.command.line)
    if external_id is None and row.external_id is None:
        reason = f"{system} confirmed the customer without its own id: look it up there, then retry"
        return failed(state, row, Failure(FailureClass.CONFLICT, ID_MISSING, reason), context)
    if external_id in (None, row.external_id):
        return Ignore("the ERP has this state of the customer")
    known = with_record(state, row.model_copy(update={"external_id": external_id}))
    is_to_be_held = state.merged_into is not None and row.line is None
    brought = puts.hold_back(known, context, (code,)) if is_to_be_held else Brought(known)
    accept = concluded(state, brought, context)
    return replace(
        accept,
        binds=(external_key(system, "customer", external_id),),
        notices=(Notice("linked", {"system": system, "external_id": external_id}),),
    )


def failed(state: Customer, row: ErpRecord, failure: Failure, context: Context) -> Accept:
    """An ERP does not have the customer as it is: whoever asked is told, and a person may have it tried again."""
    code = row.legal_entity
    changed = with_record(state, row.model_copy(update={"line": None, "failure": failure}))
    return concluded(state, Brought(changed, failed={code: failing(changed)[code]}), context)


def with_record(state: Customer, row: ErpRecord) -> Customer:
    """With what one system has."""
    rows = {(each.legal_entity, each.system): each for each in state.records}
    rows[(row.legal_entity, row.system)] = row
    return state.model_copy(update={"records": tuple(rows.values())})
