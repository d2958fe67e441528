"""Mistakes that look right, planted to prove that the oracle finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from actors.decision import Accept, Context, Decision, Event, Ignore
from actors.registry import ACTORS
from schemas.acts import Acted
from schemas.envelope import Envelope
from schemas.expense import v1 as expense
from schemas.project.v1 import MilestoneCompleted
from schemas.timesheet import v1 as timesheet
from tests.oracle.facts import CURRENCIES, ROUNDING
from tests.oracle.stage import HISTORY, Stage

Decide = Callable[[Any, Event, Context], Decision]
"""`Any`, because each entity has its own state."""


def _wrong(entity: str, how: Callable[[Decide], Decide]) -> Callable[[], Stage]:
    """A stage on which one entity decides otherwise."""
    actor = ACTORS[entity]
    return lambda: Stage(1, actors={**ACTORS, entity: replace(actor, decide=how(actor.decide))})


def _reading(read: Callable[[Any, Context], Any]) -> Callable[[Decide], Decide]:
    """Reads the data of events otherwise."""

    def how(decide: Decide) -> Decide:
        def wrong(state: Any, event: Event, context: Context) -> Decision:
            said = event._replace(data=read(event.data, context)) if isinstance(event, Envelope) else event
            return decide(state, said, context)

        return wrong

    return how


def _in_own_currency(data: Any, context: Context) -> Any:
    """Foreign amounts are taken one for one."""
    if isinstance(data, expense.Approved | expense.Corrected):
        lines = [line.model_copy(update={"amount": line.spent(data.currency).decimal}) for line in data.lines]
        return data.model_copy(update={"lines": tuple(lines)})
    if isinstance(data, timesheet.Approved | timesheet.Corrected):
        return data.model_copy(update={"currency": CURRENCIES[data.legal_entity]})
    return data


def _all_billed(data: Any, context: Context) -> Any:
    """Whoever is billed for a line is not looked at."""
    if not isinstance(data, timesheet.Approved | timesheet.Corrected | expense.Approved | expense.Corrected):
        return data
    return data.model_copy(update={"lines": tuple(line.model_copy(update={"billable": True}) for line in data.lines)})


def _each_telling(data: Any, context: Context) -> Any:
    """A milestone that is told with another amount is another one."""
    if not isinstance(data, MilestoneCompleted) or data.amount is None:
        return data
    return data.model_copy(update={"milestone_id": f"{data.milestone_id}-{data.amount.amount}"})


def _taking_back_nothing(decide: Decide) -> Decide:
    def wrong(state: Any, event: Event, context: Context) -> Decision:
        decision = decide(state, event, context)
        if not isinstance(decision, Accept):
            return decision
        left = tuple(each for each in decision.requests if not each.operation.endswith(".reverse"))
        return replace(decision, requests=left)

    return wrong


def _deaf_to_people(decide: Decide) -> Decide:
    def wrong(state: Any, event: Event, context: Context) -> Decision:
        is_act = isinstance(event, Envelope) and isinstance(event.data, Acted)
        return Ignore("whatever") if is_act else decide(state, event, context)

    return wrong


def _rounded_alike() -> Stage:
    """Both legal entities round by the rule of the first."""
    entities = {
        code: each.model_copy(update={"rounding": ROUNDING["DE01"]}) for code, each in HISTORY.legal_entities.items()
    }
    return Stage(1, policy=HISTORY.model_copy(update={"legal_entities": entities}))


MISTAKES: Final[Mapping[str, Callable[[], Stage]]] = MappingProxyType(
    {
        "expenses of another currency are taken one for one": _wrong("expense", _reading(_in_own_currency)),
        "sheets of another currency are taken one for one": _wrong("timesheet", _reading(_in_own_currency)),
        "cost of time is billed": _wrong("timesheet", _reading(_all_billed)),
        "expenses that are cost are billed": _wrong("expense", _reading(_all_billed)),
        "a milestone is billed twice": _wrong("project", _reading(_each_telling)),
        "corrected time is not taken back": _wrong("timesheet", _taking_back_nothing),
        "withdrawn expenses are not taken back": _wrong("expense", _taking_back_nothing),
        "approved rates are not booked": _wrong("timesheet", _deaf_to_people),
        "every legal entity rounds alike": _rounded_alike,
    }
)
