"""What people do about a contract's cases: approve, refuse, go on without a version, send again, take back."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from actors.asking import not_seen
from actors.contracts.activating import DIFFERS, TAKEN
from actors.contracts.advancing import advance, amended, entry, late, with_held
from actors.contracts.authority import missing, objection, theirs
from actors.contracts.ending import LEFT
from actors.contracts.holding import APPROVAL, MISSING, NOT_LIVE, RENEWAL, asked_of, not_live
from actors.contracts.renewing import on_renewal
from actors.contracts.telling import tell, tell_billing, tell_months, with_amendment
from actors.decision import Accept, Context, Decision, Ignore
from schemas.acts import Act, Acted
from schemas.contract.entity import Amendment, Contract, Held
from schemas.facts import Notice

TOO_MANY: Final = "too_many_held"
"""Topic of the case of change orders that were not kept, because too many are held."""
SENDING: Final = frozenset({Act.APPROVE, Act.RETRY})
"""Acts by which something may be sent at once."""


def acted(contract: Contract, act: Acted, context: Context) -> Decision:
    """What becomes of a person's act."""
    if act.changes is not None:
        return Ignore(f"{act.act} of a contract's case takes no `changes`: leave them out, and send a change order")
    silent = not_live(contract, context.policy)
    if silent is not None and act.act in SENDING:
        return Ignore(f"{silent}, then {act.act} again")
    held = next((each for each in contract.held.values() if f"change_order:{each.order.version}" == act.topic), None)
    if held is not None:
        return not_seen(act, asked_of(held)) or _on_held(contract, held, act, context)
    refused = next((each for each in contract.unbilled if each.topic == act.topic), None)
    if refused is not None and contract.status == "withdrawn":
        return Ignore("the contract is withdrawn: nothing of it is sent any more")
    if refused is not None:  # the same topic may have asked about the order before
        return not_seen(act, None) or _on_refused(contract, refused, act, context)
    if act.topic == RENEWAL and contract.renewal is not None:
        return on_renewal(contract, contract.renewal, act, context)
    is_told = act.topic in {"activation", RENEWAL, "termination", LEFT, TOO_MANY}
    is_told = is_told or act.topic.startswith((TAKEN, DIFFERS))
    if is_told and act.act is Act.RESOLVE:
        return Accept(contract, settles=(act.topic,))
    return _not_here(act)


def _on_held(contract: Contract, held: Held, act: Acted, context: Context) -> Decision:
    why, version = held.why or "", held.order.version
    match act.act:
        case Act.APPROVE | Act.REJECT if why.startswith(APPROVAL):
            return _judged(contract, held, act, context)
        case Act.RESOLVE if why.startswith(MISSING):
            if version != min(contract.held):
                return Ignore(f"settle version {min(contract.held)} first: it comes before version {version}")
            return _without(contract, held, act, context)
        case Act.RETRY if why.startswith(NOT_LIVE):
            return advance(contract, context)
        case Act.CANCEL if why and not why.startswith(APPROVAL):
            dropped = advance(with_held(contract, version, None), context)
            remark = f"version {version} is dropped by {act.by}: send it again where it holds after all"
            return replace(dropped, settles=(*dropped.settles, act.topic), remarks=(*dropped.remarks, remark))
        case _:
            return _not_here(act)


def _judged(contract: Contract, held: Held, act: Acted, context: Context) -> Decision:
    """Somebody approves or refuses a change order, if they may."""
    order = held.order
    open_rules = missing(contract, held, context.policy)
    if act.by == order.requested_by:
        return Ignore(f"{act.by} asked for version {order.version}, so somebody else must decide on it")
    barred = objection(f"version {order.version}", open_rules, act)
    if barred is not None:
        return barred
    if act.act is Act.APPROVE:
        approvals = {**held.approvals, **dict.fromkeys(theirs(open_rules, act), act.by)}
        return advance(with_held(contract, order.version, held.model_copy(update={"approvals": approvals})), context)
    without = with_held(contract, order.version, None)
    refused = entry(contract, order, *held.approvals.values(), act.by)
    refused = refused.model_copy(update={"status": "refused", "reason": act.reason})
    going_on = advance(amended(without, refused), context)
    notice = Notice("change_order_refused", {"version": str(order.version), "by": act.by})
    return replace(going_on, settles=(*going_on.settles, act.topic), notices=(*going_on.notices, notice))


def _without(contract: Contract, held: Held, act: Acted, context: Context) -> Decision:
    """The versions before a held one will never come: a person says so, and the held one is next."""
    void = Amendment(
        number=len(contract.history) + 1,
        kind="change_order",
        version=held.order.version - 1,
        status="void",
        effective_on=held.order.effective_on,
        people=(act.by,),
        reason=act.reason,
    )
    return advance(amended(contract, void), context)


def _on_refused(contract: Contract, amendment: Amendment, act: Acted, context: Context) -> Decision:
    """The billing system refused the terms for good, and a person says what now."""
    match act.act:
        case Act.RETRY:
            asked, requests = tell_billing(contract, context.key)
            return Accept(asked, requests, settles=tuple(each.topic for each in contract.unbilled))
        case Act.RESOLVE:
            by_hand = amendment.model_copy(update={"billing": "by_hand", "people": (*amendment.people, act.by)})
            return Accept(with_amendment(contract, by_hand), settles=(act.topic,))
        case Act.CANCEL if amendment.kind == "change_order":
            silent = not_live(contract, context.policy)
            if silent is not None:
                return Ignore(f"{silent}, then cancel again: others have to be told")
            return _taken_back(contract, amendment, act, context)
        case _:
            return _not_here(act)


def _taken_back(contract: Contract, amendment: Amendment, act: Acted, context: Context) -> Decision:
    """An applied change order counts no more; the billing system never had it, project and planning learn of it."""
    latest = contract.in_force[-1]
    if latest.number != amendment.number:
        return Ignore(f"what came after version {amendment.version} builds on it: send it again, or settle it by hand")
    people = (*amendment.people, act.by)
    cancelled = amendment.model_copy(update={"status": "cancelled", "people": people, "reason": act.reason})
    contract, requests = tell(with_amendment(contract, cancelled), context.key, cancelled, billing=False)
    requests = (*requests, *tell_months(contract, cancelled, context))
    notice = Notice("change_order_cancelled", {"version": str(amendment.version), "by": act.by})
    return Accept(contract, requests, settles=(act.topic,), notices=(notice,), remarks=late(cancelled, context))


def _not_here(act: Acted) -> Ignore:
    return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")
