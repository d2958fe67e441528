"""Awaited: a key waits for an invoice in its stead, since a key cannot wait for itself."""

from __future__ import annotations

from dataclasses import replace

from actors.entities.awaited import ACTOR
from schemas.awaited.entity import Awaited
from schemas.awaited.v1 import Invoice
from schemas.keys import ActorKey
from tests.actors.invoicing import INVOICE, NEW, issued, paid, posted
from tests.actors.stage import Given, awaited, reason_to_ignore

GIVEN = Given(ACTOR, ActorKey("awaited", INVOICE.id), Awaited(), others={INVOICE: NEW.after(paid("1.00")).state})
TOLD = Invoice(to=INVOICE.id)


def test_it_waits_until_the_invoice_is_issued_or_posted() -> None:
    assert awaited(GIVEN.when(TOLD)) == INVOICE
    assert awaited(replace(GIVEN, others={}).when(TOLD)) == INVOICE
    for first in (issued(), posted()):
        known = replace(GIVEN, others={INVOICE: NEW.after(first).state})
        assert reason_to_ignore(known.when(TOLD)) == "the invoice is known"


def test_nothing_else_is_awaited() -> None:
    assert "nothing else" in reason_to_ignore(GIVEN.when(paid("1.00")))
