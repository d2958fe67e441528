"""Version 1 of the project events. The subject is the canonical project id; of a deal, won or not, the engagement."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.record import Record
from schemas.rules import Rule
from schemas.values import (
    BillingMethod,
    Currency,
    Day,
    Id,
    Name,
    Note,
    Percent,
    PlannedHours,
    Price,
    Reference,
    Revision,
    System,
)


class Contract(Record):
    """The signed statement of work."""

    reference: Id
    """Number of the contract, the same in all systems."""
    signed_on: Day
    starts_on: Day
    """First day on which work may be billed."""
    ends_on: Day | None = None
    """Last day on which work may be billed; left out where the contract is open."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise PydanticCustomError("period_order", "let `ends_on` be the day of `starts_on` or a later one")
        return self


class Rate(Record):
    """What one hour of a role costs the customer."""

    role: Id
    hourly: Price


class Billing(Record):
    """How the work is billed."""

    method: BillingMethod
    fee: Price | None = None
    """The fixed fee, or the retainer per month."""
    rates: Annotated[tuple[Rate, ...], Field(strict=False, fail_fast=True, max_length=1000)] = ()
    """Rate per role; at least one for time and materials."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.method == "time_and_materials" and not self.rates:
            raise PydanticCustomError("rates_missing", "list at least one role with its hourly rate in `rates`")
        if len({rate.role for rate in self.rates}) != len(self.rates):
            raise PydanticCustomError("role_repeated", "give one rate for each role in `rates`")
        return self


class OpportunityWon(Record):
    """A deal is won: what is to be set up for delivery and billing."""

    opportunity_id: Id
    """The CRM's own id of the opportunity."""
    customer: Reference
    legal_entity: Id
    """Code of the legal entity of the firm that bills the project."""
    service_line: Id
    """Code by which the policy finds the template and the revenue mapping of the project."""
    name: Name
    currency: Currency
    """The currency of the contract; all amounts are in it."""
    contract: Contract
    billing: Billing
    owner: Id | None = None
    """Who is in charge of the engagement: id of the employee."""

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        prices = [rate.hourly for rate in self.billing.rates]
        if self.billing.fee is not None:
            prices.append(self.billing.fee)
        for price in prices:
            if price.currency != self.currency:
                raise PydanticCustomError(
                    "currency_differs",
                    "the project is in {currency} but an amount in `billing` is in {other}; send all of them in "
                    "{currency}, nothing is converted here",
                    {"currency": self.currency, "other": price.currency},
                )
        return self


class Planned(Record):
    """Work that is expected of a role."""

    role: Id
    hours: PlannedHours


class OpportunityForecast(Record):
    """A deal that may be won: the planned scope, for planning capacity. A full snapshot; the last one counts."""

    opportunity_id: Id
    """The CRM's own id of the opportunity."""
    customer: Reference
    name: Name
    legal_entity: Id
    """Code of the legal entity of the firm that would bill it."""
    service_line: Id
    currency: Currency
    probability: Annotated[
        int,
        Field(strict=True, ge=0, le=100),
        Rule("probability_invalid", "write the probability as a whole JSON number from 0 to 100"),
    ]
    """How likely it is won, in per cent."""
    value: Price | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    work: Annotated[tuple[Planned, ...], Field(strict=False, fail_fast=True, max_length=1000)] = ()
    """The hours that it would need, by role."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.starts_on is not None and self.ends_on is not None and self.ends_on < self.starts_on:
            raise PydanticCustomError("period_order", "let `ends_on` be the day of `starts_on` or a later one")
        if self.value is not None and self.value.currency != self.currency:
            raise PydanticCustomError(
                "currency_differs",
                "the deal is in {currency} but `value` is in {other}; nothing is converted here",
                {"currency": self.currency, "other": self.value.currency},
            )
        if len({row.role for row in self.work}) != len(self.work):
            raise PydanticCustomError("role_repeated", "give the hours of each role once in `work`")
        return self


class Opened(Record):
    """The project stands in the systems: what is relied on about it. Comes from the engagement alone."""

    to: Id
    """The project."""
    engagement: Id
    opportunity_id: Id
    """The CRM's own id of the opportunity."""
    name: Name
    legal_entity: Id
    currency: Currency
    service_line: Id
    contract: Id
    """Our canonical id of its contract."""
    contract_reference: Id
    starts_on: Day
    ends_on: Day | None = None
    tax_code: Id
    """The ERP's own code."""
    rates: Annotated[tuple[Rate, ...], Field(strict=False, max_length=1000)] = ()
    erp: System | None = None
    """The system that bills it; left out where none does."""
    erp_id: Id | None = None
    """The ERP's own id."""
    psa: System | None = None
    psa_id: Id | None = None
    """The PSA's own id."""
    owner: Id | None = None


class Withdrawn(Record):
    """The deal was cancelled, so its project is taken back. Comes from the engagement alone."""

    to: Id
    """The project."""
    engagement: Id
    reason: Note


class Activated(Record):
    """Work on the project may begin."""

    activated_on: Day


class StatusChanged(Record):
    """The project runs, rests, or has ended."""

    status: Literal["active", "on_hold", "closed"]
    effective_on: Day
    """First day on which the status holds."""
    reason: Note


class MilestoneCompleted(Record):
    """Something was delivered that the contract names."""

    milestone_id: Id
    name: Name
    completed_on: Day
    amount: Price | None = None
    """What is billed for it; left out where the milestone itself is not billed."""


class MarginThresholdBreached(Record):
    """The project earns less than it should."""

    margin: Percent
    """The margin as it is, in per cent of the revenue."""
    threshold: Percent
    """The margin below which someone must know, in per cent."""
    as_of: Day
    reason: Note | None = None


class Closed(Record):
    """The project has ended, and its books with it."""

    closed_on: Day
    """First day on which no work may be billed any more."""
    reason: Note


class TermsChanged(Record):
    """What the project is billed by from a day on. Comes from its contract alone."""

    to: Id
    """Our canonical id of the project."""
    contract: Id
    number: Revision
    """Counts what changed the terms: of those in force on a day, the highest number counts."""
    effective_on: Day
    rates: Annotated[tuple[Rate, ...], Field(strict=False, max_length=1000)] | None = None
    """All prices of an hour of work of that day and later; left out where this number does not change them."""
    ends_on: Day | None = None
    """Last day on which work may be billed, as it now stands; left out where the contract is open."""
    value: Price | None = None
    """What the contract is worth in all now; left out where it is open."""
