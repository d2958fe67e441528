"""Invoice: posted in the ERP once, and what comes of it told to CRM, PSA, and the lines that it bills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from actors.decision import Actor, Context, Decision, Event, Ignore, Reject, Snapshot
from actors.invoices import entries, posting
from actors.invoices.acting import acted
from actors.invoices.billed import billed_by
from actors.invoices.binding import bound
from actors.invoices.outcome import with_failure
from actors.invoices.places import owing, wanted
from actors.invoices.repairing import repaired
from schemas.acts import Acted
from schemas.bound import Bound
from schemas.commands import SELF, Confirmed, Rejected, Result
from schemas.envelope import Envelope
from schemas.invoice.entity import Invoice
from schemas.invoice.v1 import (
    CreditMemoIssued,
    Disputed,
    Issued,
    PaymentReceived,
    Posted,
    PostingRejected,
    Sent,
    WrittenOff,
)
from schemas.keys import ActorKey
from schemas.repair.v1 import Repaired


def references(state: Invoice, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """An invoice needs its customer, who may become another one, its project and contract, and what it bills."""
    match event:
        case Envelope(data=Issued() | Posted() as invoice):
            return (*wanted(invoice), *owing(state), *billed_by(invoice.lines))
        case Envelope(data=Acted() | Repaired()) if state.issued is not None:
            return (*wanted(state.issued), *owing(state))
        case _:
            return tuple(owing(state))


def decide(state: Invoice, event: Event, context: Context) -> Decision:
    """What an invoice's event means; pure."""
    match event:
        case Result():
            return _result(state, event, context)
        case Envelope(data=Issued() as invoice):
            return posting.issued(state, invoice, context)
        case Envelope(data=Posted() as invoice):
            return posting.posted(state, invoice, event, context)
        case Envelope(data=PostingRejected() as rejection):
            return posting.posting_rejected(state, rejection, context)
        case Envelope(data=Acted() as act):
            return acted(state, act, context)
        case Envelope(data=Repaired() as repair):
            return repaired(state, repair, context)
        case Envelope(data=Bound() as told):
            return bound(state, told, context)
        case Envelope():
            return _came(state, event, context)


def _came(state: Invoice, event: Envelope, context: Context) -> Decision:
    """What comes of it."""
    match event.data:
        case Sent() as told:
            return entries.sent(state, told, context)
        case PaymentReceived() as payment:
            return entries.payment_received(state, payment, context)
        case CreditMemoIssued() as memo:
            return entries.credit_memo_issued(state, memo, context)
        case WrittenOff() as loss:
            return entries.written_off(state, loss, context)
        case Disputed() as objection:
            return entries.disputed(state, objection, context)
        case _:
            return Ignore(f"{event.type} does not concern an invoice")


def _result(state: Invoice, result: Result, context: Context) -> Decision:
    command = result.command
    if command.operation == posting.OPERATION:
        return posting.answered(state, result, context)
    match result.outcome:
        case Confirmed():
            return Ignore(f"{command.system} was told")
        case Rejected(failure):
            if command.system == SELF:
                return Reject(failure)
            view = state.views.get(command.operation)
            if view is None or view.line != command.line:
                return Ignore(f"{command.system} refused a state of the invoice that a later one has replaced")
            return with_failure(state, command.operation, failure, context)
        case _:
            assert_never(result.outcome)


ACTOR = Actor("invoice", Invoice, 1, decide, references)
