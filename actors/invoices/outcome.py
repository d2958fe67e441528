"""What follows from a change of the invoice: who shows it, which lines are told, and what a person is asked."""

from __future__ import annotations

from collections.abc import Iterable

from actors.decision import Accept, Context, Decision, Ignore, Request
from actors.invoices import billed, views
from actors.invoices.places import moved
from actors.invoices.troubles import troubles
from schemas.facts import Notice
from schemas.invoice.entity import ZERO, Invoice
from schemas.verdicts import Failure


def concluded(
    before: Invoice,
    after: Invoice,
    context: Context,
    *,
    fact: str | None = None,
    requests: Iterable[Request] = (),
    again: str | None = None,
) -> Accept:
    """The change with what follows from it. `fact` is what others hear of it, `again` what is shown once more."""
    after, puts = views.shown(before, moved(after, context), context.key.id, again=again)
    after, tells = billed.told(before, after, context.key.id)
    was, now = troubles(before), troubles(after)
    return Accept(
        after,
        requests=(*requests, *puts, *tells),
        notices=() if fact is None else (Notice(fact, _attributes(after)),),
        cases=tuple(case for topic, case in now.items() if was.get(topic) != case),
        settles=tuple(topic for topic in was if topic not in now),
    )


def with_failure(state: Invoice, operation: str, failure: Failure | None, context: Context) -> Decision:
    """A system does not show the invoice as it stands, or need not."""
    view = state.views[operation]
    if view.failure == failure:
        return Ignore(f"that {operation} is settled already")
    views = {**state.views, operation: view.model_copy(update={"failure": failure})}
    return concluded(state, state.model_copy(update={"views": views}), context)


def _attributes(invoice: Invoice) -> dict[str, str]:
    """What a notice says beside its fact."""
    header = invoice.header
    if header is None:
        return {}
    return {
        "legal_entity": header.legal_entity,
        "number": header.number,
        "currency": header.currency,
        "total": str(invoice.total),
        "open": str(max(invoice.balance, ZERO)),
        "status": invoice.status or "issued",
    }
