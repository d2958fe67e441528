"""Expense: each approved line of a report becomes one entry in the ERP, billed or cost, once, for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from actors.billing.answers import answered
from actors.billing.booking import approved, corrected, sent_back, withdrawn
from actors.billing.ground import references as ground_references
from actors.billing.repairing import repaired
from actors.decision import Actor, Context, Decision, Event, Ignore, Snapshot
from actors.invoices.billed import heard, rebooked
from actors.policy import Flow
from schemas.acts import Acted
from schemas.commands import Result
from schemas.envelope import Envelope
from schemas.expense.entity import ExpenseReport
from schemas.expense.v1 import Approved, Corrected, Rejected, Withdrawn
from schemas.invoice.told import Invoiced
from schemas.keys import ActorKey
from schemas.repair.v1 import Repaired


def references(_state: ExpenseReport, event: Event, loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """What is booked needs its project, that one's contract, and for cost whoever spent it."""
    match event:
        case Envelope(data=Approved() | Corrected() as report):
            return ground_references(report, loaded)
        case Envelope(data=Withdrawn() as end):
            return (end.project.key("project"),)
        case _:
            return ()


def decide(state: ExpenseReport, event: Event, context: Context) -> Decision:
    """What an event of a report means; pure."""
    match event:
        case Result():
            return answered(state, event)
        case Envelope(data=Invoiced() | Acted() as told):
            return heard(state, told)
        case Envelope(data=Repaired() as repair):
            return repaired(state, repair, context, Flow.EXPENSES)
        case Envelope():
            return rebooked(state, _said(state, event, context))


def _said(state: ExpenseReport, event: Envelope, context: Context) -> Decision:
    """What is said of the report where it was written."""
    match event.data:
        case Approved() as report:
            return approved(state, report, event.source, context)
        case Corrected() as report:
            return corrected(state, report, event.source, context)
        case Rejected():
            return sent_back(state, "expense")
        case Withdrawn() as end:
            return withdrawn(state, end, context)
        case _:
            return Ignore(f"{event.type} does not concern a report of expenses")


ACTOR = Actor("expense", ExpenseReport, 1, decide, references)
