"""What an ERP is asked to do about time and expenses that nobody is billed for: they are cost of a cost centre."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.operations.reversal import Reverses
from schemas.record import Record
from schemas.values import Amount, Currency, Day, Id, SignedHours, check_scale


class _Cost(Record):
    kind: Literal["time", "expense"]
    project: Id | None = None
    """The ERP's own id of the project; left out where it was withdrawn: then the cost centre alone bears it."""
    legal_entity: Id
    cost_centre: Id
    employee: Id
    incurred_on: Day
    """The day of the work, or of the expense."""
    document_id: Id
    """Id of the sheet or the report."""
    line_id: Id
    hours: SignedHours | None = None
    """Of time alone."""
    role: Id | None = None
    """Of time alone: the role worked in."""
    category: Id | None = None
    """Of an expense alone: what it was spent on."""
    amount: Amount | None = None
    """What it cost; left out where nobody has said what an hour of the employee costs."""
    currency: Currency | None = None
    """Of the amount."""
    dimensions: Mapping[Id, Id] = {}
    """Further dimensions of the ERP, by name."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.amount is None) != (self.currency is None):
            raise PydanticCustomError("amount_form", "give `amount` and `currency` together")
        if (self.kind == "time") != (self.hours is not None):
            raise PydanticCustomError("hours_form", "give the hours of time, and of nothing else")
        if self.hours is None and self.amount is None:
            raise PydanticCustomError("amount_missing", "give the amount of an expense")
        if self.amount is not None and self.currency is not None:
            check_scale(self.amount, self.currency)
        return self

    @property
    def _measures(self) -> tuple[Decimal, ...]:
        return tuple(value for value in (self.hours, self.amount) if value is not None)


class CostPost(_Cost):
    """Book one approved line that is not billed as cost."""

    @model_validator(mode="after")
    def _adds(self) -> Self:
        if any(value < 0 for value in self._measures):
            raise PydanticCustomError("post_sign", "let hours and amount be zero or more")
        return self


class CostReverse(_Cost):
    """Take back what one command booked, with the same hours and amount below zero."""

    reverses: Reverses
    """Our reference of the command that booked it."""
    reverses_id: Id | None = None
    """The system's own id of the entry that is meant: a repair takes back one of several under one reference."""

    @model_validator(mode="after")
    def _takes_back(self) -> Self:
        if any(value > 0 for value in self._measures):
            raise PydanticCustomError("reversal_sign", "let hours and amount be zero or less")
        return self
