"""What an ERP is asked to do about expenses that are billed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.operations.reversal import Reverses
from schemas.record import Record
from schemas.values import Amount, Currency, Day, Id, check_scale


class _Expense(Record):
    project: Id
    """The ERP's own id of the project."""
    legal_entity: Id
    currency: Currency
    amount: Amount
    """As it was spent: never rounded or converted."""
    category: Id
    """What it was spent on."""
    employee: Id
    incurred_on: Day
    report_id: Id
    line_id: Id
    contract_reference: Id
    tax_code: Id
    """The ERP's own code."""
    cost_centre: Id | None = None
    revenue: Id | None = None
    """The ERP's revenue account or category; left out: the ERP's own default."""
    dimensions: Mapping[Id, Id] = {}
    """Further dimensions of the ERP, by name."""

    @model_validator(mode="after")
    def _exact(self) -> Self:
        check_scale(self.amount, self.currency)
        return self


class ExpensePost(_Expense):
    """Book one approved line of a report, to be billed."""

    @model_validator(mode="after")
    def _adds(self) -> Self:
        if self.amount < 0:
            raise PydanticCustomError("post_sign", "let the amount be zero or more")
        return self


class ExpenseReverse(_Expense):
    """Take back what one command booked, with the same amount below zero."""

    reverses: Reverses
    """Our reference of the command that booked it."""
    reverses_id: Id | None = None
    """The system's own id of the entry that is meant: a repair takes back one of several under one reference."""

    @model_validator(mode="after")
    def _takes_back(self) -> Self:
        if self.amount > 0:
            raise PydanticCustomError("reversal_sign", "let the amount be zero or less")
        return self
