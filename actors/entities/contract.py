"""Contract: its terms, version by version, kept the same in the billing system, the project, and planning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from actors.contracts.acting import TOO_MANY, acted
from actors.contracts.activating import activated, opened
from actors.contracts.advancing import advance, with_held
from actors.contracts.answering import answered
from actors.contracts.authority import money
from actors.contracts.ending import terminated, withdrawn
from actors.contracts.renewing import renewed
from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Snapshot
from schemas.acts import Act, Acted
from schemas.commands import Confirmed, Rejected, Result
from schemas.contract.entity import Contract, Held
from schemas.contract.v1 import Activated, ChangeOrderApproved, Opened, Renewed, Terminated, Withdrawn
from schemas.envelope import Envelope
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass

MOST_HELD: Final = 100
"""Change orders of one contract that may be held at once."""


def references(_state: Contract, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """A contract that comes by itself needs its project and its customer."""
    if isinstance(event, Envelope) and isinstance(event.data, Activated):
        return event.data.project.key("project"), event.data.customer.key("customer")
    return ()


def decide(state: Contract, event: Event, context: Context) -> Decision:
    """What a contract's event means; pure."""
    match event:
        case Result(outcome=Confirmed() | Rejected()):
            return answered(state, event, context)
        case Envelope(data=Opened() as terms):
            return opened(state, terms, context)
        case Envelope(data=Activated() as terms):
            return activated(state, terms, context)
        case Envelope(data=ChangeOrderApproved() as order):
            return _ordered(state, order, context)
        case Envelope(data=Renewed() as renewal):
            return renewed(state, renewal, context)
        case Envelope(data=Terminated() as end):
            return terminated(state, end, context)
        case Envelope(data=Withdrawn() as withdrawal):
            return withdrawn(state, withdrawal)
        case Envelope(data=Acted() as act):
            return acted(state, act, context)
        case _:
            return Ignore(f"{event.type} does not concern a contract")


def _ordered(state: Contract, order: ChangeOrderApproved, context: Context) -> Decision:
    """A change order is held first, and applied at once where nothing is lacking."""
    if state.status in {"terminated", "withdrawn"}:
        return Ignore(f"the contract is {state.status}: version {order.version} changes nothing any more")
    if order.version <= state.version:
        return Ignore(_stale(state, order.version))
    before = state.held.get(order.version)
    if before is not None and before.order == order:
        return Ignore(f"version {order.version} is held already")
    if before is None and len(state.held) >= MOST_HELD:
        return _not_kept(state, order)
    # A version that is sent again corrected takes the place of the one that is held, and of its approvals.
    held = Held(order=order, why=None if before is None else before.why)
    decision = advance(with_held(state, order.version, held), context)
    if before is None:
        return decision
    return replace(decision, remarks=(*decision.remarks, f"version {order.version} takes the place of the one held"))


def _not_kept(state: Contract, order: ChangeOrderApproved) -> Accept:
    """A person is told, and the lane stays free: what settles the others comes by it."""
    reason = (
        f"{MOST_HELD} change orders of the contract are held, so version {order.version} was not kept: settle the "
        "cases of those, send the versions that are missing again, and resolve this"
    )
    failure = Failure(FailureClass.BUSINESS_RULE, "too_many_held", reason, "version")
    remark = f"version {order.version} is not kept: {MOST_HELD} are held already"
    case = Case(failure, TOO_MANY, (Act.RESOLVE,), money=money(state, order))
    return Accept(state, cases=(case,), remarks=(remark,))


def _stale(state: Contract, version: int) -> str:
    found = next(
        (each for each in reversed(state.history) if each.version == version and each.kind == "change_order"), None
    )
    status = "given up" if found is None or found.status == "void" else found.status
    return f"version {version} is stale: it is {status} already, and the contract is at version {state.version}"


ACTOR = Actor("contract", Contract, 1, decide, references)
