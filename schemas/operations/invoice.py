"""What ERP, CRM, and PSA are asked to do about an invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.record import Record
from schemas.values import Amount, Currency, Day, Id, Note, check_scale

InvoiceStatus = Literal["refused", "posted", "sent", "partly_paid", "paid", "credited", "written_off"]
"""`refused`: the ERP took it and has not posted it after all. `credited`, `written_off`: by that nothing is open."""


class InvoiceLine(Record):
    """One line of an invoice."""

    line_id: Id
    kind: Literal["time", "expense", "milestone", "retainer", "other"]
    amount: Amount
    """Without tax."""
    tax_code: Id
    """The ERP's own code."""


class InvoicePost(Record):
    """Post an invoice that a billing engine has issued, under its number."""

    invoice_id: Id
    """Our canonical id."""
    legal_entity: Id
    customer: Id
    """The ERP's own id of the customer."""
    project: Id | None = None
    """The ERP's own id of the project; left out where the invoice is not for a single one."""
    contract_reference: Id | None = None
    """Number of the contract, the same in all systems."""
    number: Id
    issued_on: Day
    due_on: Day
    currency: Currency
    net: Amount
    tax: Amount
    amount: Amount
    """What the customer owes, with tax."""
    lines: Annotated[tuple[InvoiceLine, ...], Field(strict=False, min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        for amount in (self.net, self.tax, self.amount, *(line.amount for line in self.lines)):
            check_scale(amount, self.currency)
        if self.amount < 0 or self.net + self.tax != self.amount:
            raise PydanticCustomError("total_differs", "let net and tax add up to an amount of zero or more")
        if sum((line.amount for line in self.lines), Decimal(0)) != self.net:
            raise PydanticCustomError("net_differs", "let the amounts of the lines add up to the net amount")
        return self


class _Standing(Record):
    invoice_id: Id
    """Our canonical id."""
    number: Id
    legal_entity: Id
    issued_on: Day
    due_on: Day
    sent_on: Day | None = None
    """When the customer was sent it; left out while it was not."""
    currency: Currency
    status: InvoiceStatus
    total: Amount
    """With tax, as all amounts here."""
    paid: Amount
    credited: Amount
    written_off: Amount
    open: Amount
    """What is still owed, zero or more: the total less what was paid, credited, and written off."""
    overpaid: Amount
    """By how much these are above the total, zero or more."""
    disputed: bool
    """The customer objects: while this is true, nobody reminds them to pay."""
    dispute: Note | None = None
    """What they object to."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        amounts = (self.total, self.paid, self.credited, self.written_off, self.open, self.overpaid)
        for amount in amounts:
            check_scale(amount, self.currency)
        came = self.paid + self.credited + self.written_off
        if min(self.open, self.overpaid) != 0 or self.open - self.overpaid != self.total - came:
            raise PydanticCustomError("open_differs", "let the open amount be the total less what came")
        return self

    @property
    def amount(self) -> None:
        """Moves no money: it shows what was moved."""
        return


class InvoicePut(_Standing):
    """Show on the account how an invoice stands."""

    customer_id: Id
    """Our canonical id."""
    project_id: Id | None = None
    """Our canonical id; left out where the invoice is not for a single project."""
    opportunity_id: Id | None = None
    """The CRM's own id of the deal that the project came from."""


class ReceivablePut(_Standing):
    """Show on the project how an invoice of it stands."""

    project_id: Id
    """Our canonical id."""
    project: Id | None = None
    """The PSA's own id of the project; left out where it has none."""
