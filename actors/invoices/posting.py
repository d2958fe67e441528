"""An invoice that a billing engine has issued is posted in the ERP once; what the ERP refuses is a person's case."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from actors.decision import Accept, Context, Decision, Ignore, Reject, Request, Wait
from actors.invoices.billed import billing
from actors.invoices.naming import confirmed_as, id_there, said_as
from actors.invoices.outcome import concluded
from actors.invoices.places import IN_ERP, books_of, places
from actors.invoices.troubles import differ, too_large
from actors.lines import numbered
from actors.policy import Policy
from schemas.commands import Confirmed, Rejected, Result
from schemas.envelope import Envelope
from schemas.invoice.entity import Invoice
from schemas.invoice.v1 import Issued, Posted, PostingRejected
from schemas.keys import external_key
from schemas.operations.invoice import InvoiceLine, InvoicePost
from schemas.verdicts import Failure, FailureClass

OPERATION: Final = "invoice.post"


def issued(state: Invoice, invoice: Issued, context: Context) -> Decision:
    """A billing engine has issued it: the ERP is asked to post it, unless it has."""
    if state.issued == invoice and state.posting != "none":
        return Ignore("the invoice is issued like this already")
    if state.issued is not None and state.posting in {"asked", "done"}:
        reason = (
            f"{state.issued.number} is posted, or on its way to be: correct it by a credit memo and another invoice"
        )
        return Reject(Failure(FailureClass.CONFLICT, "issued_differs", reason))
    shut = None if state.is_posted else closed(invoice, context.policy)
    if shut is not None:
        return Reject(shut)
    found = places(invoice, context, is_posted=state.is_posted)
    if isinstance(found, Wait | Reject):
        return found
    kept = state.places if state.is_posted else found
    after = billing(state, state.model_copy(update={"issued": invoice, "places": kept or found}), context)
    refused = too_large(after)
    if refused is not None:
        return refused
    if state.is_posted:
        return concluded(state, after, context, fact="issued")
    after, requests = asked(after, invoice, context)
    if after == state:
        return Ignore(f"it is issued like this already, and no ERP is named that posts for {invoice.legal_entity}")
    fact = None if state.issued == invoice else "issued"
    accept = concluded(state, after, context, fact=fact, requests=requests)
    if requests:
        return accept
    remark = f"the policy sends no invoices of {invoice.legal_entity} to an ERP: it is posted once the ERP says so"
    return replace(accept, remarks=(remark,))


def posted(state: Invoice, invoice: Posted, event: Envelope, context: Context) -> Decision:
    """The ERP has posted it, and may be the first to say that it is there; `event` says so, and under which id."""
    named = said_as(state, id_there(event.subject, context.key))
    if state.posted == invoice and named == state:
        return Ignore("the invoice is posted like this already")
    if state.posted is not None and differ(state.posted, invoice):
        reason = (
            f"the ERP said that it posted {state.posted.number} with {state.posted.total} {state.posted.currency}, and "
            f"now {invoice.number} with {invoice.total} {invoice.currency}: find out which is right, and whether it "
            "stands there twice; what is posted changes by credit memos alone"
        )
        return Reject(Failure(FailureClass.CONFLICT, "posted_differs", reason, "total"))
    found = state.places
    if found is None:
        resolved = places(invoice, context, is_posted=True)
        if isinstance(resolved, Wait | Reject):
            return resolved
        found = resolved
    found = found.model_copy(update={"books": books_of(found, invoice, event.source, context.policy)})
    done = named.model_copy(update={"posted": invoice, "posting": "done", "refusal": None, "places": found})
    after = billing(state, done, context)
    fact = None if state.posted == invoice else "posted"
    return too_large(after) or concluded(state, after, context, fact=fact)


def posting_rejected(state: Invoice, rejection: PostingRejected, context: Context) -> Decision:
    """The ERP took it and has not posted it after all."""
    if state.posted is not None:
        return Ignore(f"the ERP has posted it on {state.posted.posted_on}")
    if state.posting not in {"asked", "done"}:
        return Ignore("nobody was asked to post it, or the refusal is known")
    draft = "" if state.external_id is None else f" ({state.external_id})"
    reason = (
        f"the ERP does not post it: {rejection.reason}; a retry sends it anew, so remove first what the ERP has of it"
        f"{draft}"
    )
    failure = Failure(FailureClass.BUSINESS_RULE, rejection.code, reason)
    return _refused(state, failure, context)


def answered(state: Invoice, result: Result, context: Context) -> Decision:
    """What the ERP answers."""
    match result.outcome:
        case Confirmed(external_id):
            return _confirmed(state, result, external_id, context)
        case Rejected(failure):
            if state.post_line != result.command.line or state.posting != "asked":
                return Ignore("the ERP refused what it was asked before, and it was posted or given up since")
            return _refused(state, failure, context)
        case _:
            assert_never(result.outcome)


def closed(invoice: Issued, policy: Policy) -> Failure | None:
    """Why the ERP is not asked to post an invoice: its books of that day are closed."""
    legal_entity = policy.legal_entities.get(invoice.legal_entity)
    if legal_entity is None or not legal_entity.is_closed(invoice.issued_on):
        return None
    reason = (
        f"the invoice is of {invoice.issued_on}, and the books of {invoice.legal_entity} are closed through "
        f"{legal_entity.closed_through}: let `closed_through` in the policy file open them, then retry; or have it "
        "issued with a later day under another id"
    )
    return Failure(FailureClass.MAPPING, "books_closed", reason, "issued_on")


def asked(state: Invoice, invoice: Issued, context: Context) -> tuple[Invoice, tuple[Request, ...]]:
    """The invoice as it is once the ERP is asked to post it, and what the ERP is asked."""
    at = state.places
    if at is None or at.erp is None or at.customer_in_erp is None:
        return state.model_copy(update={"posting": "none", "refusal": None}), ()
    body = InvoicePost(
        invoice_id=context.key.id,
        legal_entity=invoice.legal_entity,
        customer=at.customer_in_erp,
        project=at.project_in_erp,
        contract_reference=at.contract_reference,
        number=invoice.number,
        issued_on=invoice.issued_on,
        due_on=invoice.due_on,
        currency=invoice.currency,
        net=invoice.net,
        tax=invoice.tax,
        amount=invoice.total,
        lines=tuple(
            InvoiceLine(line_id=line.line_id, kind=line.kind, amount=line.amount, tax_code=line.tax_code)
            for line in invoice.lines
        ),
    )
    line = numbered("post", state.posts + 1, body)
    update = {"posting": "asked", "refusal": None, "post_line": line, "reference": None, "posts": state.posts + 1}
    return state.model_copy(update=update), (Request(at.erp, OPERATION, line, body),)


def asked_anew(
    state: Invoice, invoice: Issued, context: Context
) -> tuple[Invoice, tuple[Request, ...]] | Wait | Reject:
    """The same for one that was asked for before: under the ids that customer, project, and contract have by now."""
    found = places(invoice, context, is_posted=False)
    if isinstance(found, Wait | Reject):
        return found
    kept = (state.places or found).model_copy(update=found.model_dump(include=IN_ERP))
    return asked(state.model_copy(update={"places": kept}), invoice, context)


def _confirmed(state: Invoice, result: Result, external_id: str | None, context: Context) -> Decision:
    """The ERP has it, and what it says of its own id is of this invoice from now on."""
    after = state if external_id is None else confirmed_as(state, external_id)
    if state.post_line == result.command.line:
        posting = "done" if state.posting == "asked" else state.posting
        after = after.model_copy(update={"posting": posting, "reference": result.command.reference})
    if after == state:
        return Ignore("the ERP has the invoice")
    accept = concluded(state, after, context, fact="posted" if after.is_posted and not state.is_posted else None)
    if external_id is None or external_id == state.external_id:
        return accept
    return replace(accept, binds=(external_key(result.command.system, "invoice", external_id),))


def _refused(state: Invoice, failure: Failure, context: Context) -> Accept:
    refused = state.model_copy(update={"posting": "refused", "refusal": failure})
    return concluded(state, refused, context, fact="posting_rejected")
