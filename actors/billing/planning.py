"""What other rates of a contract would change of a sheet: a plan, and the case by which finance decides on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from actors.asking import digest_of
from actors.billing.checks import MOST
from actors.decision import Accept, Context, Decision, Ignore, Reject
from actors.policy import LegalEntity
from schemas.acts import Act
from schemas.billed import BilledLine
from schemas.contract.entity import Contract
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost
from schemas.timesheet.entity import Plan, RatedLine, Timesheet
from schemas.timesheet.v1 import RatesChanged
from schemas.verdicts import Failure, FailureClass

FINANCE: Final = "finance"
"""The role that decides on plans."""
SHOWN: Final = 10
"""Lines of a plan that its case names; the sheet's state has all of them."""


def rates_changed(state: Timesheet, change: RatesChanged, context: Context) -> Decision:
    """Plan what the contract's rates, as they are now, would change. Nothing is booked before somebody approves."""
    plan = planned(state, change.contract, change.number, context)
    if not isinstance(plan, Plan):
        return plan
    before = state.plans.get(change.contract)
    if not plan.lines and before is None:
        return Ignore(f"the sheet has the rates of contract {change.contract} already")
    if before is not None and plan.asks == before.asks:
        return Ignore(f"{before.topic} asks the same already")
    if before is None and _is_declined(plan, state):
        return Ignore("the same was rejected before")
    return replanned(state, plan)


def planned(state: Timesheet, contract_id: str, number: int, context: Context) -> Plan | Ignore | Reject:
    """What the contract's rates, as they are now, would change; a plan without lines where they change nothing."""
    contract = context.find(ActorKey("contract", contract_id)).state
    if not isinstance(contract, Contract) or contract.legal_entity is None:
        return Ignore(f"contract {contract_id} is not known")
    legal_entity = context.policy.legal_entities.get(contract.legal_entity)
    if legal_entity is None:
        reason = f"add legal entity {contract.legal_entity} to the policy file, then retry"
        return Reject(Failure(FailureClass.MAPPING, "legal_entity_unmapped", reason, "legal_entity"))
    booked = (line for line in state.lines.values() if line.contract == contract_id)
    rated = [line for each in booked if (line := _rated(each, contract, legal_entity)) is not None]
    return _plan(contract_id, number, rated)


def replanned(state: Timesheet, plan: Plan) -> Accept:
    """The plan in place of the one before it; none where it changes nothing, or was rejected before."""
    others = {contract: each for contract, each in state.plans.items() if contract != plan.contract}
    is_asked = bool(plan.lines) and not _is_declined(plan, state)
    return with_plans(Accept(state), state, others | ({plan.contract: plan} if is_asked else {}))


def with_plans(accept: Accept, before: Timesheet, plans: Mapping[str, Plan]) -> Accept:
    """The decision with these plans instead of those before: a case for each new one, none for what is over."""
    state = accept.state
    over = [plan.topic for contract, plan in before.plans.items() if contract not in plans]
    asked = {plan.asks for plan in before.plans.values()}
    return replace(
        accept,
        state=state.model_copy(update={"plans": dict(plans)}),
        settles=(*accept.settles, *over),
        cases=(*accept.cases, *(_case(plan, before.lines) for plan in plans.values() if plan.asks not in asked)),
    )


def still_meant(before: Timesheet, lines: Mapping[str, BilledLine]) -> dict[str, Plan]:
    """The plans without lines that are booked otherwise by now: those have the rates of their contract.

    A line that was booked anew as it was has the former rate still: the plan means its new booking.
    """
    names = {line.name: _same(line, lines) for line in before.lines.values()}
    left = {
        contract: _plan(
            contract,
            plan.number,
            [each.model_copy(update={"booking": now}) for each in plan.lines if (now := names.get(each.booking))],
        )
        for contract, plan in before.plans.items()
    }
    return {contract: plan for contract, plan in left.items() if plan.lines}


def _is_declined(plan: Plan, state: Timesheet) -> bool:
    return plan.asks == state.declined.get(plan.contract)


def _same(line: BilledLine, lines: Mapping[str, BilledLine]) -> str | None:
    """The name under which a line is booked by now, as it was; None where it is booked otherwise, or not at all."""
    now = lines.get(line.body.line_id)
    return now.name if now is not None and now.body == line.body else None


def _plan(contract: str, number: int, lines: Sequence[RatedLine]) -> Plan:
    # Sorted: the same lines ask the same, whatever the order in which a stored sheet has them.
    said = sorted(f"{line.booking} {line.rate} {line.amount}".encode() for line in lines)
    return Plan(contract=contract, number=number, lines=tuple(lines), asks=digest_of(contract.encode(), *said))


def _rated(line: BilledLine, contract: Contract, legal_entity: LegalEntity) -> RatedLine | None:
    """The line at the rate that its contract has for its day now; None where that is what it has, or none."""
    body = line.body
    if not isinstance(body, BillablePost):
        return None
    rate = contract.rates_on(body.work_date).get(body.role)
    if rate is None or rate == body.rate or body.hours * rate > MOST:
        return None
    amount = legal_entity.rounded(body.hours * rate, body.currency)
    return RatedLine(
        line_id=body.line_id,
        booking=line.name,
        was=body.rate,
        rate=rate,
        contract_version=contract.version_on(body.work_date),
        amount=amount,
        difference=amount - body.amount,
    )


def _case(plan: Plan, lines: Mapping[str, BilledLine]) -> Case:
    shown = "; ".join(_shown(plan.lines[:SHOWN], lines)) + ("; …" if len(plan.lines) > SHOWN else "")
    currency = lines[plan.lines[0].line_id].body.currency or ""
    count = "1 line" if len(plan.lines) == 1 else f"{len(plan.lines)} lines"
    reason = (
        f"contract {plan.contract} has other rates for {count} of the sheet, {plan.difference:+f} "
        f"{currency} in all: {shown}: approve to take them back and book them anew, or reject to leave them as they are"
    )
    failure = Failure(FailureClass.BUSINESS_RULE, "rates_changed", reason)
    money = {currency: abs(plan.difference)}
    return Case(failure, plan.topic, (Act.APPROVE, Act.REJECT), FINANCE, money, asks=plan.asks)


def _shown(rated: Iterable[RatedLine], lines: Mapping[str, BilledLine]) -> Iterable[str]:
    for each in rated:
        body = lines[each.line_id].body
        day = f" of {body.work_date}" if isinstance(body, BillablePost) else ""
        yield f"line {each.line_id}{day}: {each.was:f} → {each.rate:f}, {each.difference:+f}"
