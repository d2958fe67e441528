"""Invoice: posted in the ERP once, and what comes of it told to CRM, PSA, and the lines that it bills."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from actors.asking import not_seen
from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Snapshot
from actors.invoices import entries, posting
from actors.invoices.outcome import concluded
from actors.invoices.places import owing, wanted
from actors.invoices.troubles import LOOKED_AT, POSTING, VIEW, troubles
from schemas.acts import Act, Acted
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
from schemas.verdicts import Failure


def references(state: Invoice, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """An invoice needs its customer, who may become another one, and the project and contract that it names."""
    named = wanted(event.data) if isinstance(event, Envelope) and isinstance(event.data, Issued | Posted) else ()
    return (*named, *owing(state))


def decide(state: Invoice, event: Event, context: Context) -> Decision:
    """What an invoice's event means; pure."""
    match event:
        case Result():
            return _result(state, event, context)
        case Envelope(data=Issued() as invoice):
            return posting.issued(state, invoice, context)
        case Envelope(data=Posted() as invoice):
            return posting.posted(state, invoice, context)
        case Envelope(data=PostingRejected() as rejection):
            return posting.posting_rejected(state, rejection, context)
        case Envelope(data=Acted() as act):
            return _acted(state, act, context)
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


def _acted(state: Invoice, act: Acted, context: Context) -> Decision:
    """A person has settled something, or wants it tried again."""
    operation = act.topic.removeprefix(VIEW)
    if act.topic == POSTING:
        return posting.acted(state, act, context)
    if act.topic.startswith(VIEW) and operation in state.views:
        if act.act is Act.RETRY:
            return concluded(state, state, context, again=operation)
        if act.act is Act.RESOLVE:
            return _with_failure(state, operation, None, context)
    if act.act is Act.RESOLVE and act.topic.startswith(LOOKED_AT):
        return _looked_at(state, act)
    return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")


def _looked_at(state: Invoice, act: Acted) -> Decision:
    """A person has settled elsewhere what a case names."""
    case = troubles(state).get(act.topic)
    outdated = None if case is None else not_seen(act, case.asks)
    if outdated is not None:
        return outdated
    return Accept(state, settles=(act.topic,), remarks=(f"{act.topic} was looked at by {act.by}: {act.reason}",))


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
            return _with_failure(state, command.operation, failure, context)
        case _:
            assert_never(result.outcome)


def _with_failure(state: Invoice, operation: str, failure: Failure | None, context: Context) -> Decision:
    """A system does not show the invoice as it stands, or need not."""
    view = state.views[operation]
    if view.failure == failure:
        return Ignore(f"that {operation} is settled already")
    views = {**state.views, operation: view.model_copy(update={"failure": failure})}
    return concluded(state, state.model_copy(update={"views": views}), context)


ACTOR = Actor("invoice", Invoice, 1, decide, references)
