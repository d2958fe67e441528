"""The events of finance, of the billing engine, and of the ERPs: credit, invoices, and what comes of them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Final, TypedDict, assert_never

from gateway.demo.firm.billing import Entry, EntryKind, Invoice
from gateway.demo.firm.model import TAX_PROFILE, Branch, Client
from gateway.demo.telling.pen import Pen
from gateway.demo.telling.sending import Sender, Sending
from schemas.customer.v1 import CreditChanged, TaxProfileChanged
from schemas.invoice.v1 import (
    Bill,
    CreditMemoIssued,
    Disputed,
    Issued,
    Line,
    PaymentReceived,
    Posted,
    Sent,
    WrittenOff,
)
from schemas.record import Record
from schemas.values import Money, Reference

_FACTS: Final = {
    EntryKind.PAYMENT: "payment_received",
    EntryKind.CREDIT_MEMO: "credit_memo_issued",
    EntryKind.WRITE_OFF: "written_off",
    EntryKind.DISPUTE: "disputed",
}


def credit(pen: Pen, client: Client, on: date, *, on_hold: bool) -> Sending:
    """Whether new business with the customer is stopped."""
    reason = "Invoices overdue for 90 days" if on_hold else "All invoices are paid"
    data = CreditChanged(on_hold=on_hold, reason=reason)
    return pen.write(Sender.FINANCE, "customer.credit_changed.v1", client.id, data, on)


def taxed(pen: Pen, client: Client, branch: Branch, on: date) -> Sending:
    """How a legal entity taxes the customer."""
    data = TaxProfileChanged(legal_entity=branch.code, tax_profile=TAX_PROFILE, reason="The form is there at last")
    return pen.write(Sender.FINANCE, "customer.tax_profile_changed.v1", client.id, data, on)


def issued(pen: Pen, invoice: Invoice) -> Sending:
    """By the billing engine, under ids of ours."""
    project, tax_code = invoice.project, invoice.project.branch.tax_code
    lines = tuple(
        Line(
            line_id=line.line_id,
            kind=line.kind,
            amount=line.amount,
            tax_code=tax_code,
            bills=tuple(Bill(**bill._asdict()) for bill in line.bills),
        )
        for line in invoice.lines
    )
    data = Issued(
        **_amounts(invoice),
        customer=Reference(id=project.client.id),
        contract=Reference(id=project.contract),
        project=Reference(id=project.id),
        lines=lines,
    )
    return pen.write(Sender.BILLING, "invoice.issued.v1", invoice.id, data, invoice.issued_on)


def posted(pen: Pen, invoice: Invoice) -> Sending:
    """By the ERP, under its own ids."""
    erp = invoice.project.branch.erp
    client = Reference(system=erp, external_id=f"C-{invoice.project.client.id}")
    data = Posted(**_amounts(invoice), customer=client, posted_on=invoice.issued_on)
    return _from_erp(pen, invoice, "posted", data, invoice.issued_on)


def sent(pen: Pen, invoice: Invoice) -> Sending:
    """The customer has it."""
    on = invoice.issued_on + timedelta(days=1)
    return _from_erp(pen, invoice, "sent", Sent(sent_on=on), on)


def entered(pen: Pen, invoice: Invoice, entry: Entry) -> Sending:
    """What comes of it."""
    amount = Money.of(entry.amount, invoice.project.branch.currency)
    return _from_erp(pen, invoice, _FACTS[entry.kind], _entry(entry, amount), entry.on)


def _entry(entry: Entry, amount: Money) -> Record:
    match entry.kind:
        case EntryKind.PAYMENT:
            return PaymentReceived(payment_id=entry.id, amount=amount, paid_on=entry.on)
        case EntryKind.CREDIT_MEMO:
            reason = "A tenth off for the late start"
            return CreditMemoIssued(credit_memo_id=entry.id, amount=amount, issued_on=entry.on, reason=reason)
        case EntryKind.WRITE_OFF:
            return WrittenOff(write_off_id=entry.id, amount=amount, written_off_on=entry.on, reason="Insolvent")
        case EntryKind.DISPUTE:
            return Disputed(dispute_id=entry.id, amount=amount, reason="The hours of the second week are too many")
        case _:
            assert_never(entry.kind)


def _from_erp(pen: Pen, invoice: Invoice, fact: str, data: Record, on: date) -> Sending:
    """The sandbox ERPs make their id of ours."""
    return pen.write(Sender(invoice.project.branch.erp), f"invoice.{fact}.v1", f"I-{invoice.id}", data, on)


class _Amounts(TypedDict):
    """What the billing engine and the ERP say alike."""

    legal_entity: str
    number: str
    issued_on: date
    due_on: date
    currency: str
    net: Decimal
    tax: Decimal
    total: Decimal


def _amounts(invoice: Invoice) -> _Amounts:
    branch = invoice.project.branch
    return _Amounts(
        legal_entity=branch.code,
        number=invoice.number,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        currency=branch.currency,
        net=invoice.net,
        tax=invoice.tax,
        total=invoice.total,
    )
