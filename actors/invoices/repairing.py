"""What an approved repair does of an invoice that its ERP does not have any more: the ERP is asked to post it anew."""

from __future__ import annotations

from dataclasses import replace

from actors.decision import Context, Decision, Ignore, Reject, Wait
from actors.invoices.outcome import concluded
from actors.invoices.posting import asked_anew
from actors.policy import Flow
from actors.repairs import barred, outdated_look
from actors.standing import reference_of
from schemas.facts import Notice
from schemas.invoice.entity import Invoice
from schemas.invoice.v1 import Issued
from schemas.repair.v1 import Repaired


def repaired(state: Invoice, told: Repaired, context: Context) -> Decision:
    """Posted anew, as it was issued, unless something has happened to it since; who bills by it hears of it again."""
    outdated = outdated_look(told, context)
    if outdated is not None:
        return outdated
    issued, stands = state.issued, reference_of(context.key, state.post_line, state.reference)
    if issued is None or not state.is_posted or any(item.holds != stands for item in told.items):
        return Ignore("the invoice was posted otherwise since the repair was planned: it is left as it is")
    objection = _objection(state, issued, told, context)
    if objection is not None:
        return Ignore(f"{objection}: it is left as it is")
    # The ERP's word that it stands there is over: what it says of it from now on is of the new posting.
    anew = asked_anew(state.model_copy(update={"posted": None}), issued, context)
    if isinstance(anew, Wait | Reject):
        reason = anew.reason if isinstance(anew, Wait) else anew.failure.reason
        return Ignore(f"{reason}: it is left as it is")
    after, requests = anew
    if any(request.system != told.system for request in requests) or not requests:
        return Ignore(f"{told.system} is not the system that posts the invoice by now: it is left as it is")
    accept = concluded(state, after, context, requests=requests)
    return replace(accept, notices=(Notice("repaired", {"plan": told.plan, "by": told.by}),))


def _objection(state: Invoice, issued: Issued, told: Repaired, context: Context) -> str | None:
    """Why it is not posted anew; None where it is."""
    at = state.places
    if at is None or at.erp != told.system:
        return f"{told.system} is not the system that posts the invoice"
    if state.entries:
        return "payments, credit memos, or write-offs came of the invoice: find out what became of it there"
    return barred(issued.legal_entity, issued.issued_on, context.policy, Flow.INVOICES)
