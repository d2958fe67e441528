"""How an event runs, by the modes that the policy gives its flow in the legal entities that it concerns. Pure.

Answers to commands have no mode: what was sent is always heard to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final, assert_never

from pydantic import BaseModel

from actors.decision import Accept, Decision, Ignore, Reject, Wait
from actors.policy import Flow, Mode, Policy
from gateway.pauses import legal_entity_of

FLOWS: Final[Mapping[str, Flow]] = MappingProxyType(
    {
        "customer.upserted": Flow.CUSTOMERS,
        "customer.merged": Flow.CUSTOMERS,
        "customer.credit_changed": Flow.CUSTOMERS,
        "customer.tax_profile_changed": Flow.CUSTOMERS,
        "contract.activated": Flow.CONTRACTS,
        "contract.change_order_approved": Flow.CONTRACTS,
        "contract.renewed": Flow.CONTRACTS,
        "contract.terminated": Flow.CONTRACTS,
        "project.opportunity_forecast": Flow.FORECASTS,
        "project.activated": Flow.PROJECTS,
        "project.milestone_completed": Flow.PROJECTS,
        "project.status_changed": Flow.PROJECTS,
        "project.margin_threshold_breached": Flow.PROJECTS,
        "project.closed": Flow.PROJECTS,
        "resource.assigned": Flow.RESOURCES,
        "resource.unassigned": Flow.RESOURCES,
        "timesheet.submitted": Flow.TIME,
        "timesheet.approved": Flow.TIME,
        "timesheet.corrected": Flow.TIME,
        "timesheet.rejected": Flow.TIME,
        "timesheet.withdrawn": Flow.TIME,
        "expense.approved": Flow.EXPENSES,
        "expense.corrected": Flow.EXPENSES,
        "expense.rejected": Flow.EXPENSES,
        "expense.withdrawn": Flow.EXPENSES,
        "invoice.issued": Flow.INVOICES,
        "invoice.posted": Flow.INVOICES,
        "invoice.posting_rejected": Flow.INVOICES,
        "invoice.sent": Flow.INVOICES,
        "invoice.payment_received": Flow.INVOICES,
        "invoice.credit_memo_issued": Flow.INVOICES,
        "invoice.written_off": Flow.INVOICES,
        "invoice.disputed": Flow.INVOICES,
        "ledger.revenue_posted": Flow.INVOICES,
        "ledger.journal_posted": Flow.INVOICES,
    }
)
"""Event type, without version -> its flow. Types that do not stand here always run live.

`project.opportunity_won` does not: a deal has parts of several legal entities, which its own actor treats one by one.
"""


def mode_of(name: str, data: BaseModel, state: BaseModel, policy: Policy) -> Mode:
    """How an event of type `name`, without version, runs: as live as the most live of its legal entities.

    Live, too, where it names none or one that the policy does not know, about which its decision has to say something.
    What is not live beside what is, the actor of the event leaves out itself.
    """
    flow = FLOWS.get(name)
    if flow is None:
        return Mode.LIVE
    mode = Mode.OFF
    codes = legal_entities_of(data, state)
    for code in codes:
        entity = policy.legal_entities.get(code)
        match Mode.LIVE if entity is None else entity.mode(flow):
            case Mode.LIVE:
                return Mode.LIVE
            case Mode.SHADOW:
                mode = Mode.SHADOW
            case Mode.OFF:
                pass
    return mode if codes else Mode.LIVE


def limited(decision: Decision, name: str, data: BaseModel, mode: Mode, policy: Policy) -> Decision:
    """What of a decision may be done in `mode`; an event that named no legal entity has that of what it was applied to.

    An assignment has its project's, which nobody knows before it is decided.
    """
    if isinstance(decision, Accept):
        mode = mode_of(name, data, decision.state, policy)
    match mode:
        case Mode.LIVE:
            return decision
        case Mode.SHADOW:
            return Ignore(shadowed(decision))
        case Mode.OFF:
            return Ignore(off(name))
        case _:
            assert_never(mode)


def legal_entities_of(data: BaseModel, state: BaseModel) -> tuple[str, ...]:
    """The legal entities that an event concerns: its own one, or all that it names and that it is about."""
    one = legal_entity_of(data, state)
    if one is not None:
        return (one,)
    return (*getattr(data, "legal_entities", ()), *getattr(state, "legal_entities", ()))


def off(name: str) -> str:
    """Why an event ends that is off."""
    return f"off: the policy ignores {FLOWS[name]} of its legal entity"


def shadowed(decision: Decision) -> str:
    """What would have been done, had the event been live."""
    match decision:
        case Accept():
            return f"shadow: {_would_do(decision)}"
        case Ignore(reason):
            return f"shadow: would be ignored: {reason}"
        case Wait(target, reason):
            return f"shadow: would wait for {target}: {reason}"
        case Reject(failure):
            return f"shadow: would be parked: {failure.failure_class} {failure.code}: {failure.reason}"
        case _:
            assert_never(decision)


def _would_do(decision: Accept) -> str:
    """Commands by system and operation, with their count and money, what else is told, and cases to be opened."""
    counts: dict[tuple[str, str], int] = {}
    money: dict[tuple[str, str], dict[str, Decimal]] = {}
    for request in decision.requests:
        place = (request.system, request.operation)
        counts[place] = counts.get(place, 0) + 1
        amount, currency = getattr(request.body, "amount", None), getattr(request.body, "currency", None)
        if amount is not None and currency is not None:
            sums = money.setdefault(place, {})
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    asked = [
        ", ".join((f"{system} for {operation} ×{count}", *_sums(money.get((system, operation), {}))))
        for (system, operation), count in counts.items()
    ]
    would = [f"would ask {' and '.join(asked)}"] if asked else ["would be applied, and ask nobody"]
    would += [remark.removeprefix("shadow: ") for remark in decision.remarks]
    would += [f"would open a case: {case.failure.code}" for case in decision.cases]
    return "; ".join(would)


def _sums(money: Mapping[str, Decimal]) -> list[str]:
    return [f"{amount:f} {currency}" for currency, amount in money.items()]
