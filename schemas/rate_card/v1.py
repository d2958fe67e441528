"""Version 1 of the events of rate cards. The subject is the card's id."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.project.v1 import Rate
from schemas.record import Record
from schemas.values import Currency, Day, Id, Name, Revision


class Published(Record):
    """A version of the card: what an hour of each role costs from a day on."""

    version: Revision
    effective_on: Day
    """Work of this day and later is priced by this version, until a higher one takes over."""
    name: Name
    currency: Currency
    legal_entity: Id | None = None
    """Code of the legal entity that it is for; left out where it is for all."""
    rates: Annotated[tuple[Rate, ...], Field(strict=False, fail_fast=True, min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len({rate.role for rate in self.rates}) != len(self.rates):
            raise PydanticCustomError("role_repeated", "give one rate for each role in `rates`")
        for rate in self.rates:
            if rate.hourly.currency != self.currency:
                raise PydanticCustomError(
                    "currency_differs",
                    "the card is in {currency} but the rate of {role} is in {other}; send all of them in {currency}",
                    {"currency": self.currency, "role": rate.role, "other": rate.hourly.currency},
                )
        return self
