"""An ERP has the invoice though no command of ours has booked it there, as a person says who has posted it by hand."""

from __future__ import annotations

from dataclasses import replace

from actors.decision import Context, Decision, Ignore
from actors.invoices.outcome import concluded
from actors.invoices.places import erps
from actors.policy import Flow, Mode, Policy
from schemas.bound import Bound
from schemas.facts import Claim, Notice
from schemas.invoice.entity import Invoice, Places
from schemas.keys import EXTERNAL, external_key


def by_hand(state: Invoice) -> Invoice:
    """The invoice once somebody has posted it in the ERP: what stands there is not what a command has booked."""
    unknown = {"post_line": None, "reference": None, "external_id": None}
    return state.model_copy(update={"posting": "done", "refusal": None, **unknown})


def not_live(state: Invoice, policy: Policy) -> str | None:
    """Why nothing of the invoice is sent, so that nothing that sends can be done about it; None: it is live."""
    legal_entity = policy.legal_entities.get(state.legal_entity or "")
    mode = Mode.LIVE if legal_entity is None else legal_entity.mode(Flow.INVOICES)
    if mode is Mode.LIVE:
        return None
    return f"the policy has invoices of {state.legal_entity} in mode {mode}: set it live"


def bound(state: Invoice, told: Bound, context: Context) -> Decision:
    """It stands in an ERP under this id, which means the invoice from now on: what the ERP says of it comes here."""
    system, id_ = told.system, told.external_id
    external = external_key(system, "invoice", id_)
    holder = context.taken.get(Claim(EXTERNAL, external.id))
    if holder is not None:
        return Ignore(f"{id_} of {system} means {holder}")
    if state.places is None:
        return Ignore("the invoice is not known yet")
    objection = _objection(state, state.places, told, context.policy)
    if objection is not None:
        return Ignore(objection)
    named = {"external_id": id_, "places": state.places.model_copy(update={"books": system})}
    after = (state if state.is_posted else by_hand(state)).model_copy(update=named)
    accept = concluded(state, after, context, fact=None if state.is_posted else "posted")
    linked = Notice("linked", {"system": system, "external_id": id_})
    return replace(accept, binds=(external,), notices=(*accept.notices, linked))


def _objection(state: Invoice, at: Places, told: Bound, policy: Policy) -> str | None:
    """Why the id cannot be the one under which an ERP has the invoice; None: it can."""
    code = state.legal_entity or ""
    legal_entity = policy.legal_entities.get(code)
    if state.issued is None:
        return "the ERP has issued it by itself: its id there is the one that it has here"
    if told.legal_entity not in (None, code):
        return f"the invoice is of {code}, not of {told.legal_entity}"
    if legal_entity is None or told.system not in erps(at, legal_entity):
        return f"{told.system} is no ERP of {code}"
    if state.posting == "asked":
        return f"{at.erp} is asked to post it: look what comes of that first"
    if state.is_posted and state.external_id is not None:
        already = " already" if state.external_id == told.external_id else ""
        return f"{at.books or at.erp} has the invoice as {state.external_id}{already}"
    silent = not_live(state, policy)
    return None if silent is None else f"{silent}, then import it again"
