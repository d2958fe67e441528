"""What people do about an invoice's cases: have something tried again, say that it was settled, or give it up."""

from __future__ import annotations

from dataclasses import replace

from actors.asking import not_seen
from actors.decision import Accept, Context, Decision, Ignore, Reject, Wait
from actors.invoices.binding import by_hand, not_live
from actors.invoices.outcome import concluded, with_failure
from actors.invoices.posting import asked_anew, closed, issued
from actors.invoices.troubles import LOOKED_AT, NOBODY_POSTS, POSTING, VIEW, troubles
from schemas.acts import Act, Acted
from schemas.invoice.entity import Invoice
from schemas.invoice.v1 import Issued


def acted(state: Invoice, act: Acted, context: Context) -> Decision:
    """A person has settled something, or wants it tried again, as they saw it."""
    case = troubles(state).get(act.topic)
    outdated = None if case is None else not_seen(act, case.asks)
    if outdated is not None:
        return outdated
    sends = act.act is Act.RETRY or act.topic == POSTING
    silent = not_live(state, context.policy) if sends else None
    if silent is not None:
        return Ignore(f"{silent}, then {act.act} again")
    if act.topic == POSTING:
        return _on_refusal(state, act, context)
    if act.topic == NOBODY_POSTS and act.act is Act.RETRY:
        return _issued_again(state, context)
    if act.topic.removeprefix(VIEW) in state.views and act.topic.startswith(VIEW):
        return _on_view(state, act, context)
    if act.act is Act.RESOLVE and act.topic.startswith(LOOKED_AT):
        return Accept(state, settles=(act.topic,), remarks=(f"{act.topic} was looked at by {act.by}: {act.reason}",))
    return _not_here(act)


def _on_refusal(state: Invoice, act: Acted, context: Context) -> Decision:
    """A person says what is to become of an invoice that the ERP has refused."""
    if state.refusal is None or state.issued is None:
        return Ignore("the ERP has not refused it, or it was settled already")
    match act.act:
        case Act.RETRY if (shut := closed(state.issued, context.policy)) is not None:
            return Ignore(shut.reason)
        case Act.RETRY:
            return _asked_again(state, state.issued, context)
        case Act.RESOLVE:
            accept = concluded(state, by_hand(state), context, fact="posted")
            remark = f"{act.by} posted it by hand: import the ERP's id of it, by which the ERP speaks of it"
            return replace(accept, remarks=(remark,))
        case Act.CANCEL:
            void = state.model_copy(update={"posting": "void", "refusal": None})
            return replace(concluded(state, void, context, fact="void"), remarks=(f"{act.by} gave it up",))
        case _:
            return _not_here(act)


def _asked_again(state: Invoice, invoice: Issued, context: Context) -> Decision:
    """Customer, project, and contract may have other ids by now, and the policy may name another ERP."""
    anew = asked_anew(state, invoice, context)
    if isinstance(anew, Wait):
        return anew
    if isinstance(anew, Reject):
        return Ignore(anew.failure.reason)
    after, requests = anew
    if not requests:
        return Ignore("no ERP takes it: let the policy say which, and have the invoice issued again")
    return concluded(state, after, context, requests=requests)


def _issued_again(state: Invoice, context: Context) -> Decision:
    """By the policy as it is now some ERP may take what none took before."""
    if state.issued is None or state.posting != "none":
        return Ignore("an ERP was asked to post it since")
    decision = issued(state, state.issued, context)
    return Ignore(decision.failure.reason) if isinstance(decision, Reject) else decision


def _on_view(state: Invoice, act: Acted, context: Context) -> Decision:
    operation = act.topic.removeprefix(VIEW)
    match act.act:
        case Act.RETRY:
            return concluded(state, state, context, again=operation)
        case Act.RESOLVE:
            return with_failure(state, operation, None, context)
        case _:
            return _not_here(act)


def _not_here(act: Acted) -> Ignore:
    return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")
