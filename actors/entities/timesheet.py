"""Timesheet: each approved line becomes one entry in the ERP, billable or cost, once, for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from actors.billing.answers import answered
from actors.billing.booking import approved, corrected, sent_back, withdrawn
from actors.billing.ground import references as ground_references
from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Snapshot
from schemas.commands import Result
from schemas.envelope import Envelope
from schemas.keys import ActorKey
from schemas.timesheet.entity import Timesheet
from schemas.timesheet.v1 import Approved, Corrected, Rejected, Submitted, Withdrawn


def references(_state: Timesheet, event: Event, loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """What is booked needs its project, that one's contract, and for cost whoever worked."""
    if isinstance(event, Envelope) and isinstance(event.data, (Approved, Corrected)):
        return ground_references(event.data, loaded)
    if isinstance(event, Envelope) and isinstance(event.data, Withdrawn):
        return (event.data.project.key("project"),)
    return ()


def decide(state: Timesheet, event: Event, context: Context) -> Decision:
    """What a timesheet's event means; pure."""
    match event:
        case Result():
            return answered(state, event)
        case Envelope(data=Submitted()):
            if state.is_approved:
                return Ignore("the sheet is approved already")
            return Accept(state.model_copy(update={"status": "submitted"}))
        case Envelope(data=Rejected()):
            return sent_back(state, "timesheet")
        case Envelope(data=Approved() as sheet):
            return approved(state, sheet, event.source, context)
        case Envelope(data=Corrected() as sheet):
            return corrected(state, sheet, event.source, context)
        case Envelope(data=Withdrawn() as end):
            return withdrawn(state, end, context)
        case _:
            return Ignore(f"{event.type} does not concern a timesheet")


ACTOR = Actor("timesheet", Timesheet, 1, decide, references)
