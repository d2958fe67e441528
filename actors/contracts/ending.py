"""How a contract ends."""

from __future__ import annotations

from typing import Final

from actors.contracts.advancing import amended, late
from actors.contracts.holding import RENEWAL
from actors.contracts.telling import tell, tell_months
from actors.decision import Accept, Context, Decision, Ignore, Request
from actors.lines import numbered
from schemas.acts import Act
from schemas.contract.entity import Amendment, Contract, topic_of
from schemas.contract.v1 import Terminated, Withdrawn
from schemas.facts import Case, Notice
from schemas.operations.contract import ContractCancel
from schemas.verdicts import Failure, FailureClass

LEFT: Final = "withdrawn"
"""Topic of the case of a contract that is withdrawn, and that the billing system has all the same."""


def terminated(state: Contract, end: Terminated, context: Context) -> Decision:
    """The last day comes earlier, and nothing amends the contract any more."""
    if state.status == "new":
        return unknown(state, "termination", "contract.terminated")
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
        (*requests, *tell_months(contract, amendment, context)),
        notices=(notice,),
        settles=("termination", *topics),
        remarks=(*remarks, *late(amendment, context)),
    )


def withdrawn(state: Contract, withdrawal: Withdrawn) -> Decision:
    """The deal was cancelled; its flow takes the contract back in the billing system itself."""
    if state.engagement != withdrawal.engagement:
        owner = "no deal" if state.engagement is None else f"engagement {state.engagement}"
        return Ignore(f"the contract belongs to {owner}, so {withdrawal.engagement} takes nothing of it back")
    if state.status == "withdrawn":
        return Ignore("the contract is withdrawn already")
    if state.came_alone:
        remark = f"the contract was in force before {withdrawal.engagement} was won: it stays so, without a deal"
        return Accept(state.model_copy(update={"engagement": None}), remarks=(remark,))
    dropped, topics, remarks = _without_held(state, "withdrawn")
    topics = (*topics, *(each.topic for each in state.unbilled))
    ended = dropped.model_copy(update={"status": "withdrawn"})
    return Accept(ended, settles=topics, notices=(Notice("withdrawn", {}),), remarks=remarks)


def taken_back(contract: Contract, system: str, external_id: str | None, context: Context) -> Accept:
    """Terms that were under way when the contract was withdrawn have come to the billing system: out with them."""
    billing_id = external_id or contract.billing_id
    number = contract.puts + 1
    legal_entity = context.policy.legal_entities.get(contract.legal_entity or "")
    is_sent = legal_entity is not None and legal_entity.route("contract.cancel", context.now.date()) is not None
    if billing_id is None or not is_sent:
        reason = f"{system} was sent terms of the contract before its deal was cancelled: take it back there by hand"
        failure = Failure(FailureClass.CONFLICT, "contract_left", reason)
        return Accept(contract, cases=(Case(failure, LEFT, (Act.RESOLVE,)),))
    body = ContractCancel(
        contract_id=context.key.id,
        billing_id=billing_id,
        legal_entity=contract.legal_entity or "",
        currency=contract.currency or "",
        reason="its deal was cancelled",
    )
    request = Request(system, "contract.cancel", numbered("withdrawn", number, body), body)
    return Accept(contract.model_copy(update={"puts": number}), (request,))


def _without_held(state: Contract, status: str) -> tuple[Contract, tuple[str, ...], tuple[str, ...]]:
    """The contract without the changes that wait; their open cases, and what is to be said of them."""
    topics = [topic_of(version) for version, held in state.held.items() if held.why is not None]
    what = [f"version {version}" for version in state.held]
    if state.renewal is not None:
        topics.append(RENEWAL)
        what.append("the renewal")
    remarks = tuple(f"{each} is dropped: the contract is {status}" for each in what)
    return state.model_copy(update={"held": {}, "renewal": None}), tuple(topics), remarks


def unknown(state: Contract, topic: str, event: str) -> Accept:
    """The event comes before its contract, which a person is told."""
    reason = f"the contract is not known yet: send contract.activated, then {event} again"
    failure = Failure(FailureClass.MISSING_REFERENCE, "contract_missing", reason)
    return Accept(state, cases=(Case(failure, topic, (Act.RESOLVE,)),))
