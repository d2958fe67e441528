"""Facts of invoices, each in one short call, for the tests of the actors."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Final, Literal

from actors.decision import Request
from actors.entities.invoice import ACTOR
from schemas.contract.entity import Amendment, Contract
from schemas.invoice.entity import Invoice
from schemas.invoice.told import Invoiced
from schemas.invoice.v1 import (
    Bill,
    CreditMemoIssued,
    Disputed,
    Issued,
    Line,
    PaymentReceived,
    Posted,
    PostingRejected,
    Sent,
    WrittenOff,
)
from schemas.keys import ActorKey
from schemas.operations.invoice import InvoicePut, ReceivablePut
from schemas.values import Money, Reference
from tests.actors.firm import BRIDGE, MONDAY, SHIPYARD, known_customer, running_project
from tests.actors.stage import Given

INVOICE: Final = ActorKey("invoice", "INV-1")
SOW: Final = ActorKey("contract", "SOW-1")
FRIDAY: Final = date(2026, 3, 6)
OTHERS: Final = {
    SHIPYARD: known_customer(),
    BRIDGE: running_project().model_copy(update={"psa": "psa", "psa_id": "4711"}),
    SOW: Contract(
        version=1,
        reference="SOW-1",
        history=(Amendment(number=1, kind="contract", version=1, status="applied", effective_on=MONDAY),),
    ),
}
NEW: Final = Given(ACTOR, INVOICE, Invoice(), others=OTHERS)


def bill(sheet: str = "T-1", line_id: str = "1", entity: Literal["timesheet", "expense"] = "timesheet") -> Bill:
    """A line that is billed."""
    return Bill(entity=entity, id=sheet, line_id=line_id)


def billed(line_id: str = "1", amount: str = "100.00", *bills: Bill) -> Line:
    """A line of an invoice."""
    return Line(line_id=line_id, kind="time", amount=Decimal(amount), tax_code="D19", bills=bills or (bill(),))


def issued(*lines: Line, currency: str = "EUR", legal_entity: str = "DE01", tax: str = "19.00") -> Issued:
    """What a billing engine issues: 119.00 EUR, unless something else is said."""
    lines = lines or (billed(),)
    net = sum((line.amount for line in lines), Decimal(0))
    return Issued(
        legal_entity=legal_entity, customer=Reference(id=SHIPYARD.id), contract=Reference(id=SOW.id),
        project=Reference(id=BRIDGE.id), number="2026-1", issued_on=MONDAY, due_on=date(2026, 4, 1),
        currency=currency, net=net, tax=Decimal(tax), total=net + Decimal(tax), lines=lines,
    )  # fmt: skip


def posted(invoice: Issued | None = None) -> Posted:
    """What the ERP says that it has posted."""
    header = (invoice or issued()).model_dump(exclude={"lines"})
    return Posted.model_validate(header | {"posted_on": MONDAY, "lines": (invoice or issued()).lines})


def rejected(reason: str = "March is closed") -> PostingRejected:
    """What the ERP says that it does not post after all."""
    return PostingRejected(code="period_closed", reason=reason)


def sent(on: date = MONDAY) -> Sent:
    """The customer has it."""
    return Sent(sent_on=on)


def paid(amount: str, id: str = "PAY-1", currency: str = "EUR") -> PaymentReceived:
    """The customer has paid."""
    return PaymentReceived(payment_id=id, amount=Money(amount=amount, currency=currency), paid_on=FRIDAY)


def credited(amount: str, *lines: str, id: str = "CM-1", currency: str = "EUR") -> CreditMemoIssued:
    """A part is not owed any more."""
    return CreditMemoIssued(
        credit_memo_id=id, amount=Money(amount=amount, currency=currency), issued_on=FRIDAY, reason="promised",
        lines=lines,
    )  # fmt: skip


def lost(amount: str, id: str = "WO-1") -> WrittenOff:
    """A part was given up."""
    return WrittenOff(
        write_off_id=id, amount=Money(amount=amount, currency="EUR"), written_off_on=FRIDAY, reason="insolvent"
    )


def disputed(id: str = "D-1", *, settled: bool = False, reason: str = "too many hours") -> Disputed:
    """The customer objects."""
    return Disputed(dispute_id=id, reason=reason, settled=settled)


def in_books(*lines: Line) -> Given:
    """An invoice that a billing engine has issued and the ERP has posted."""
    invoice = issued(*lines)
    given = NEW.after(invoice)
    return given.after(given.confirmed(NEW.asked(invoice)[0], "4711"))


def account(requests: tuple[Request, ...]) -> InvoicePut:
    """What the CRM is asked to show."""
    (body,) = [request.body for request in requests if isinstance(request.body, InvoicePut)]
    return body


def receivable(requests: tuple[Request, ...]) -> ReceivablePut:
    """What the PSA is asked to show."""
    (body,) = [request.body for request in requests if isinstance(request.body, ReceivablePut)]
    return body


def lines_told(requests: tuple[Request, ...]) -> dict[str, dict[str, str]]:
    """Sheet -> line -> what it is told."""
    bodies = [request.body for request in requests if isinstance(request.body, Invoiced)]
    return {body.to: {line.line_id: line.state for line in body.lines} for body in bodies}
