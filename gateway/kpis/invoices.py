"""Invoices: whether the ERP takes them, and whether the customer does."""

from __future__ import annotations

from adapters.ports.kpis import Line
from gateway.kpis.measures import Measure, Tally
from gateway.kpis.memories import Billing, Memories
from gateway.kpis.reading import STOOD, confirmed, data_of, said, settled
from schemas.invoice.v1 import Disputed

POST = "invoice.post"


def count_invoice(line: Line, memories: Memories, tally: Tally) -> None:
    """A line of an invoice."""
    before = memories.of(line.key, Billing) or Billing()
    billing = _located(line, before)
    if confirmed(line, POST) is not None or said(line, "invoice.posted") is not None:
        billing = _posted(line, billing, tally)
    elif settled(line, POST) is not None or said(line, "invoice.posting_rejected") is not None:
        billing = _refused(line, billing, tally)
    elif line.what in STOOD:
        billing = billing.model_copy(update={"has_failed": True})
    elif (dispute := said(line, "invoice.disputed")) is not None:
        told = data_of(dispute)
        if isinstance(told, Disputed) and not told.settled:
            billing = _disputed(line, billing, tally)
    if billing != before:
        memories.put(line.key, billing)


def _located(line: Line, billing: Billing) -> Billing:
    """The legal entity that bills is known from the first line that names it."""
    message, command = line.message, line.command
    named = None if message is None else message.legal_entity
    if named is None and command is not None:
        named = command.about.legal_entity
    if billing.legal_entity is not None or named is None:
        return billing
    return billing.model_copy(update={"legal_entity": named})


def _posted(line: Line, billing: Billing, tally: Tally) -> Billing:
    if billing.is_posted:
        return billing
    tally.add(Measure.INVOICES_POSTED, line.at, legal_entity=billing.legal_entity)
    if not billing.is_refused:
        tally.add(Measure.INVOICES_JUDGED, line.at, legal_entity=billing.legal_entity)
    return billing.model_copy(update={"is_posted": True})


def _refused(line: Line, billing: Billing, tally: Tally) -> Billing:
    if not billing.is_refused:
        tally.add(Measure.INVOICES_REFUSED, line.at, legal_entity=billing.legal_entity)
        if not billing.is_posted:
            tally.add(Measure.INVOICES_JUDGED, line.at, legal_entity=billing.legal_entity)
    return billing.model_copy(update={"is_refused": True, "has_failed": True})


def _disputed(line: Line, billing: Billing, tally: Tally) -> Billing:
    if billing.is_disputed:
        return billing
    tally.add(Measure.INVOICES_DISPUTED, line.at, legal_entity=billing.legal_entity)
    if billing.has_failed:
        tally.add(Measure.DISPUTED_AFTER_FAILURE, line.at, legal_entity=billing.legal_entity)
    return billing.model_copy(update={"is_disputed": True})
