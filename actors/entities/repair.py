"""Repair: a plan to bring a system's books to what we hold. Nothing is sent before somebody else has approved it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Final, assert_never

from actors.asking import digest_of, not_seen
from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, no_references
from schemas.acts import Act, Acted
from schemas.commands import SELF, Confirmed, Rejected, Result
from schemas.envelope import Envelope
from schemas.facts import Case, Notice
from schemas.repair.entity import Repair
from schemas.repair.v1 import LASTS, Item, Planned, Repaired, Unanswered, Verified
from schemas.verdicts import Failure, FailureClass

TOPIC: Final = "repair"
UNANSWERED: Final = "unanswered"
"""Topic of a plan that is approved, and of whose system nobody can tell what stands there."""
FINANCE: Final = "finance"
"""The role that decides on repairs."""
SHOWN: Final = 10
"""Items that the case names; the state has all of them."""


def decide(state: Repair, event: Event, context: Context) -> Decision:
    """What a repair is told; pure."""
    match event:
        case Result():
            return _heard(event)
        case Envelope(data=Planned() as plan):
            return _planned(state, plan)
        case Envelope(data=Acted() as act):
            return _acted(state, act)
        case Envelope(data=Verified() as verified):
            return _verified(state, verified, context)
        case Envelope(data=Unanswered() as told):
            return _unanswered(state, told)
        case _:
            return Ignore(f"{event.type} does not concern a repair")


def _planned(state: Repair, plan: Planned) -> Decision:
    if state.plan is not None:
        return Ignore("the plan is known already")
    asks = digest_of(plan.to_json())
    asked = Repair(status="asked", plan=plan, asks=asks)
    acts = (Act.APPROVE, Act.REJECT)
    return Accept(asked, cases=(Case(_question(plan), TOPIC, acts, FINANCE, _money(plan.items), asks=asks),))


def _acted(state: Repair, act: Acted) -> Decision:
    """Finance decides on the plan, as it was seen."""
    plan = state.plan
    if plan is None or (act.topic, state.status) not in {(TOPIC, "asked"), (UNANSWERED, "approved")}:
        return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")
    outdated = not_seen(act, state.asks)
    if outdated is not None:
        return outdated
    if FINANCE not in act.roles:
        return Ignore(f"repairs are decided by {FINANCE}, and {act.by} is not that")
    match act.act:
        case Act.APPROVE if act.topic == TOPIC:
            if act.by == plan.requested_by:
                return Ignore(f"{act.by} has asked for this repair: let somebody else approve it")
            return _decided(state, "approved", act)
        case Act.REJECT:
            return _decided(state, "rejected", act)
        case _:
            possible = "approve or reject" if act.topic == TOPIC else "reject"
            return Ignore(f"{act.act} is not possible here: {possible} the plan")


def _decided(state: Repair, status: str, act: Acted) -> Accept:
    decided = state.model_copy(update={"status": status, "decided_by": act.by})
    notice = Notice(status, {"run": str(state.plan.run) if state.plan else "", "by": act.by})
    return Accept(decided, settles=(act.topic,), notices=(notice,), remarks=(f"{status} by {act.by}: {act.reason}",))


def _verified(state: Repair, verified: Verified, context: Context) -> Decision:
    """Whatever is still as it was planned goes to the sheets, reports, projects, and invoices that it is of."""
    plan = state.plan
    if plan is None or state.status != "approved":
        return Ignore("the plan is not approved, or it was sent already")
    if context.now - verified.checked_at > LASTS:
        return Ignore(f"the system was asked at {verified.checked_at:%Y-%m-%d %H:%M} UTC: it is asked once more")
    changed = set(verified.changed)
    by = state.decided_by or plan.requested_by
    left = sorted((item for item in plan.items if item.number not in changed), key=_owner)
    requests: list[Request] = []
    for place, ((entity, key), items) in enumerate(groupby(left, key=_owner), 1):
        body = Repaired(
            to=key, plan=context.key.id, system=plan.system, by=by, checked_at=verified.checked_at, items=tuple(items)
        )  # fmt: skip
        requests.append(Request(SELF, f"{entity}.repaired", f"repair.{place}", body))
    gone = [item.booking for item in plan.items if item.number in changed]
    remarks = (f"not as planned any more, and left alone: {', '.join(gone)}",) if gone else ()
    sent = state.model_copy(update={"status": "sent", "changed": tuple(sorted(changed))})
    return Accept(sent, tuple(requests), settles=(UNANSWERED,), remarks=remarks)


def _unanswered(state: Repair, told: Unanswered) -> Decision:
    """A person hears of it; the system is asked further, until it answers or the plan is given up."""
    if state.plan is None or state.status != "approved":
        return Ignore("the plan is not approved, or it was sent already")
    reason = f"{told.reason}: let {state.plan.system} answer, or reject the plan, which is approved and not sent"
    failure = Failure(FailureClass.UNAVAILABLE, "repair_unanswered", reason)
    money = _money(state.plan.items)
    return Accept(state, cases=(Case(failure, UNANSWERED, (Act.REJECT,), FINANCE, money, asks=state.asks),))


def _owner(item: Item) -> tuple[str, str]:
    """The sheet, report, project, or invoice that an item is of."""
    return item.entity, item.key


def _heard(result: Result) -> Decision:
    match result.outcome:
        case Confirmed():
            return Ignore("who is to do it was told")
        case Rejected(failure):
            return Reject(failure)
        case _:
            assert_never(result.outcome)


def _question(plan: Planned) -> Failure:
    shown = "; ".join(_told(plan.items[:SHOWN])) + ("; …" if len(plan.items) > SHOWN else "")
    count = "1 difference" if len(plan.items) == 1 else f"{len(plan.items)} differences"
    reason = (
        f"{plan.requested_by} wants {count} repaired that reconciliation {plan.run} has found in {plan.system}: "
        f"{shown}: approve to have it done, or reject to leave the books as they are"
    )
    return Failure(FailureClass.BUSINESS_RULE, "repair_planned", reason)


def _told(items: Sequence[Item]) -> Iterable[str]:
    for item in items:
        what = f"{item.entity} {item.key} {item.booking}"
        stands = item.stands
        if stands is None:
            yield f"{what}: post it again"
            continue
        money = "" if stands.amount is None else f" of {stands.amount:f} {stands.currency}"
        yield f"{what}: take back {item.external_id}{money}" + (", and book it anew" if item.books else "")


def _money(items: Iterable[Item]) -> dict[str, Decimal]:
    """What is taken back, by currency."""
    money: dict[str, Decimal] = {}
    for item in items:
        stands = item.stands
        if stands is not None and stands.amount is not None and stands.currency is not None:
            money[stands.currency] = money.get(stands.currency, Decimal(0)) + stands.amount
    return money


ACTOR = Actor("repair", Repair, 1, decide, no_references)
