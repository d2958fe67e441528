"""What comes of an invoice: payments, credit memos, write-offs, objections, each once, whatever the order.

What comes before the invoice is known is kept like the rest, and counts once it is. Its key cannot wait for itself,
and a payment must not hold back the very event that it waits for; so another key, `awaited`, waits for the invoice in
its stead, until the policy's deadline makes that a case.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from actors.decision import Accept, Context, Decision, Ignore, Request
from actors.invoices.outcome import concluded
from actors.invoices.troubles import differing, too_large
from schemas.awaited.v1 import Invoice as Awaited
from schemas.commands import SELF
from schemas.invoice.entity import Dispute, Entry, Invoice
from schemas.invoice.v1 import CreditMemoIssued, Disputed, PaymentReceived, Sent, WrittenOff

FIELDS: Final = {"payment": "payments", "credit_memo": "credit_memos", "write_off": "write_offs"}
FACTS: Final = {"payment": "payment_received", "credit_memo": "credit_memo_issued", "write_off": "written_off"}


def payment_received(state: Invoice, payment: PaymentReceived, context: Context) -> Decision:
    """Money came, or went back."""
    amount = payment.amount
    entry = Entry(amount=amount.decimal, currency=amount.currency, on=payment.paid_on)
    return _entered(state, "payment", payment.payment_id, entry, context)


def credit_memo_issued(state: Invoice, memo: CreditMemoIssued, context: Context) -> Decision:
    """A part is not owed any more."""
    amount = memo.amount
    entry = Entry(amount=amount.decimal, currency=amount.currency, on=memo.issued_on, lines=memo.lines)
    return _entered(state, "credit_memo", memo.credit_memo_id, entry, context)


def written_off(state: Invoice, loss: WrittenOff, context: Context) -> Decision:
    """A part was given up."""
    entry = Entry(amount=loss.amount.decimal, currency=loss.amount.currency, on=loss.written_off_on)
    return _entered(state, "write_off", loss.write_off_id, entry, context)


def sent(state: Invoice, told: Sent, context: Context) -> Decision:
    """The customer has it since the first day that is named."""
    if state.sent_on is not None and state.sent_on <= told.sent_on:
        return Ignore(f"it was sent on {state.sent_on}")
    return _came(state, state.model_copy(update={"sent_on": told.sent_on}), "sent", context)


def disputed(state: Invoice, objection: Disputed, context: Context) -> Decision:
    """The customer objects, or does so no more; what is settled stays settled."""
    was = state.disputes.get(objection.dispute_id)
    dispute = Dispute(
        reason=objection.reason,
        amount=None if objection.amount is None else objection.amount.decimal,
        is_settled=objection.settled,
    )
    if was == dispute or (was is not None and was.is_settled):
        return Ignore(f"dispute {objection.dispute_id} is {'settled' if was.is_settled else 'known'} already")
    disputes = {**state.disputes, objection.dispute_id: dispute}
    fact = "dispute_settled" if objection.settled else "disputed"
    return _came(state, state.model_copy(update={"disputes": disputes}), fact, context)


def _entered(state: Invoice, kind: str, id: str, entry: Entry, context: Context) -> Decision:
    """It counts once under its id; told again with another content it is a person's to say which is right."""
    entries: dict[str, Entry] = getattr(state, FIELDS[kind])
    was = entries.get(id)
    if was is not None:
        if (was.amount, was.currency, was.lines) == (entry.amount, entry.currency, entry.lines):
            return Ignore(f"{kind} {id} is known already")
        return Accept(state, cases=(differing(kind, id, was, entry),))
    after = state.model_copy(update={FIELDS[kind]: {**entries, id: entry}})
    refused = too_large(after)
    if refused is not None:
        return refused
    return _came(state, after, FACTS[kind], context)


def _came(before: Invoice, after: Invoice, fact: str, context: Context) -> Accept:
    """What is told of an invoice that nobody knows yet makes the gateway wait for it, once."""
    accept = concluded(before, after, context, fact=fact)
    if after.header is not None or before != Invoice():
        return accept
    ask = Request(SELF, "awaited.invoice", "awaited", Awaited(to=context.key.id))
    remark = "the invoice is not known yet: this counts once it is issued or posted"
    return replace(accept, requests=(*accept.requests, ask), remarks=(remark,))
