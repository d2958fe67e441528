"""A forecast is told to planning, each time that it changes, and is certain once its deal is won."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from actors.decision import Decision
from actors.entities.engagement import ACTOR
from actors.policy import Flow, Mode, Policy
from schemas.acts import Act, Acted
from schemas.engagement.entity import Engagement
from schemas.operations.forecast import ForecastPut, PlannedWork
from schemas.project.v1 import OpportunityForecast, Planned
from tests.actors.agreements import eur
from tests.actors.firm import SHIPYARD, WON, deal, known_customer
from tests.actors.flows.desk import FINANCE, POLICY
from tests.actors.stage import REFUSED, Given, accepted, reason_to_ignore, refusal

PLANNED: Policy = POLICY.model_copy(
    update={
        "legal_entities": {
            code: entity.model_copy(update={"planning": "planning"}) for code, entity in POLICY.legal_entities.items()
        }
    }
)
NEW = Given(ACTOR, WON, Engagement(), PLANNED, others={SHIPYARD: known_customer()})


def forecast(probability: int = 60, legal_entity: str = "DE01") -> OpportunityForecast:
    """What sales expects of the bridge."""
    return OpportunityForecast(
        opportunity_id="OPP-1", customer=deal().customer, name="Bridge", legal_entity=legal_entity,
        service_line="advisory", currency="EUR", probability=probability, value=eur("90000.00"),
        starts_on=date(2026, 4, 1), work=(Planned(role="consultant", hours=Decimal(400)),),
    )  # fmt: skip


def test_planning_gets_the_planned_scope() -> None:
    (request,) = NEW.asked(forecast())
    assert (request.system, request.operation) == ("planning", "forecast.put")
    assert request.body == ForecastPut(
        forecast_id="P-1", kind="opportunity", version=1, legal_entity="DE01", currency="EUR", name="Bridge",
        probability=60, value=Decimal("90000.00"), starts_on=date(2026, 4, 1),
        work=(PlannedWork(role="consultant", hours=Decimal(400)),),
    )  # fmt: skip


def test_the_same_again_is_not_told_and_a_change_is() -> None:
    given = NEW.after(forecast())
    assert "already" in reason_to_ignore(given.when(forecast()))
    (request,) = given.asked(forecast(80))
    assert isinstance(request.body, ForecastPut)
    assert (request.body.version, request.body.probability) == (2, 80)


def test_a_deal_that_is_won_is_certain() -> None:
    requests = NEW.after(forecast()).asked(deal())
    assert [r.body.probability for r in requests if isinstance(r.body, ForecastPut)] == [100]
    assert [r.operation for r in NEW.asked(deal())] == ["customer.trade", "project.create"]


def told(decision: Decision) -> list[int]:
    """How likely planning is told that the deal is."""
    bodies = [request.body for request in accepted(decision).requests]
    return [body.probability for body in bodies if isinstance(body, ForecastPut)]


def test_a_deal_is_certain_once_it_is_approved_and_it_begins() -> None:
    given = replace(NEW, policy=PLANNED.model_copy(update={"approvals": {"always": FINANCE}})).after(forecast())
    assert told(given.when(deal())) == []
    approve = Acted(topic="approval:always", act=Act.APPROVE, by="E-fin", roles=("finance",), reason="sound")
    assert told(given.after(deal()).when(approve)) == [100]
    reject = approve.model_copy(update={"act": Act.REJECT})
    assert told(given.after(deal()).when(reject)) == [0]


def test_a_cancelled_deal_takes_no_capacity() -> None:
    given = NEW.after(forecast())
    (create,) = [request for request in given.asked(deal()) if request.operation == "project.create"]
    running = given.after(deal(), given.refused(create))
    cancel = Acted(topic="step:DE01.shell", act=Act.CANCEL, by="E-fin", roles=("finance",), reason="given up")
    assert told(running.when(cancel)) == [0]


def test_a_deal_in_shadow_stays_as_likely_as_it_was() -> None:
    shadow = PLANNED.legal_entities["DE01"].model_copy(update={"flows": {Flow.WON_DEALS: Mode.SHADOW}})
    policy = PLANNED.model_copy(update={"legal_entities": {**PLANNED.legal_entities, "DE01": shadow}})
    assert told(replace(NEW, policy=policy).after(forecast()).when(deal())) == []


@pytest.mark.parametrize(
    ("mode", "remark"),
    [
        (Mode.SHADOW, "shadow: would ask planning for forecast.put of DE01"),
        (Mode.OFF, "DE01 runs no forecasts: planning is not told what became of it"),
    ],
)
def test_a_won_deal_tells_planning_nothing_where_forecasts_are_not_live_any_more(mode: Mode, remark: str) -> None:
    # Given a forecast that planning was told while forecasts were live
    entity = PLANNED.legal_entities["DE01"].model_copy(update={"flows": {Flow.FORECASTS: mode}})
    silent = PLANNED.model_copy(update={"legal_entities": {**PLANNED.legal_entities, "DE01": entity}})
    given = replace(NEW.after(forecast()), policy=silent)
    # When the deal is won
    decision = accepted(given.when(deal()))
    # Then it is set up, and planning hears nothing
    assert [request.operation for request in decision.requests] == ["customer.trade", "project.create"]
    assert remark in decision.remarks


def test_where_nobody_plans_it_is_kept() -> None:
    silent = replace(NEW, policy=POLICY)
    assert (silent.asked(forecast()), accepted(silent.when(forecast())).remarks) == ((), ())
    assert "FR01" in accepted(NEW.when(forecast(legal_entity="FR01"))).remarks[0]


def test_what_planning_answers() -> None:
    given = NEW.after(forecast())
    (request,) = NEW.asked(forecast())
    assert "planning has the forecast" in reason_to_ignore(given.when(given.confirmed(request, "F-1")))
    assert refusal(given.when(given.refused(request))) == REFUSED
