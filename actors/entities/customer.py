"""Customer: one golden record, the same in the ERP of each legal entity that trades with it, and never two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from actors.asking import not_seen
from actors.customers import merging, suspicion
from actors.customers.answers import moved, noted
from actors.customers.binding import bound
from actors.customers.failing import failing, topic
from actors.customers.hierarchy import chain, misplaced
from actors.customers.lines import asked
from actors.customers.outcome import concluded, confirmed, failed, halted, with_claims, with_lefts
from actors.customers.ownership import TOPIC as OWNERSHIP
from actors.customers.ownership import Left, Sender, owned
from actors.customers.puts import Brought, bring
from actors.customers.retrying import resolved, retried
from actors.customers.upcasts import UPCASTS
from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Snapshot
from schemas.acts import Act, Acted
from schemas.bound import Bound
from schemas.commands import SELF, Confirmed, Rejected, Result
from schemas.customer.entity import Candidate, Customer
from schemas.customer.v1 import Absorbed, CreditChanged, Merged, Resembles, TaxProfileChanged, Trade, Upserted
from schemas.envelope import Envelope
from schemas.facts import Case
from schemas.keys import ActorKey

PARENT = "parent"
"""Topic of the case about a parent that the customer cannot have."""


def references(state: Customer, event: Event, loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """A snapshot needs the parents above it and who is listed under nearly its name; a merge, who stays."""
    match event:
        case Envelope(data=Upserted() as profile):
            known = None if state.profile is None else state.profile.parent
            return (
                *chain(profile.parent, loaded), *chain(known, loaded), *suspicion.directories(state, profile),
            )  # fmt: skip
        case Envelope(data=Merged(into=into)):
            return (into.key("customer"),)
        case Envelope(data=Acted(act=Act.CANCEL) as acted):
            into_id = _into(state, acted)
            return () if into_id is None else (ActorKey("customer", into_id),)
        case _:
            return ()


def decide(state: Customer, event: Event, context: Context) -> Decision:
    """What a customer's event means; pure."""
    match event:
        case Result():
            return _result(state, event, context)
        case Envelope(data=Trade() as trade):
            return _trade(state, trade, context)
        case Envelope(data=Bound() as told):
            return bound(state, told, context)
        case Envelope(data=Acted() as acted):
            return _acted(state, acted, context)
        case Envelope(
            data=Upserted() | CreditChanged() | TaxProfileChanged() | Merged() | Resembles() | Absorbed()
        ) if state.merged_into is not None:
            return Ignore(f"the customer was merged into {state.merged_into}: say it of that one instead")
        case Envelope(data=Upserted() | CreditChanged() | TaxProfileChanged()):
            return _changed(state, event, Sender(event.source, context.policy), context)
        case Envelope(data=Merged(into=into)):
            return merging.merged(state, into, context)
        case Envelope(data=Resembles() | Absorbed()):
            return _compared(state, event, context)
        case _:
            return Ignore(f"{event.type} does not concern a customer")


def _compared(state: Customer, event: Envelope, context: Context) -> Decision:
    """What others say of whom it may be."""
    match event.data:
        case Resembles() as resembles:
            return _resembles(state, resembles, context)
        case Absorbed(customer=gone):
            return _absorbed(state, gone, context)
        case _:
            return Ignore(f"{event.type} says nothing of whom a customer may be")


def _changed(state: Customer, event: Envelope, sender: Sender, context: Context) -> Decision:
    """What its sender may change of it."""
    match event.data:
        case Upserted() as profile:
            return _upserted(state, profile, sender, context)
        case CreditChanged() as credit:
            return _credit_changed(state, credit, sender, context)
        case TaxProfileChanged() as change:
            return _tax_profile_changed(state, change, sender, context)
        case _:
            return Ignore(f"{event.type} changes nothing of a customer")


def _upserted(state: Customer, profile: Upserted, sender: Sender, context: Context) -> Decision:
    changed, lefts = owned(state, profile, sender)
    after = changed.profile or profile
    failure = misplaced(after.parent, context)
    if failure is not None:
        after = after.model_copy(update={"parent": None if state.profile is None else state.profile.parent})
        changed = changed.model_copy(update={"profile": after})
    update = {"status": "known", "candidates": (), "is_parent_refused": failure is not None}
    changed = changed.model_copy(update=update)
    is_new = state.status == "duplicate?" or suspicion.is_renamed(state.profile, after)
    found = suspicion.candidates(state, after, context) if is_new else ()
    accept = halted(changed, found, context) if found else concluded(state, bring(changed, context), context)
    accept = with_claims(state, accept, context)
    cases, settles, remarks = accept.cases, accept.settles, accept.remarks
    if failure is None and state.is_parent_refused:
        settles = (*settles, PARENT)
    if failure is not None:
        cases = (*cases, Case(failure, topic=PARENT, acts=(Act.RESOLVE,)))
        remarks = (*remarks, failure.reason)
    if state.status == "duplicate?" and not found:
        settles = (*settles, suspicion.TOPIC)
    return with_lefts(replace(accept, cases=cases, settles=settles, remarks=remarks), lefts)


def _credit_changed(state: Customer, credit: CreditChanged, sender: Sender, context: Context) -> Decision:
    codes = state.traded if state.profile is None else (*state.profile.legal_entities, *state.traded)
    update: dict[str, object] = {}
    lefts: list[Left] = []
    for field in ("on_hold", "credit_limit"):
        rule, new = sender.barred(field, codes), getattr(credit, field)
        if rule is None:
            update[field] = new
        elif new is not None and new != getattr(state, field):
            lefts.append(sender.left(field, rule))
    if not update and not any(left.rule.otherwise == "case" for left in lefts):
        return Ignore("; ".join(left.remark for left in lefts) or "it changes nothing that its source may change")
    changed = state.model_copy(update=update)
    return with_lefts(concluded(state, bring(changed, context), context), tuple(lefts))


