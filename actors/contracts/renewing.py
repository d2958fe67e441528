"""How a contract goes on for longer: what carries value or rates needs authority first."""

from __future__ import annotations

from actors.asking import not_seen
from actors.contracts.advancing import amended, late
from actors.contracts.authority import missing_for_renewal, objection, theirs
from actors.contracts.ending import unknown
from actors.contracts.holding import MOST, RENEWAL, renewal_case, unbalanced
from actors.contracts.telling import tell, tell_months
from actors.decision import Accept, Context, Decision, Ignore
from schemas.acts import Act, Acted
from schemas.contract.entity import Amendment, Contract, HeldRenewal
from schemas.contract.v1 import Renewed
from schemas.facts import Case, Notice
from schemas.verdicts import Failure, FailureClass


def renewed(state: Contract, renewal: Renewed, context: Context) -> Decision:
    """The last day moves on, and the rates with it where it says so and whoever must has approved."""
    if state.status == "new":
        return unknown(state, RENEWAL, "contract.renewed")
    if state.status != "in_force":
        return Ignore(f"the contract is {state.status}: a new one is needed")
    if state.ends_on is None or renewal.ends_on <= state.ends_on:
        until = "without an end" if state.ends_on is None else f"until {state.ends_on}"
        return Ignore(f"the contract runs {until} already")
    if state.renewal is not None and state.renewal.renewal == renewal:
        return Ignore(f"the renewal until {renewal.ends_on} is held already")
    return _decided(state, HeldRenewal(renewal=renewal), context)


def _decided(state: Contract, held: HeldRenewal, context: Context) -> Accept:
    """A renewal that extends the contract is applied, held, or wrong; one that was held before is dropped for it."""
    renewal = held.renewal
    state = state.model_copy(update={"renewal": None})
    value = None if renewal.value_change is None else renewal.value_change.decimal
    if renewal.currency not in (None, state.currency):
        reason = f"the contract is in {state.currency} for good, not in {renewal.currency}"
        return _wrong(state, "currency_differs", reason)
    if state.value is not None and value is not None and state.value + value >= MOST:
        return _wrong(state, "value_impossible", f"its value would become {state.value + value} {state.currency}")
    if renewal.retainer is not None and state.method != "retainer":
        return _wrong(state, "retainer_unknown", f"the contract is billed by {state.method}, and has no retainer")
    unequal = unbalanced(state, renewal)
    if unequal is not None:
        advice = "send it as a change order instead, with the whole `schedule` and `ends_on`"
        return _wrong(state, "schedule_differs", f"{unequal}, and a renewal brings none", advice)
    for name, rule in missing_for_renewal(state, held, context.policy):
        case = renewal_case(state, renewal, name, rule)
        waiting = state.model_copy(update={"renewal": held.model_copy(update={"asks": case.asks})})
        return Accept(waiting, cases=(case,), notices=(Notice("renewal_held", {}),))
    amendment = _entry(state, held)
    contract, requests = tell(amended(state, amendment), context.key, amendment)
    requests = (*requests, *tell_months(contract, amendment, context))
    notice = Notice("renewed", {"ends_on": renewal.ends_on.isoformat()})
    return Accept(contract, requests, notices=(notice,), settles=(RENEWAL,), remarks=late(amendment, context))


def _entry(contract: Contract, held: HeldRenewal) -> Amendment:
    """A renewal as the history keeps it, applied."""
    renewal = held.renewal
    return Amendment(
        number=len(contract.history) + 1,
        kind="renewal",
        version=contract.version,
        status="applied",
        effective_on=renewal.effective_on,
        value=None if renewal.value_change is None else renewal.value_change.decimal,
        rates=None if renewal.rates is None else {rate.role: rate.hourly.decimal for rate in renewal.rates},
        retainer=None if renewal.retainer is None else renewal.retainer.decimal,
        ends_on=renewal.ends_on,
        people=tuple(dict.fromkeys(held.approvals.values())),
        reason=renewal.reason,
    )


def on_renewal(contract: Contract, held: HeldRenewal, act: Acted, context: Context) -> Decision:
    """Somebody approves or refuses a renewal, if they may."""
    open_rules = missing_for_renewal(contract, held, context.policy)
    if act.act not in {Act.APPROVE, Act.REJECT}:
        return Ignore(f"{act.act} is not possible here: approve or reject the renewal")
    outdated = not_seen(act, held.asks)
    if outdated is not None:
        return outdated
    barred = objection(f"the renewal until {held.renewal.ends_on}", open_rules, act)
    if barred is not None:
        return barred
    without = contract.model_copy(update={"renewal": None})
    if act.act is Act.REJECT:
        people = (*dict.fromkeys((*held.approvals.values(), act.by)),)
        kept = {"status": "refused", "people": people, "reason": act.reason}
        refused = amended(without, _entry(without, held).model_copy(update=kept))
        return Accept(refused, settles=(RENEWAL,), notices=(Notice("renewal_refused", {"by": act.by}),))
    if contract.ends_on is None or held.renewal.ends_on <= contract.ends_on:
        until = "without an end" if contract.ends_on is None else f"until {contract.ends_on}"
        return Accept(
            without, settles=(RENEWAL,), remarks=(f"the renewal is dropped: the contract runs {until} already",)
        )
    approvals = {**held.approvals, **dict.fromkeys(theirs(open_rules, act), act.by)}
    return _decided(contract, held.model_copy(update={"approvals": approvals}), context)


def _wrong(
    state: Contract, code: str, reason: str, advice: str = "send contract.renewed again with it corrected"
) -> Accept:
    failure = Failure(FailureClass.BUSINESS_RULE, code, f"{reason}; {advice}")
    return Accept(state, cases=(Case(failure, RENEWAL, (Act.RESOLVE,)),))
