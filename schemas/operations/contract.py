"""What a billing system is asked to do about a contract and its billing schedule."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.operations.project import RolePrice
from schemas.record import Record
from schemas.values import Amount, BillingMethod, Currency, Day, Id, Name, Note, Revision, check_scale


class ScheduledAmount(Record):
    """A part of the billing schedule: what is billed on a day, or once a milestone is completed."""

    name: Name | None = None
    due_on: Day | None = None
    milestone_id: Id | None = None
    amount: Amount


class ContractPut(Record):
    """Create the contract with its billing schedule, or bring it to these terms."""

    contract_id: Id
    """Our canonical id."""
    version: Revision
    """1 for what was won; each change order is the next."""
    effective_on: Day
    """First day on which these terms hold."""
    reference: Id
    """Number of the contract, the same in all systems."""
    project_id: Id
    """Our canonical id of the project that is billed by it."""
    project: Id | None = None
    """The ERP's own id of the project; left out where none has it."""
    customer: Id
    """The ERP's own id of the customer."""
    legal_entity: Id
    currency: Currency
    billing_method: BillingMethod
    fee: Amount | None = None
    """The fixed fee, or the retainer per month."""
    value: Amount | None = None
    """What it is expected to bring."""
    roles: Annotated[tuple[RolePrice, ...], Field(strict=False, max_length=1000)] = ()
    schedule: Annotated[tuple[ScheduledAmount, ...], Field(strict=False, max_length=1000)] = ()
    """None: the fee is billed at once, or by the hour."""
    starts_on: Day
    ends_on: Day | None = None
    tax_code: Id
    """The ERP's own code."""

    @model_validator(mode="after")
    def _exact(self) -> Self:
        for amount in (self.fee, self.value, *(row.amount for row in self.schedule), *(row.rate for row in self.roles)):
            if amount is not None:
                check_scale(amount, self.currency)
        return self

    @property
    def amount(self) -> None:
        """Moves no money: what is billed by it does."""
        return


class ContractCancel(Record):
    """Take a contract back, whose deal was cancelled: nothing may be billed by it any more."""

    contract_id: Id
    """Our canonical id."""
    billing_id: Id
    """The billing system's own id of the contract."""
    legal_entity: Id
    currency: Currency
    reason: Note

    @property
    def amount(self) -> None:
        """Moves no money."""
        return