def _tax_profile_changed(state: Customer, change: TaxProfileChanged, sender: Sender, context: Context) -> Decision:
    code = change.legal_entity
    rule = sender.barred("tax_profile", (code,))
    if rule is None:
        changed = state.model_copy(update={"tax_profiles": {**state.tax_profiles, code: change.tax_profile}})
        return concluded(state, bring(changed, context, (code,)), context)
    if state.tax_profile(code) == change.tax_profile:
        return Ignore(f"{code} taxes the customer so already")
    left = sender.left("tax_profile", rule, code)
    return with_lefts(Accept(state), (left,)) if rule.otherwise == "case" else Ignore(left.remark)


def _trade(state: Customer, trade: Trade, context: Context) -> Decision:
    """An engagement asks for the customer. It is put once, however many ask."""
    if state.merged_into is not None:
        told, requests = asked(state, moved((trade.engagement,), context.key.id, state.merged_into))
        return Accept(told, requests=requests)
    return concluded(state, bring(noted(state, trade), context, (trade.legal_entity,), anew=False), context)


def _resembles(state: Customer, resembles: Resembles, context: Context) -> Decision:
    """It came at the same time as another one with nearly its name."""
    found = tuple(
        Candidate(id=other.customer, name=other.name, why="similar name", score=other.score)
        for other in resembles.others
        if other.customer not in state.distinct_from
    )
    if state.status != "known" or not found:
        return Ignore("a person has said already who it is, or is asked")
    return halted(state, found, context)


def _absorbed(state: Customer, gone: str, context: Context) -> Decision:
    """Another one means this one now: what it alone could have is free, and nobody need say that they are two."""
    rest = tuple(each for each in state.candidates if each.id != gone)
    if state.status == "duplicate?" and rest:
        return halted(state, rest, context) if rest != state.candidates else Ignore(f"{gone} was no candidate")
    is_cleared = state.status == "duplicate?"
    changed = state.model_copy(update={"status": "known", "candidates": ()})
    brought = bring(changed, context) if is_cleared else Brought(changed)
    accept = with_claims(state, concluded(state, brought, context), context)
    if accept.state == state and not accept.requests:
        return Ignore(f"{gone} had nothing that this one could take over")
    return replace(accept, settles=(*accept.settles, suspicion.TOPIC)) if is_cleared else accept


def _acted(state: Customer, acted: Acted, context: Context) -> Decision:
    """A person has settled something, or wants it tried again."""
    code = next((code for code in failing(state) if topic(code) == acted.topic), None)
    match acted.act:
        case Act.APPROVE | Act.CANCEL if acted.topic == suspicion.TOPIC and state.status == "duplicate?":
            return not_seen(acted, state.doubt) or _judged(state, acted, context)
        case Act.RETRY | Act.RESOLVE if code is not None:
            return retried(state, code, context) if acted.act is Act.RETRY else resolved(state, code)
        case Act.RESOLVE if acted.topic in (PARENT, merging.TOPIC) or acted.topic.startswith(OWNERSHIP):
            return Accept(state, settles=(acted.topic,))
        case _:
            return Ignore(f"{acted.act} is nothing that can be done about {acted.topic}, or it was done already")


def _judged(state: Customer, acted: Acted, context: Context) -> Decision:
    """A person has said who it is."""
    return _told_apart(state, context) if acted.act is Act.APPROVE else _said_to_be(state, acted, context)


def _told_apart(state: Customer, context: Context) -> Accept:
    """It is another customer, so it goes on."""
    distinct = tuple(dict.fromkeys((*state.distinct_from, *(each.id for each in state.candidates))))
    known = state.model_copy(update={"status": "known", "candidates": (), "distinct_from": distinct[-100:]})
    accept = concluded(state, bring(known, context), context)
    return replace(accept, settles=(*accept.settles, suspicion.TOPIC))


def _said_to_be(state: Customer, acted: Acted, context: Context) -> Decision:
    """It is the same customer as another."""
    into = _into(state, acted)
    if into is None:
        ids = ", ".join(each.id for each in state.candidates)
        return Ignore(f'say which of {ids} stays, with changes {{"into": its id}}; another one was never compared')
    winner = context.find(ActorKey("customer", into))
    if winner.key == context.key or not merging.is_known(winner):
        return Ignore(f"{into} is no customer that it could be merged into: name another one")
    return merging.taken_over(state, winner, context)


def _result(state: Customer, result: Result, context: Context) -> Decision:
    command, code = result.command, result.command.line.rsplit(".", 2)[0]
    match result.outcome:
        case Confirmed() if command.system == SELF:
            return Ignore(f"{command.operation} was told")
        case Rejected(failure) if command.system == SELF:
            return Reject(failure)
        case Confirmed(external_id):
            return confirmed(state, code, result, external_id, context)
        case Rejected(failure):
            row = state.record(code, command.system)
            if row is None or row.line != command.line:
                return Ignore("the ERP refused a state of the customer that a later one has replaced")
            return failed(state, row, failure, context)
        case _:
            assert_never(result.outcome)


def _into(state: Customer, acted: Acted) -> str | None:
    """The candidate that a person says it is; the only one needs no name."""
    named = (acted.changes or {}).get("into")
    if any(each.id == named for each in state.candidates):
        return str(named)
    return state.candidates[0].id if named is None and len(state.candidates) == 1 else None


ACTOR = Actor("customer", Customer, 3, decide, references, UPCASTS)
