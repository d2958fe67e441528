"""What the sources of the scenarios say: facts of customers, deals, and their contracts."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.expense import ExpensePost, ExpenseReverse
from schemas.project.v2 import OpportunityWon, Part
from schemas.values import Reference
from tests.actors.firm import deal, part
from tests.scenarios.ledger import Answer

Fact = tuple[ActorKey, OpportunityWon]


def customer_key(id: str) -> ActorKey:
    """A customer."""
    return ActorKey("customer", id)


def deal_key(id: str) -> ActorKey:
    """A deal."""
    return ActorKey("engagement", id)


def contract_key(deal_id: str) -> ActorKey:
    """The contract of a deal of one legal entity."""
    return ActorKey("contract", number(deal_id))


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
