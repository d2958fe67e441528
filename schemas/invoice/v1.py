"""Version 1 of the invoice events. The subject is the invoice's id in the system that bills.

That is the billing engine's id, and the ERP's own events find it by the id that the ERP gave it; where the ERP bills
by itself, it is the ERP's.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.record import Record
from schemas.values import Amount, Currency, Day, Id, Money, Note, Price, Reference, check_scale

MOST_BILLS: Final = 2000
"""Lines of sheets and reports that one invoice may bill."""


def _not_zero(money: Money) -> Money:
    if not money.decimal:
        raise PydanticCustomError("amount_zero", "write an amount other than zero")
    return money


Paid = Annotated[Money, AfterValidator(_not_zero)]
"""Money that came or, below zero, went back."""


class Bill(Record):
    """A line of a sheet or of a report of expenses that is billed."""

    entity: Literal["timesheet", "expense"]
    id: Id
    """Id of the sheet or report, as its own events have it."""
    line_id: Id


class Line(Record):
    """One line of an invoice."""

    line_id: Id
    """Unique within the invoice."""
    kind: Literal["time", "expense", "milestone", "retainer", "other"]
    amount: Amount
    """Without tax, in the invoice's currency; below zero for what is taken off."""
    tax_code: Id
    """The ERP's own code."""
    bills: Annotated[tuple[Bill, ...], Field(strict=False, fail_fast=True, max_length=MOST_BILLS)] = ()
    """What it bills, line by line."""


class _Invoice(Record):
    legal_entity: Id
    """Code of the legal entity of the firm that bills."""
    customer: Reference
    contract: Reference | None = None
    project: Reference | None = None
    """The project that all of it is for; left out where there is no single one."""
    number: Id
    """Number of the invoice, as the customer reads it."""
    issued_on: Day
    due_on: Day
    """Day by which it is to be paid."""
    currency: Currency
    """All amounts of it are in this currency."""
    net: Amount
    """Sum of the lines."""
    tax: Amount
    total: Amount
    """Net and tax: what the customer owes."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        for amount in (self.net, self.tax, self.total):
            check_scale(amount, self.currency)
        if self.total < 0:
            raise PydanticCustomError(
                "total_negative", "let the total be zero or more; what goes back is a credit memo"
            )
        if self.net + self.tax != self.total:
            raise PydanticCustomError("total_differs", "let `net` and `tax` add up to `total`; nothing is rounded here")
        if self.due_on < self.issued_on:
            raise PydanticCustomError("due_before_issued", "let `due_on` be the day of `issued_on` or a later one")
        return self


Lines = Annotated[tuple[Line, ...], Field(strict=False, fail_fast=True, max_length=1000)]


def _check_lines(lines: tuple[Line, ...], net: Decimal, currency: str) -> None:
    """Each line once, each thing billed once, and all of them together the net amount."""
    for line in lines:
        check_scale(line.amount, currency)
    if len({line.line_id for line in lines}) != len(lines):
        raise PydanticCustomError("line_repeated", "give each line a `line_id` of its own")
    bills = [bill for line in lines for bill in line.bills]
    if len(bills) > MOST_BILLS:
        raise PydanticCustomError("bills_too_many", "let an invoice bill at most {most} lines", {"most": MOST_BILLS})
    if len({(bill.entity, bill.id, bill.line_id) for bill in bills}) != len(bills):
        raise PydanticCustomError("bill_repeated", "let an invoice bill each line of a sheet or report once")
    if sum((line.amount for line in lines), Decimal(0)) != net:
        raise PydanticCustomError("net_differs", "let the amounts of `lines` add up to `net`; nothing is rounded here")


class Issued(_Invoice):
    """A billing engine has issued the invoice: the ERP is to post it."""

    lines: Annotated[Lines, Field(min_length=1)]

    @model_validator(mode="after")
    def _lines_add_up(self) -> Self:
        _check_lines(self.lines, self.net, self.currency)
        return self


class Posted(_Invoice):
    """The ERP has posted the invoice, which it may have issued itself."""

    posted_on: Day
    lines: Lines = ()
    """Left out where the ERP says nothing of them."""

    @model_validator(mode="after")
    def _lines_add_up(self) -> Self:
        if self.lines:
            _check_lines(self.lines, self.net, self.currency)
        return self


class _Fact(Record):
    legal_entity: Id | None = None
    """Code of the legal entity of the firm that bills; left out where the sender does not know it."""


class PostingRejected(_Fact):
    """The ERP has taken the invoice, and then refused to post it."""

    code: Id
    """The ERP's own code of the cause."""
    reason: Note


class Sent(_Fact):
    """The customer was sent the invoice."""

    sent_on: Day


class PaymentReceived(_Fact):
    """The customer has paid, all or a part."""

    payment_id: Id
    """Unique within the invoice: a payment counts once, however often it is told."""
    amount: Paid
    """What was paid on this invoice; below zero what went back, as a returned debit does, under an id of its own."""
    paid_on: Day


class CreditMemoIssued(_Fact):
    """A part of the invoice, or all of it, is not owed any more."""

    credit_memo_id: Id
    """Unique within the invoice."""
    amount: Price
    """With tax."""
    issued_on: Day
    reason: Note
    lines: Annotated[tuple[Id, ...], Field(strict=False, fail_fast=True, max_length=1000)] = ()
    """Lines of the invoice that it takes back as a whole, by `line_id`."""


class WrittenOff(_Fact):
    """A part of the invoice, or all of it, will not be paid, and the firm has given it up."""

    write_off_id: Id
    """Unique within the invoice."""
    amount: Money
    """With tax; below zero what is owed after all, as where the customer pays what was given up, under an id of its
    own."""
    written_off_on: Day
    reason: Note


class Disputed(_Fact):
    """The customer objects to the invoice, or does so no more."""

    dispute_id: Id
    """Unique within the invoice; one that is settled stays so, and a new objection has another id."""
    amount: Price | None = None
    """What is objected to; left out: all of it."""
    reason: Note
    settled: bool = False
