"""A completed milestone with an amount is billed once for ever, once it is known whose project it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Final, NamedTuple

from actors.decision import Context, Request
from actors.lines import DIGITS
from actors.policy import LegalEntity
from schemas.acts import Act
from schemas.contract.entity import Contract
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.operations.milestone_bill import MilestoneBill
from schemas.project.entity import Milestone, Project
from schemas.values import Money
from schemas.verdicts import Failure, FailureClass

OPERATION: Final = "milestone.bill"
UNBILLED: Final = "milestone:"
"""Begins the topic of the case of a milestone that is not billed."""
TOLD_TWICE: Final = "milestone_differs:"
"""Begins the topic of the case of a milestone that was told twice with another amount."""


@dataclass(frozen=True, slots=True)
class Billed:
    """The project as it is once its milestones are to be billed, what is asked for, and what is to be said."""

    state: Project
    requests: tuple[Request, ...] = ()
    cases: tuple[Case, ...] = ()
    settles: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def bill_milestones(state: Project, context: Context) -> Billed:
    """Have each milestone billed that has an amount and was not yet; some may come before their project is opened.

    One without an amount that its contract has an amount for is a case.
    """
    legal_entity = context.policy.legal_entities.get(state.legal_entity or "")
    if legal_entity is None:
        return Billed(state)
    due = {id: milestone for id, milestone in state.milestones.items() if milestone.is_to_bill}
    asked = {id: milestone.model_copy(update={"is_to_bill": False}) for id, milestone in due.items()}
    requests: list[Request] = []
    cases: list[Case] = []
    remarks: list[str] = []
    for id, milestone in due.items():
        system = legal_entity.resumed(OPERATION, state.starts_on or context.now.date(), "erp", state.erp)
        if not milestone.amount:
            cases.extend(() if system is None else _left_out(state, id, milestone, context))
            continue
        failure = unbillable(state, milestone) or _unlike_schedule(state, id, milestone, context)
        shut = _closed(state, milestone, legal_entity)
        if failure is not None:
            cases.append(_unbilled(id, milestone, failure, Act.RESOLVE))
        elif shut is not None and system is not None:
            cases.append(_unbilled(id, milestone, shut, Act.RETRY, Act.RESOLVE))
            asked[id] = milestone
        elif system is None:
            remarks.append(f"the policy has milestones of {state.legal_entity} billed nowhere: {id} is not billed")
        else:
            line = _line(state, id)
            requests.append(Request(system, OPERATION, line, _body(state, id, milestone, context)))
            asked[id] = asked[id].model_copy(update={"biller": system, "bill_line": line})
    changed = state.model_copy(update={"milestones": {**state.milestones, **asked}})
    settles = tuple(f"{UNBILLED}{milestone_of(request.line)}" for request in requests)
    return Billed(changed, tuple(requests), tuple(cases), settles, tuple(remarks))


def differing(id: str, known: Milestone, amount: Money) -> Case:
    """The case of a milestone that was told twice with another amount; the first counts."""
    reason = (
        f"milestone {id} was told with {known.amount} {known.currency}, which counts, and again with {amount.amount} "
        f"{amount.currency}: find out which is right; if it is the second, have the difference told under an id of its "
        "own, or credited, then resolve this"
    )
    failure = Failure(FailureClass.CONFLICT, "milestone_differs", reason, "amount")
    money = {amount.currency: amount.decimal}
    return Case(failure, f"{TOLD_TWICE}{id}", (Act.RESOLVE,), owner="finance", money=money)


def billed_anew(
    state: Project, id: str, milestone: Milestone, system: str, context: Context
) -> tuple[Milestone, Request]:
    """A milestone as it is once it is billed anew, since its system does not have it any more, and what is asked.

    The system may remember the former command, so this is another one; what it is about is the same.
    """
    head, deal, _ = (milestone.bill_line or _line(state, id)).split(".", 2)
    first, _, turn = deal.partition("-")
    line = f"{head}.{first}-{int(turn or 1) + 1}.{id}"
    again = milestone.model_copy(update={"bill_line": line, "reference": None})
    return again, Request(system, OPERATION, line, _body(state, id, milestone, context))


def milestone_of(line: str) -> str:
    """The milestone in the line of a command that bills it."""
    return line.split(".", 2)[2]


def _unbilled(id: str, milestone: Milestone, failure: Failure, *acts: Act) -> Case:
    money = {milestone.currency or "": milestone.amount or Decimal(0)}
    return Case(failure, f"{UNBILLED}{id}", acts, money=money)


def _closed(state: Project, milestone: Milestone, legal_entity: LegalEntity) -> Failure | None:
    """Why a milestone is not billed yet: the books of its day are closed."""
    if milestone.completed_on is None or not legal_entity.is_closed(milestone.completed_on):
        return None
    reason = (
        f"the milestone is of {milestone.completed_on}, and the books of {state.legal_entity} are closed through "
        f"{legal_entity.closed_through}: let `closed_through` in the policy file open them, then retry; or bill it by "
        "hand, and resolve this"
    )
    return Failure(FailureClass.MAPPING, "books_closed", reason, "completed_on")


def _line(state: Project, id: str) -> str:
    """The same for ever within a deal: the next deal on a project that was withdrawn has milestones of its own."""
    deal = sha256((state.engagement or "").encode()).hexdigest()[:DIGITS]
    return f"milestone.{deal}.{id}"


def _body(state: Project, id: str, milestone: Milestone, context: Context) -> MilestoneBill:
    return MilestoneBill.model_validate(
        {
            "project_id": context.key.id,
            "project": state.erp_id,
            "contract_id": state.contract,
            "contract_reference": state.contract_reference,
            "milestone_id": id,
            "name": milestone.name,
            "completed_on": milestone.completed_on,
            "legal_entity": state.legal_entity,
            "currency": milestone.currency,
            "amount": milestone.amount,
        }
    )


def unbillable(state: Project, milestone: Milestone) -> Failure | None:
    """Why a milestone cannot be billed on its project."""
    if state.status == "withdrawn":
        reason = "the deal was cancelled, so the milestone is not billed: resolve this, or bill it by hand"
        return Failure(FailureClass.BUSINESS_RULE, "project_not_active", reason)
    if state.contract is None or state.contract_reference is None:
        reason = "the project has no contract, so the milestone is not billed: bill it by hand, then resolve this"
        return Failure(FailureClass.BUSINESS_RULE, "contract_missing", reason)
    if milestone.currency != state.currency:
        reason = (
            f"the project is in {state.currency} and the milestone in {milestone.currency}, so it is not billed, for "
            "nothing is converted here: have it completed under another id with the right amount, and resolve this"
        )
        return Failure(FailureClass.BUSINESS_RULE, "currency_differs", reason, "amount")
    return None


class _Agreed(NamedTuple):
    """What a contract has for a milestone."""

    amount: Decimal
    currency: str


def _left_out(state: Project, id: str, milestone: Milestone, context: Context) -> Iterator[Case]:
    """The case of a milestone that came without anything to bill, where its contract has an amount for it."""
    agreed = _scheduled(state, id, context)
    if state.status == "withdrawn" or agreed is None or not agreed.amount:
        return
    told = "without an amount" if milestone.amount is None else f"with {milestone.amount}"
    reason = (
        f"contract {state.contract} has {agreed.amount} {agreed.currency} for milestone {id}, and it was completed "
        f"{told}, so it is not billed: have it told again with its amount if it had none, or bill it by hand, and "
        "resolve this"
    )
    failure = Failure(FailureClass.BUSINESS_RULE, "schedule_differs", reason, "amount")
    yield Case(failure, f"{UNBILLED}{id}", (Act.RESOLVE,), money={agreed.currency: agreed.amount})


def _unlike_schedule(state: Project, id: str, milestone: Milestone, context: Context) -> Failure | None:
    """Why a milestone is not what its contract has scheduled, as far as that is known and has it."""
    agreed = _scheduled(state, id, context)
    if agreed is None or agreed.amount == milestone.amount:
        return None
    reason = (
        f"contract {state.contract} has {agreed.amount} {agreed.currency} for milestone {id}, and it was completed "
        f"with {milestone.amount}, so it is not billed: find out which is right, bill that by hand, and resolve this"
    )
    return Failure(FailureClass.BUSINESS_RULE, "schedule_differs", reason, "amount")


def _scheduled(state: Project, id: str, context: Context) -> _Agreed | None:
    """What the contract of the project has for a milestone; None where it has nothing, or is not known."""
    if state.contract is None:
        return None
    contract = context.find(ActorKey("contract", state.contract)).state
    if not isinstance(contract, Contract) or contract.project_id != context.key.id:
        return None
    parts = [part.amount for part in contract.schedule if part.milestone_id == id]
    return _Agreed(sum(parts, Decimal(0)), contract.currency or "") if parts else None
