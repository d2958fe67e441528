"""Version 1 of the customer events. The subject is the canonical customer id."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.record import Record
from schemas.values import Country, Currency, Day, Domain, Email, Id, Name, Note, Price, Reference


class Upserted(Record):
    """The customer as it stands now: a full snapshot, so a field that is left out is empty."""

    name: Name
    """Registered name."""
    country: Country
    """Where the customer is registered."""
    tax_id: Id | None = None
    """Tax or VAT number, as the customer states it."""
    tax_profile: Id | None = None
    """How the customer is taxed; the policy maps this code to each ERP's tax code."""
    legal_entities: Annotated[tuple[Id, ...], Field(strict=False, fail_fast=True, min_length=1, max_length=100)]
    """Codes of the legal entities of the firm that trade with this customer."""
    currency: Currency
    """The currency the customer is billed in."""
    payment_terms: Id | None = None
    """Code of the terms of payment."""
    billing_email: Email | None = None
    """Where invoices go."""
    parent: Reference | None = None
    """The customer that this one belongs to."""
    domain: Domain | None = None
    """Domain name of the customer, by which duplicates are noticed."""

    @model_validator(mode="after")
    def _each_entity_once(self) -> Self:
        if len(set(self.legal_entities)) != len(self.legal_entities):
            raise PydanticCustomError("legal_entity_repeated", "name each legal entity in `legal_entities` once")
        return self


class CreditChanged(Record):
    """What finance thinks of the customer's credit."""

    on_hold: bool
    """Whether new business with the customer is stopped."""
    credit_limit: Price | None = None
    """The most that the customer may owe; left out where there is no limit."""
    reason: Note
    """Why it changed, for people."""


class TaxProfileChanged(Record):
    """A legal entity taxes the customer in another way."""

    legal_entity: Id
    """Code of the legal entity of the firm."""
    tax_profile: Id
    """The policy maps this code to the tax code of the legal entity's ERP."""
    reason: Note
    """Why it changed, for people."""


class Merged(Record):
    """The customer turned out to be another one, which takes its place. The subject is the one that goes away."""

    into: Reference
    """The customer that stays."""
    reason: Note | None = None
    """Why, for people."""


class Trade(Record):
    """An engagement needs the customer in the ERP of a legal entity, and is told when it is there."""

    to: Id
    """The customer."""
    legal_entity: Id
    engagement: Id
    """Who asks, and is answered."""
    on: Day
    """The day on which what needs it begins; the policy finds the ERP by it."""


class Alike(Record):
    """A customer with nearly the same name."""

    customer: Id
    name: Name
    score: Annotated[int, Field(strict=True, ge=0, le=100)]
    """How alike the names are, in per cent."""


class Resembles(Record):
    """Others with nearly the same name came at the same time. Comes from the directory of names alone."""

    to: Id
    """The customer."""
    others: Annotated[tuple[Alike, ...], Field(strict=False, min_length=1, max_length=20)]


class Absorbed(Record):
    """Another customer was merged into this one. Comes from that one alone."""

    to: Id
    """The customer that stays."""
    customer: Id
    """The one that is gone."""
