"""How a contract goes on for longer, or ends."""

from __future__ import annotations

from actors.contracts.advancing import amended, late
from actors.contracts.holding import MOST
from actors.contracts.telling import tell
from actors.decision import Accept, Context, Decision, Ignore
from schemas.acts import Act
from schemas.contract.entity import Amendment, Contract, topic_of
from schemas.contract.v1 import Renewed, Terminated, Withdrawn
from schemas.facts import Case, Notice
from schemas.verdicts import Failure, FailureClass


def renewed(state: Contract, renewal: Renewed, context: Context) -> Decision:
    """The last day moves on, and the rates with it where it says so."""
    if state.status == "new":
        return _unknown(state, "renewal", "contract.renewed")
    if state.status != "in_force":
        return Ignore(f"the contract is {state.status}: a new one is needed")
    if state.ends_on is None or renewal.ends_on <= state.ends_on:
        until = "without an end" if state.ends_on is None else f"until {state.ends_on}"
        return Ignore(f"the contract runs {until} already")
    value = None if renewal.value_change is None else renewal.value_change.decimal
    if renewal.currency not in (None, state.currency):
        reason = f"the contract is in {state.currency} for good, not in {renewal.currency}"
        return _wrong(state, "currency_differs", reason)
    if state.value is not None and value is not None and state.value + value >= MOST:
        return _wrong(state, "value_impossible", f"its value would become {state.value + value} {state.currency}")
    amendment = Amendment(
        number=len(state.history) + 1,
        kind="renewal",
        version=state.version,
        status="applied",
        effective_on=renewal.effective_on,
        value=value,
        rates=None if renewal.rates is None else {rate.role: rate.hourly.decimal for rate in renewal.rates},
        ends_on=renewal.ends_on,
        reason=renewal.reason,
    )
    contract, requests = tell(amended(state, amendment), context.key, amendment)
    notice = Notice("renewed", {"ends_on": renewal.ends_on.isoformat()})
    return Accept(contract, requests, notices=(notice,), settles=("renewal",), remarks=late(amendment, context))


def terminated(state: Contract, end: Terminated, context: Context) -> Decision:
    """The last day comes earlier, and nothing amends the contract any more."""
    if state.status == "new":
        return _unknown(state, "termination", "contract.terminated")
    if state.status != "in_force":
        return Ignore(f"the contract is {state.status} already")
    if state.ends_on is not None and end.ends_on > state.ends_on:
        return Ignore(f"the contract ends on {state.ends_on} already, before {end.ends_on}")
    amendment = Amendment(
        number=len(state.history) + 1,
        kind="termination",
        version=state.version,
        status="applied",
        effective_on=end.ends_on,
        ends_on=end.ends_on,
        reason=end.reason,
    )
    dropped, topics, remarks = _without_held(state, "terminated")
    contract, requests = tell(amended(dropped, amendment), context.key, amendment)
    notice = Notice("terminated", {"ends_on": end.ends_on.isoformat()})
    return Accept(
        contract.model_copy(update={"status": "terminated"}),
        requests,
        notices=(notice,),
        settles=("termination", *topics),
        remarks=remarks,
    )


def withdrawn(state: Contract, withdrawal: Withdrawn) -> Decision:
    """The deal was cancelled; its flow takes the contract back in the billing system itself."""
    if state.status == "withdrawn":
        return Ignore("the contract is withdrawn already")
    dropped, topics, remarks = _without_held(state, "withdrawn")
    taken_back = dropped.model_copy(update={"status": "withdrawn", "engagement": withdrawal.engagement})
    topics = (*topics, *(each.topic for each in state.unbilled))
    return Accept(taken_back, settles=topics, notices=(Notice("withdrawn", {}),), remarks=remarks)


def _without_held(state: Contract, status: str) -> tuple[Contract, tuple[str, ...], tuple[str, ...]]:
    """The contract without the change orders that wait; their open cases, and what is to be said of them."""
    topics = tuple(topic_of(version) for version, held in state.held.items() if held.why is not None)
    remarks = tuple(f"version {version} is dropped: the contract is {status}" for version in state.held)
    return state.model_copy(update={"held": {}}), topics, remarks


def _unknown(state: Contract, topic: str, event: str) -> Accept:
    reason = f"the contract is not known yet: send contract.activated, then {event} again"
    failure = Failure(FailureClass.MISSING_REFERENCE, "contract_missing", reason)
    return Accept(state, cases=(Case(failure, topic, (Act.RESOLVE,)),))


def _wrong(state: Contract, code: str, reason: str) -> Accept:
    failure = Failure(FailureClass.BUSINESS_RULE, code, f"{reason}; send contract.renewed again with it corrected")
    return Accept(state, cases=(Case(failure, "renewal", (Act.RESOLVE,)),))
