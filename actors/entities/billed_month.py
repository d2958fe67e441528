"""Billed month: which sheets have time of a contract's month, so that each hears of what changes afterwards.

A sheet that is listed after a change hears of it too: it may have been billed just before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, no_references
from actors.lines import numbered
from schemas.billed_month.entity import BilledMonth
from schemas.billed_month.v1 import Amended, Listed
from schemas.commands import SELF, Confirmed, Rejected, Result
from schemas.envelope import Envelope
from schemas.timesheet.v1 import RatesChanged


def decide(state: BilledMonth, event: Event, _context: Context) -> Decision:
    """What a month is told; pure."""
    match event:
        case Result():
            return _result(event)
        case Envelope(data=Listed() as listed):
            if listed.sheet in state.sheets:
                return Ignore(f"sheet {listed.sheet} is listed already")
            changed = state.model_copy(update={"sheets": (*state.sheets, listed.sheet)})
            return _told(changed, (listed.sheet,) if state.amended else (), listed.contract)
        case Envelope(data=Amended() as amended):
            changed = state.model_copy(update={"amended": amended.number})
            return _told(changed, state.sheets, amended.contract)
        case _:
            return Ignore(f"{event.type} does not concern a billed month")


def _told(state: BilledMonth, sheets: Iterable[str], contract: str) -> Accept:
    """The sheets are told that the rates of a contract, or its last day, have changed."""
    requests: list[Request] = []
    for number, sheet in enumerate(sheets, state.told + 1):
        body = RatesChanged(to=sheet, contract=contract, number=state.amended)
        requests.append(Request(SELF, "timesheet.rates_changed", numbered("rates", number, body), body))
    return Accept(state.model_copy(update={"told": state.told + len(requests)}), tuple(requests))


def _result(result: Result) -> Decision:
    match result.outcome:
        case Confirmed():
            return Ignore("the sheet was told")
        case Rejected(failure):
            return Reject(failure)
        case _:
            assert_never(result.outcome)


ACTOR = Actor("billed_month", BilledMonth, 1, decide, no_references)
