"""Employees and rate cards: kept as they are published, for whoever needs them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from actors.entities import employee, rate_card
from schemas.employee.entity import Employee
from schemas.employee.v1 import Upserted
from schemas.facts import Notice
from schemas.keys import ActorKey
from schemas.rate_card.entity import RateCard
from schemas.rate_card.v1 import Published
from tests.actors.agreements import APRIL, BEGIN, JUNE, rates
from tests.actors.firm import credit
from tests.actors.stage import Given, accepted, reason_to_ignore

NOBODY = Given(employee.ACTOR, ActorKey("employee", "E-1"), Employee())
NO_CARD = Given(rate_card.ACTOR, ActorKey("rate_card", "RC-1"), RateCard())
MIRA = Upserted(name="Mira", legal_entity="DE01", cost_centre="CC-1")


def card(version: int, rate: str, effective_on: date) -> Published:
    """A version of the card."""
    return Published(version=version, effective_on=effective_on, name="Standard", currency="EUR", rates=rates(rate))


def rate_on(given: Given, day: date) -> object:
    """What the card says of a day."""
    assert isinstance(given.state, RateCard)
    return given.state.rates_on(day).get("consultant")


def test_an_employee_is_as_last_told() -> None:
    moved = MIRA.model_copy(update={"cost_centre": "CC-2"})
    state = NOBODY.after(MIRA, moved).state
    assert isinstance(state, Employee)
    assert state.profile == moved
    assert "already" in reason_to_ignore(NOBODY.after(MIRA).when(MIRA))


def test_that_an_employee_leaves_is_told_once() -> None:
    leaving = MIRA.model_copy(update={"terminated_on": JUNE})
    given = NOBODY.after(MIRA)
    assert accepted(given.when(leaving)).notices == (Notice("leaves", {"terminated_on": "2026-06-01"}),)
    later = leaving.model_copy(update={"terminated_on": date(2026, 7, 1)})
    assert accepted(given.after(leaving).when(later)).notices == ()


def test_a_card_prices_each_day_by_the_version_that_is_effective_then() -> None:
    given = NO_CARD.after(card(1, "145.00", BEGIN), card(2, "150.00", APRIL))
    assert [rate_on(given, day) for day in (date(2025, 12, 31), BEGIN, APRIL)] == [
        None, Decimal("145.00"), Decimal("150.00"),
    ]  # fmt: skip


def test_versions_may_come_in_any_order() -> None:
    given = NO_CARD.after(card(2, "150.00", APRIL), card(1, "145.00", BEGIN))
    assert (rate_on(given, BEGIN), rate_on(given, JUNE)) == (Decimal("145.00"), Decimal("150.00"))


def test_a_version_is_published_once() -> None:
    given = NO_CARD.after(card(1, "145.00", BEGIN))
    assert reason_to_ignore(given.when(card(1, "145.00", BEGIN))).endswith("already")
    assert "next version" in reason_to_ignore(given.when(card(1, "146.00", BEGIN)))


def test_events_of_other_entities_change_nothing() -> None:
    assert "employee.upserted" in reason_to_ignore(NOBODY.when(credit(on_hold=True)))
    assert "rate_card.published" in reason_to_ignore(NO_CARD.when(credit(on_hold=True)))
