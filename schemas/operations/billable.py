"""What an ERP is asked to do about billable time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.operations.reversal import Reverses
from schemas.record import Record
from schemas.values import Amount, Currency, Day, Id, Revision, SignedHours, check_scale


class _Billable(Record):
    project: Id
    """The ERP's own id of the project."""
    legal_entity: Id
    currency: Currency
    amount: Amount
    """Hours times rate, rounded once by the rule of the legal entity."""
    hours: SignedHours
    rate: Amount
    """Price of one hour."""
    role: Id
    employee: Id
    work_date: Day
    sheet_id: Id
    line_id: Id
    contract_reference: Id
    tax_code: Id
    """The ERP's own code."""
    cost_centre: Id | None = None
    contract_version: Revision | None = None
    """Version of the contract whose rate it is; left out where no contract of ours has the project."""
    revenue: Id | None = None
    """The ERP's revenue account or category; left out: the ERP's own default."""
    dimensions: Mapping[Id, Id] = {}
    """Further dimensions of the ERP, by name."""

    @model_validator(mode="after")
    def _exact(self) -> Self:
        check_scale(self.amount, self.currency)
        check_scale(self.rate, self.currency)
        if self.rate < 0:
            raise PydanticCustomError("rate_negative", "let the rate be zero or more; a reversal negates the hours")
        return self


class BillablePost(_Billable):
    """Book one approved line of a sheet, to be billed."""

    @model_validator(mode="after")
    def _adds(self) -> Self:
        if self.amount < 0 or self.hours <= 0:
            raise PydanticCustomError("post_sign", "let hours be above zero and the amount zero or more")
        return self


class BillableReverse(_Billable):
    """Take back what one command booked, with the same amounts below zero."""

    reverses: Reverses
    """Our reference of the command that booked it."""
    reverses_id: Id | None = None
    """The system's own id of the entry that is meant: a repair takes back one of several under one reference."""

    @model_validator(mode="after")
    def _takes_back(self) -> Self:
        if self.amount > 0 or self.hours >= 0:
            raise PydanticCustomError("reversal_sign", "let hours be below zero and the amount zero or less")
        return self
