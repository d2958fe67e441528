"""Planning is told of a deal: each time that its forecast changes, once it begins, and when it is cancelled."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from actors.decision import Accept, Context, Decision, Ignore, Reject, Request
from actors.lines import numbered
from actors.policy import Flow, Mode
from schemas.commands import Confirmed, Rejected, Result
from schemas.engagement.entity import Engagement
from schemas.facts import Notice
from schemas.operations.forecast import ForecastPut, PlannedWork
from schemas.project.v1 import OpportunityForecast

WON: Final = 100
"""How likely a deal is that was won and is set up, in per cent."""
LOST: Final = 0
"""How likely one is that was cancelled."""


def forecast(state: Engagement, planned: OpportunityForecast, context: Context) -> Decision:
    """The planned scope has changed. Planning keeps the last one."""
    if state.deal is not None:
        return Ignore("the deal is won already, so its forecast is over")
    if planned == state.forecast:
        return Ignore("this forecast is known already")
    notice = Notice("forecast", {"legal_entity": planned.legal_entity, "probability": str(planned.probability)})
    kept, requests = _told(state.model_copy(update={"status": "forecast", "forecast": planned}), context)
    is_known = planned.legal_entity in context.policy.legal_entities
    remarks = (
        () if is_known else (f"it is told to nobody: legal entity {planned.legal_entity} is not in the policy file",)
    )
    return Accept(kept, requests, notices=(notice,), remarks=remarks)


def with_forecast(before: Engagement, accept: Accept, context: Context) -> Accept:
    """The same decision, with planning told what became of the deal: certain once a part begins, 0 once cancelled."""
    state = accept.state
    if not isinstance(state, Engagement) or state.forecast is None or state.deal is None:
        return accept
    likely = state.forecast.probability
    if state.status == "cancelled":
        likely = LOST
    elif any(part.is_begun for part in state.parts) and not any(part.is_begun for part in before.parts):
        likely = WON
    if likely == state.forecast.probability:
        return accept
    settled = state.model_copy(update={"forecast": state.forecast.model_copy(update={"probability": likely})})
    told, requests = _told(settled, context)
    code = state.forecast.legal_entity
    legal_entity = context.policy.legal_entities.get(code)
    mode = Mode.LIVE if legal_entity is None else legal_entity.mode(Flow.FORECASTS)
    match mode:
        case Mode.LIVE:
            return replace(accept, state=told, requests=(*accept.requests, *requests))
        case Mode.SHADOW:
            remarks = tuple(f"shadow: would ask {asked.system} for {asked.operation} of {code}" for asked in requests)
        case Mode.OFF:
            remarks = tuple(
                f"{code} runs no forecasts: {asked.system} is not told what became of it" for asked in requests
            )
        case _:
            assert_never(mode)
    return replace(accept, state=settled, remarks=(*accept.remarks, *remarks))


def forecast_answered(result: Result) -> Decision:
    """What planning answers."""
    match result.outcome:
        case Confirmed():
            return Ignore(f"{result.command.system} has the forecast")
        case Rejected(failure):
            return Reject(failure)
        case _:
            assert_never(result.outcome)


def _told(state: Engagement, context: Context) -> tuple[Engagement, tuple[Request, ...]]:
    planned = state.forecast
    legal_entity = None if planned is None else context.policy.legal_entities.get(planned.legal_entity)
    if planned is None or legal_entity is None:
        return state, ()
    # What was begun in a system stays there.
    system = state.planning or legal_entity.route("forecast.put", planned.starts_on or context.now.date())
    if system is None:
        return state, ()
    number = state.forecasts + 1
    body = ForecastPut(
        forecast_id=context.key.id,
        kind="opportunity",
        version=number,
        legal_entity=planned.legal_entity,
        currency=planned.currency,
        name=planned.name,
        probability=planned.probability,
        value=None if planned.value is None else planned.value.decimal,
        starts_on=planned.starts_on,
        ends_on=planned.ends_on,
        work=tuple(PlannedWork(role=row.role, hours=row.hours) for row in planned.work),
    )
    kept = state.model_copy(update={"planning": system, "forecasts": number})
    return kept, (Request(system, "forecast.put", numbered("forecast", number, body), body),)
