"""Change orders are applied one version after the other; one that cannot be holds back those behind it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from actors.contracts.holding import hold_of
from actors.contracts.telling import tell, tell_months, with_amendment
from actors.decision import Accept, Context, Request
from schemas.contract.entity import Amendment, Contract, Held, topic_of
from schemas.contract.v1 import ChangeOrderApproved, Instalment
from schemas.facts import Case, Notice
from schemas.operations.contract import ScheduledAmount


@dataclass(frozen=True, slots=True)
class _Step:
    """How far an advance has come."""

    contract: Contract
    requests: tuple[Request, ...] = ()
    settles: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    remarks: tuple[str, ...] = ()


def advance(contract: Contract, context: Context) -> Accept:
    """Apply what can be applied now, and say of what is left why it is held, where that has changed."""
    step = _Step(contract)
    while (held := step.contract.held.get(step.contract.version + 1)) is not None:
        if hold_of(step.contract, held.order.version, held, context.policy) is not None:
            break
        step = _applied(step, held, context)
    contract, settles = step.contract, list(step.settles)
    cases: list[Case] = []
    for version, held in sorted(contract.held.items()):
        hold = hold_of(contract, version, held, context.policy)
        case = None if hold is None else hold.case
        why = None if hold is None or case is None else hold.why
        if why != held.why:
            contract = with_held(contract, version, held.model_copy(update={"why": why}))
            if case is not None:
                cases.append(case)
            elif held.why is not None:
                settles.append(topic_of(version))
    notices = (*step.notices, *(Notice("change_order_held", {"topic": f"{case.topic}"}) for case in cases))
    return Accept(
        contract, step.requests, cases=tuple(cases), settles=tuple(settles), notices=notices, remarks=step.remarks
    )


def with_held(contract: Contract, version: int, held: Held | None) -> Contract:
    """The contract with a version held, or, None, held no more."""
    others = {number: each for number, each in contract.held.items() if number != version}
    kept = others if held is None else {**others, version: held}
    return contract.model_copy(update={"held": dict(sorted(kept.items()))})


def amended(contract: Contract, amendment: Amendment) -> Contract:
    """The contract with one more entry in its history, at the version that the entry names."""
    return with_amendment(contract, amendment).model_copy(update={"version": amendment.version})


def entry(contract: Contract, order: ChangeOrderApproved, *people: str) -> Amendment:
    """A change order as the history keeps it, applied."""
    return Amendment(
        number=len(contract.history) + 1,
        kind="change_order",
        version=order.version,
        status="applied",
        effective_on=order.effective_on,
        value=None if order.value_change is None else order.value_change.decimal,
        rates=None if order.rates is None else {rate.role: rate.hourly.decimal for rate in order.rates},
        retainer=None if order.retainer is None else order.retainer.decimal,
        schedule=None if order.schedule is None else schedule_of(order.schedule),
        forecast=order.forecast,
        ends_on=order.ends_on,
        people=tuple(dict.fromkeys((order.approved_by.id, *people))),
        reason=order.reason,
    )


def schedule_of(instalments: Iterable[Instalment]) -> tuple[ScheduledAmount, ...]:
    """A billing schedule as it is kept and sent: in the contract's currency."""
    return tuple(
        ScheduledAmount(name=row.name, due_on=row.due_on, milestone_id=row.milestone_id, amount=row.amount.decimal)
        for row in instalments
    )


def _applied(step: _Step, held: Held, context: Context) -> _Step:
    order = held.order
    amendment = entry(step.contract, order, *held.approvals.values())
    contract, requests = tell(amended(with_held(step.contract, order.version, None), amendment), context.key, amendment)
    return replace(
        step,
        contract=contract,
        requests=(*step.requests, *requests, *tell_months(contract, amendment, context)),
        settles=(*step.settles, topic_of(order.version)) if held.why is not None else step.settles,
        notices=(*step.notices, Notice("amended", {"version": str(order.version)})),
        remarks=(*step.remarks, *late(amendment, context)),
    )


def late(amendment: Amendment, context: Context) -> tuple[str, ...]:
    """What is to be said of new rates, or of an earlier end, for days that are over."""
    today = context.now.date()
    remarks: list[str] = []
    if amendment.rates is not None and amendment.effective_on < today:
        remarks.append(
            f"the rates are effective from {amendment.effective_on}, which is over: what is decided from now on has "
            "them, and finance is asked about each sheet with lines that are posted already"
        )
    if amendment.ends_on is not None and amendment.status == "applied" and amendment.ends_on < today:
        remarks.append(
            f"the contract ends on {amendment.ends_on}, which is over: finance is asked about each sheet with time of "
            "later days that is posted already; expenses of later days stay as they are booked"
        )
    return tuple(remarks)
