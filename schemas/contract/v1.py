"""Version 1 of what a contract is told by the engagement that it was won with, and of what makes up its terms."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.operations.contract import ScheduledAmount
from schemas.operations.project import RolePrice
from schemas.record import Record
from schemas.values import Amount, BillingMethod, Currency, Day, Id, Name, Note, Price, System


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
