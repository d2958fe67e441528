"""What the sources of the scenarios say: facts of customers, deals, and their contracts."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from schemas.invoice.v1 import Bill, Issued, Line
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.expense import ExpensePost, ExpenseReverse
from schemas.project.v2 import OpportunityWon, Part
from schemas.values import Reference
from tests.actors.firm import deal, part
from tests.actors.invoicing import issued
from tests.scenarios.ledger import Answer

Fact = tuple[ActorKey, OpportunityWon]
Invoiced = tuple[ActorKey, Issued]


def customer_key(id: str) -> ActorKey:
    """A customer."""
    return ActorKey("customer", id)


def deal_key(id: str) -> ActorKey:
    """A deal."""
    return ActorKey("engagement", id)


def contract_key(deal_id: str) -> ActorKey:
    """The contract of a deal of one legal entity."""
    return ActorKey("contract", number(deal_id))


def invoice_key(id: str) -> ActorKey:
    """An invoice."""
    return ActorKey("invoice", id)


def in_erp(id: str) -> ActorKey:
    """An invoice by the id that the ERP gave it."""
    return ActorKey("invoice", f"erp-{id}")


def invoice(id: str, deal_id: str, total: str, *bills: Bill) -> Invoiced:
    """What a billing engine issues: one line of 19 per cent tax, which bills some lines of sheets."""
    net = (Decimal(total) / Decimal("1.19")).quantize(Decimal("0.01"))
    line = Line(line_id="1", kind="time", amount=net, tax_code="D19", bills=bills)
    update = {
        "number": f"no-{id}", "project": Reference(id=deal_id), "contract": Reference(id=number(deal_id)),
        "net": net, "tax": Decimal(total) - net, "total": Decimal(total), "lines": (line,),
    }  # fmt: skip
    return invoice_key(id), issued().model_copy(update=update)


def number(deal_id: str) -> str:
    """The number of a deal's contract."""
    return f"SOW-{deal_id}"


def sold(
    deal_id: str,
    code: str,
    currency: str,
    *,
    value: str | None = None,
    rate: str = "145.00",
    contract: str | None = None,
) -> Part:
    """What a legal entity sells: a consultant's hours."""
    return part(code, currency=currency, value=value, contract=contract or number(deal_id), consultant=rate)


def won(id: str, customer_id: str, *parts: Part, asked_by: str = "E-ask") -> Fact:
    """A deal is won."""
    update = {"customer": Reference(id=customer_id), "name": f"Deal {id}", "requested_by": asked_by}
    return deal_key(id), deal(*parts, opportunity_id=f"OPP-{id}").model_copy(update=update)


def booked(answers: Iterable[Answer], project: str) -> list[Decimal]:
    """The amounts of a project that an ERP has booked and taken back, in their order."""
    kinds = BillablePost | BillableReverse | ExpensePost | ExpenseReverse
    taken = (answer.body for answer in answers if answer.is_taken)
    return [body.amount for body in taken if isinstance(body, kinds) and body.project == project]
