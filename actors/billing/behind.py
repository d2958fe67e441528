"""Posted time that is dated behind the last day of its contract, since that came earlier: finance is asked about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from actors.billing.planning import FINANCE, SHOWN
from actors.decision import Accept, Context, Decision, Ignore, Reject, Wait
from schemas.acts import Act, Acted
from schemas.billed import BilledLine
from schemas.contract.entity import Contract
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.timesheet.entity import Timesheet
from schemas.verdicts import Failure, FailureClass

ENDED: Final = "contract_ended:"
"""Begins the topic of the case of time behind the last day of a contract."""


def with_end(state: Timesheet, decision: Decision, contract_id: str, context: Context) -> Decision:
    """The decision, and what follows from the last day that the contract has now: asked once for each last day."""
    if isinstance(decision, Reject | Wait):
        return decision
    contract = context.find(ActorKey("contract", contract_id)).state
    last_day = contract.ends_on if isinstance(contract, Contract) else None
    lines = _behind(state.lines, contract_id, last_day)
    asked = last_day if lines else None
    if asked == state.behind.get(contract_id):
        return decision
    accept = decision if isinstance(decision, Accept) else Accept(state)
    if asked is None:
        return _over(accept, state, [contract_id])
    behind = {**state.behind, contract_id: asked}
    return replace(
        accept,
        state=accept.state.model_copy(update={"behind": behind}),
        cases=(*accept.cases, _case(contract_id, asked, lines)),
    )


def still_behind(before: Timesheet, accept: Accept, after: Timesheet) -> Accept:
    """The decision, where no line is behind the end of a contract any more without the case that asks about it."""
    over = [contract for contract, day in before.behind.items() if not _behind(after.lines, contract, day)]
    return _over(accept, before, over) if over else accept


def looked_at(state: Timesheet, act: Acted) -> Decision:
    """Somebody has seen to time behind the end of a contract. The same is not asked again."""
    if act.act is not Act.RESOLVE or act.topic.removeprefix(ENDED) not in state.behind:
        return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")
    return Accept(state, settles=(act.topic,), remarks=(f"{act.topic} was looked at by {act.by}: {act.reason}",))


def _over(accept: Accept, before: Timesheet, over: Sequence[str]) -> Accept:
    left = {contract: day for contract, day in before.behind.items() if contract not in over}
    return replace(
        accept,
        state=accept.state.model_copy(update={"behind": left}),
        settles=(*accept.settles, *(f"{ENDED}{contract}" for contract in over)),
    )


def _behind(lines: Mapping[str, BilledLine], contract: str, last_day: date | None) -> list[BillablePost]:
    """What is booked under a contract for days after its last one."""
    bodies = [line.body for line in lines.values() if line.contract == contract]
    return [
        body for body in bodies if isinstance(body, BillablePost) and last_day is not None and body.work_date > last_day
    ]


def _case(contract: str, last_day: date, lines: Sequence[BillablePost]) -> Case:
    shown = "; ".join(f"line {each.line_id} of {each.work_date}, {each.amount}" for each in lines[:SHOWN])
    shown += "; …" if len(lines) > SHOWN else ""
    count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
    currency, amount = lines[0].currency, sum((each.amount for each in lines), Decimal(0))
    reason = (
        f"contract {contract} ends on {last_day}, and the sheet has {count} of later days, {amount} {currency} in all: "
        f"{shown}: have them taken off the sheet, or agree on them with the customer, then resolve this"
    )
    failure = Failure(FailureClass.BUSINESS_RULE, "contract_ended", reason)
    return Case(failure, f"{ENDED}{contract}", (Act.RESOLVE,), FINANCE, {currency: amount})
