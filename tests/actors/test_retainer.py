"""A retainer: what is billed per month changes as the rates do, by change order or renewal, and by who may."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from actors.entities.contract import ACTOR
from schemas.acts import Act
from schemas.contract.entity import Contract
from schemas.contract.v1 import Opened
from schemas.operations.contract import ContractPut
from schemas.record import Record
from tests.actors.agreements import APRIL, SOW, SUPERVISED, UNSUPERVISED, act, opened, order, renewal
from tests.actors.firm import BRIDGE, SHIPYARD, known_customer, running_project
from tests.actors.stage import Given, accepted

OTHERS = {SHIPYARD: known_customer(), BRIDGE: running_project()}


def by_the_month() -> Opened:
    """A deal that is billed with 4,000 euros a month."""
    return opened().model_copy(update={"method": "retainer", "fee": Decimal("4000.00")})


SUPPORT = Given(ACTOR, SOW, Contract(), UNSUPERVISED, others=OTHERS).after(by_the_month())
BY_THE_HOUR = Given(ACTOR, SOW, Contract(), UNSUPERVISED, others=OTHERS).after(opened())
WATCHED = replace(SUPPORT, policy=SUPERVISED)


def put(given: Given, event: Record) -> ContractPut:
    """What the billing system is asked."""
    [body] = [each for each in (request.body for request in given.asked(event)) if isinstance(each, ContractPut)]
    return body


@pytest.mark.parametrize("change", [order(retainer="4500.00"), renewal(retainer="4500.00")], ids=["order", "renewal"])
def test_the_billing_system_gets_another_retainer(change: Record) -> None:
    assert put(SUPPORT, change).fee == Decimal("4500.00")
    # And it stays until the next one
    assert put(SUPPORT.after(order(retainer="4500.00")), order(3)).fee == Decimal("4500.00")
    assert put(SUPPORT, order()).fee == Decimal("4000.00")


def test_it_holds_from_its_day() -> None:
    assert put(SUPPORT, order(retainer="4500.00")).effective_on == APRIL


def test_one_that_billing_refuses_and_a_person_takes_back_leaves_the_former() -> None:
    after = SUPPORT.after(order(retainer="4500.00"))
    (asked, *_) = SUPPORT.asked(order(retainer="4500.00"))
    former = after.after(after.refused(asked), act(Act.CANCEL, "change_order:2")).state
    assert isinstance(former, Contract)
    assert former.retainer == Decimal("4000.00")


def test_any_number_of_months_is_billed_by_it_so_it_is_above_every_limit() -> None:
    for change in (order(change="0.00", retainer="4500.00"), renewal(change="0.00", retainer="4500.00")):
        (case, *_) = accepted(WATCHED.when(change)).cases
        assert case.failure.code == "authority_missing"
    assert accepted(WATCHED.when(order(change="0.00", retainer="4000.00"))).cases == (), "it is what it was"
    assert accepted(WATCHED.when(order(change="0.00"))).cases == ()


@pytest.mark.parametrize("change", [order(retainer="4500.00"), renewal(retainer="4500.00")], ids=["order", "renewal"])
def test_a_contract_that_is_billed_otherwise_has_none(change: Record) -> None:
    (case,) = accepted(BY_THE_HOUR.when(change)).cases
    assert (case.failure.code, "billed by time_and_materials" in case.failure.reason) == ("retainer_unknown", True)
    assert BY_THE_HOUR.asked(change) == ()


def test_it_is_in_the_currency_of_the_contract() -> None:
    (case,) = accepted(SUPPORT.when(order(change=None, retainer="4500.00", currency="USD"))).cases
    assert case.failure.code == "currency_differs"
