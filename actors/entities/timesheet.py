"""Timesheet: each approved line becomes one entry in the ERP, billable or cost, once, for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from actors.billing.answers import answered
from actors.billing.behind import ENDED, looked_at, with_end
from actors.billing.booking import approved, corrected, sent_back, withdrawn
from actors.billing.ground import references as ground_references
from actors.billing.planning import rates_changed
from actors.billing.repairing import repaired
from actors.billing.rerating import acted, followed, plan_of
from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Snapshot
from actors.invoices.billed import heard, is_of_invoices, rebooked
from actors.policy import Flow
from schemas.acts import Acted
from schemas.commands import SELF, Confirmed, Result
from schemas.commands import Rejected as Refused
from schemas.envelope import Envelope
from schemas.invoice.told import Invoiced
from schemas.keys import ActorKey
from schemas.repair.v1 import Repaired
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Approved, Corrected, RatesChanged, Rejected, Submitted, Withdrawn


def references(state: Timesheet, event: Event, loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """What is booked needs its project, that one's contract, and for cost whoever worked; a plan its contract."""
    match event:
        case Envelope(data=Approved() | Corrected() as sheet):
            return ground_references(sheet, loaded)
        case Envelope(data=Withdrawn() as end):
            return (end.project.key("project"),)
        case Envelope(data=RatesChanged() as change):
            return (ActorKey("contract", change.contract),)
        case Envelope(data=Acted() as act) if (plan := plan_of(state, act)) is not None:
            return (ActorKey("contract", plan.contract),)
        case _:
            return ()


def decide(state: Timesheet, event: Event, context: Context) -> Decision:
    """What a timesheet's event means; pure."""
    match event:
        case Result() if event.command.system == SELF:
            return _heard(event)
        case Result():
            return answered(state, event)
        case Envelope(data=RatesChanged() as change):
            return with_end(state, rates_changed(state, change, context), change.contract, context)
        case Envelope(data=Repaired() as repair):
            return followed(state, repaired(state, repair, context, Flow.TIME), context.key)
        case Envelope(data=Invoiced() as told):
            return heard(state, told)
        case Envelope(data=Acted() as act):
            return _acted(state, act, context)
        case Envelope():
            return rebooked(state, followed(state, _said(state, event, context), context.key))


def _acted(state: Timesheet, act: Acted, context: Context) -> Decision:
    """A person decides about an invoice that bills the sheet, about the end of a contract, or about other rates."""
    if is_of_invoices(act):
        return heard(state, act)
    return looked_at(state, act) if act.topic.startswith(ENDED) else rebooked(state, acted(state, act, context))


def _said(state: Timesheet, event: Envelope, context: Context) -> Decision:
    """What the PSA says of the sheet."""
    match event.data:
        case Submitted():
            if state.is_approved:
                return Ignore("the sheet is approved already")
            return Accept(state.model_copy(update={"status": "submitted"}))
        case Rejected():
            return sent_back(state, "timesheet")
        case Approved() as sheet:
            return approved(state, sheet, event.source, context)
        case Corrected() as sheet:
            return corrected(state, sheet, event.source, context)
        case Withdrawn() as end:
            return withdrawn(state, end, context)
        case _:
            return Ignore(f"{event.type} does not concern a timesheet")


def _heard(result: Result) -> Decision:
    """The month of a contract knows of the sheet."""
    match result.outcome:
        case Confirmed():
            return Ignore("the contract's month knows of the sheet")
        case Refused(failure):
            return Reject(failure)
        case _:
            assert_never(result.outcome)


ACTOR = Actor("timesheet", Timesheet, 2, decide, references)
