"""Version 1 of the contract events. The subject is the canonical contract id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.operations.contract import ScheduledAmount
from schemas.operations.project import RolePrice
from schemas.project.v1 import Billing, Rate
from schemas.record import Record
from schemas.rules import Rule
from schemas.values import (
    Amount,
    BillingMethod,
    Currency,
    Day,
    Id,
    Money,
    Name,
    Note,
    Period,
    PlannedHours,
    Price,
    Reference,
    System,
)


class Approver(Record):
    """Who gave a change their authority, and as what."""

    id: Id
    """Id of the employee."""
    role: Id
    """The role in which they approved it, as the policy's approvals name it."""


class Instalment(Record):
    """A part of the billing schedule: what is billed on a day, or once a milestone is completed."""

    name: Name | None = None
    due_on: Day | None = None
    milestone_id: Id | None = None
    amount: Price

    @model_validator(mode="after")
    def _one_occasion(self) -> Self:
        if (self.due_on is None) == (self.milestone_id is None):
            raise PydanticCustomError("instalment_occasion", "give either `due_on` or `milestone_id`")
        return self


class ForecastLine(Record):
    """What is planned for a period."""

    period: Period
    role: Id | None = None
    hours: PlannedHours | None = None
    amount: Price | None = None


Rates = Annotated[tuple[Rate, ...], Field(strict=False, fail_fast=True, min_length=1, max_length=1000)]
Schedule = Annotated[tuple[Instalment, ...], Field(strict=False, fail_fast=True, max_length=1000)]
Forecast = Annotated[tuple[ForecastLine, ...], Field(strict=False, fail_fast=True, max_length=1000)]


class Activated(Record):
    """The contract is signed and in force: its version 1."""

    customer: Reference
    project: Reference
    """The project that is billed under it."""
    legal_entity: Id
    """Code of the legal entity of the firm that bills it."""
    currency: Currency
    """The currency of the contract, for good; all amounts are in it."""
    billing: Billing
    value: Price | None = None
    """What it is worth in all; left out where it is open."""
    schedule: Schedule = ()
    forecast: Forecast = ()
    reference: Id | None = None
    """Number of the contract, the same in all systems; left out: its id."""
    signed_on: Day
    starts_on: Day
    """First day on which work may be billed."""
    ends_on: Day | None = None
    """Last day on which work may be billed; left out where the contract is open."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise PydanticCustomError("period_order", "let `ends_on` be the day of `starts_on` or a later one")
        prices = [self.value, self.billing.fee, *_prices(self.billing.rates, self.schedule, self.forecast)]
        _in_one_currency(prices, self.currency)
        return self


class ChangeOrderApproved(Record):
    """A change of the contract is approved: its next version. What is left out stays as it is."""

    version: Annotated[
        int,
        Field(strict=True, ge=2, le=2**31 - 1),
        Rule("version_invalid", "write the version as a whole JSON number from 2 on: the contract itself is version 1"),
    ]
    """The contract itself is version 1; each change order is one more."""
    effective_on: Day
    """Work of this day and later is under the new terms; work dated before keeps the old rates."""
    value_change: Money | None = None
    """What it adds to the value, below zero what it takes off. Write zero where it changes nothing: left out it is
    unknown, and each rule by amount applies."""
    rates: Rates | None = None
    """All rates from `effective_on` on."""
    retainer: Price | None = None
    """The retainer per month from `effective_on` on, of a contract that is billed by one."""
    schedule: Schedule | None = None
    """The whole billing schedule as it is now."""
    forecast: Forecast | None = None
    """The new baseline of the forecast."""
    ends_on: Day | None = None
    """The new last day."""
    approved_by: Approver
    requested_by: Id | None = None
    """Who asked for it: id of the employee, who may never approve it."""
    reason: Note

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _each_role_once(self.rates)
        prices = [self.value_change, self.retainer, *_prices(self.rates, self.schedule, self.forecast)]
        if named := [price for price in prices if price is not None]:
            _in_one_currency(prices, named[0].currency)
        return self

    @property
    def currency(self) -> str | None:
        """The one currency of its amounts; None where it has none."""
        prices = [self.value_change, self.retainer, *_prices(self.rates, self.schedule, self.forecast)]
        return next((price.currency for price in prices if price is not None), None)


class Renewed(Record):
    """The contract goes on for longer."""

    effective_on: Day
    """First day of the new term."""
    ends_on: Day
    """Last day of the new term."""
    rates: Rates | None = None
    """All rates from `effective_on` on; left out they stay."""
    retainer: Price | None = None
    """The retainer per month from `effective_on` on; left out it stays."""
    value_change: Price | None = None
    """What the new term adds to the value."""
    reason: Note

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.ends_on < self.effective_on:
            raise PydanticCustomError("period_order", "let `ends_on` be the day of `effective_on` or a later one")
        _each_role_once(self.rates)
        prices = [self.value_change, self.retainer, *_prices(self.rates, None, None)]
        if named := [price for price in prices if price is not None]:
            _in_one_currency(prices, named[0].currency)
        return self

    @property
    def currency(self) -> str | None:
        """The one currency of its amounts; None where it has none."""
        prices = [self.value_change, self.retainer, *_prices(self.rates, None, None)]
        return next((price.currency for price in prices if price is not None), None)


class Terminated(Record):
    """The contract ends early."""

    ends_on: Day
    """Last day on which work may be billed."""
    reason: Note


class Opened(Record):
    """An engagement tells its contract what was sold. Inner: the billing system has these terms already."""

    to: Id
    """The contract."""
    engagement: Id
    project_id: Id
    """Our canonical id of the project."""
    project: Id | None = None
    """The ERP's own id of the project; left out where none has it."""
    customer: Id
    """The ERP's own id of the customer."""
    legal_entity: Id
    currency: Currency
    reference: Id
    """Number of the contract, the same in all systems."""
    method: BillingMethod
    fee: Amount | None = None
    """The fixed fee, or the retainer per month."""
    value: Amount | None = None
    roles: Annotated[tuple[RolePrice, ...], Field(strict=False, max_length=1000)] = ()
    schedule: Annotated[tuple[ScheduledAmount, ...], Field(strict=False, max_length=1000)] = ()
    starts_on: Day
    ends_on: Day | None = None
    tax_code: Id
    """The ERP's own code."""
    billing: System | None = None
    """The system that has the contract; left out where none takes it."""
    billing_id: Id | None = None
    """That system's own id of the contract."""


class Withdrawn(Record):
    """The deal was cancelled, so its contract is taken back."""

    to: Id
    """The contract."""
    engagement: Id
    reason: Note


def _prices(
    rates: Iterable[Rate] | None, schedule: Iterable[Instalment] | None, forecast: Iterable[ForecastLine] | None
) -> list[Money | None]:
    return [
        *(rate.hourly for rate in rates or ()),
        *(instalment.amount for instalment in schedule or ()),
        *(line.amount for line in forecast or ()),
    ]


def _in_one_currency(prices: Iterable[Money | None], currency: str) -> None:
    for price in prices:
        if price is not None and price.currency != currency:
            raise PydanticCustomError(
                "currency_differs",
                "amounts are in {currency} and in {other}; send all of them in the contract's currency, nothing is "
                "converted here",
                {"currency": currency, "other": price.currency},
            )


def _each_role_once(rates: tuple[Rate, ...] | None) -> None:
    if rates is not None and len({rate.role for rate in rates}) != len(rates):
        raise PydanticCustomError("role_repeated", "give one rate for each role in `rates`")
