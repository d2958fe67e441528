"""Version 2 of the won deal: one part for each legal entity that bills. The subject is the engagement."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.contract.v1 import Instalment
from schemas.project import v1
from schemas.record import Record
from schemas.rules import Rule, Written
from schemas.values import BillingMethod, Currency, Day, Id, Name, Price, Reference

_PER_CENT_PATTERN: Final = r"^(?:100(?:\.0{1,2})?|[0-9]{1,2}(?:\.[0-9]{1,2})?)$"

PerCent = Annotated[
    Decimal,
    Field(strict=False, ge=0, le=100, decimal_places=2),
    Written(_PER_CENT_PATTERN, Decimal),
    Rule("per_cent_invalid", 'write the per cent as a JSON string from "0" to "100", at most two decimals'),
]


class Contract(Record):
    """The statement of work with one legal entity. What is missing is asked of a person before anything is set up."""

    reference: Id
    """Number of the contract, the same in all systems."""
    id: Id | None = None
    """Our canonical id; left out: the number, with the legal entity behind it where a deal has several parts."""
    signed_on: Day | None = None
    starts_on: Day | None = None
    """First day on which work may be billed."""
    ends_on: Day | None = None
    """Last day on which work may be billed; left out where the contract is open."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.starts_on is not None and self.ends_on is not None and self.ends_on < self.starts_on:
            raise PydanticCustomError("period_order", "let `ends_on` be the day of `starts_on` or a later one")
        return self


class Billing(Record):
    """How the work is billed. What is missing is asked of a person before anything is set up."""

    method: BillingMethod | None = None
    fee: Price | None = None
    """The fixed fee, or the retainer per month."""
    rates: Annotated[tuple[v1.Rate, ...], Field(strict=False, fail_fast=True, max_length=1000)] = ()
    """Rate per role; at least one for time and materials."""
    schedule: Annotated[tuple[Instalment, ...], Field(strict=False, fail_fast=True, max_length=1000)] = ()
    """How a fixed fee is billed, which it adds up to; none: at once."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({rate.role for rate in self.rates}) != len(self.rates):
            raise PydanticCustomError("role_repeated", "give one rate for each role in `rates`")
        return self


class Part(Record):
    """What one legal entity of the firm delivers and bills."""

    legal_entity: Id
    """Code of the legal entity of the firm that bills it."""
    project_id: Id | None = None
    """Our canonical id; left out: the engagement, with the legal entity behind it where a deal has several parts."""
    service_line: Id
    """Code by which the policy finds the template and the revenue mapping of the project."""
    currency: Currency
    """The currency of the contract; all amounts of the part are in it."""
    contract: Contract
    billing: Billing
    value: Price | None = None
    """What the part is expected to bring; left out: the fee."""

    @model_validator(mode="after")
    def _one_currency(self) -> Self:
        prices = [rate.hourly for rate in self.billing.rates] + [row.amount for row in self.billing.schedule]
        for price in (*prices, self.billing.fee, self.value):
            if price is not None and price.currency != self.currency:
                raise PydanticCustomError(
                    "currency_differs",
                    "the part is in {currency} but an amount of it is in {other}; send all of them in {currency}, "
                    "nothing is converted here",
                    {"currency": self.currency, "other": price.currency},
                )
        return self

    @property
    def amount(self) -> Decimal | None:
        """What it is worth, in its currency: the most of value, fee, and instalments; None where only hours tell."""
        named = [price.decimal for price in (self.value, self.billing.fee) if price is not None]
        due = [row.amount.decimal for row in self.billing.schedule]
        return max((*named, sum(due, Decimal(0))) if due else named, default=None)


class OpportunityWon(Record):
    """A deal is won: what is to be set up for delivery and billing."""

    opportunity_id: Id
    """The CRM's own id of the opportunity."""
    customer: Reference
    name: Name
    parts: Annotated[tuple[Part, ...], Field(strict=False, min_length=1, max_length=50)]
    """One for each legal entity that bills."""
    discount: PerCent | None = None
    """What was granted off the list price, in per cent."""
    requested_by: Id | None = None
    """Who asks for it to be set up: id of the employee, who may not approve it."""
    owner: Id | None = None
    """Who is in charge of the engagement: id of the employee."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len({part.legal_entity for part in self.parts}) != len(self.parts):
            raise PydanticCustomError("legal_entity_repeated", "give one part for each legal entity in `parts`")
        return self

    @property
    def amounts(self) -> dict[str, Decimal]:
        """The known worth of its parts, by currency."""
        totals: dict[str, Decimal] = {}
        for part in self.parts:
            if part.amount is not None:
                totals[part.currency] = totals.get(part.currency, Decimal(0)) + part.amount
        return totals


def from_v1(deal: v1.OpportunityWon) -> OpportunityWon:
    """A deal of version 1, which has one part."""
    part = Part(
        legal_entity=deal.legal_entity,
        service_line=deal.service_line,
        currency=deal.currency,
        contract=Contract(**dict(deal.contract)),
        billing=Billing(**dict(deal.billing)),
    )
    return OpportunityWon(
        opportunity_id=deal.opportunity_id, customer=deal.customer, name=deal.name, parts=(part,), owner=deal.owner
    )
