"""Under which ids the ERP has an invoice: it may stand there more than once, of which one is too many.

An id is known by the answer to a command of ours, by what a person says who has posted it, and by the subject of the
ERP's own events.
"""

from __future__ import annotations

from schemas.invoice.entity import Invoice
from schemas.keys import ActorKey


def id_there(subject: str, key: ActorKey) -> str | None:
    """The ERP's id that an event of it is about; None where its sender speaks of the invoice by our id."""
    return None if subject == key.id else subject


def confirmed_as(state: Invoice, external_id: str) -> Invoice:
    """The invoice once the ERP has answered under which id it has it."""
    twins = state.twins
    if state.is_posted and state.external_id is not None:
        # A draft that was refused may have been posted all the same.
        twins = (*twins, state.external_id)
    return _named(state, external_id, twins)


def said_as(state: Invoice, external_id: str | None) -> Invoice:
    """The invoice once the ERP has said that it has posted it under an id; None: it did not say under which."""
    if external_id is None:
        return state
    if not state.is_posted or state.external_id is None:
        return _named(state, external_id, state.twins)
    return _named(state, state.external_id, (*state.twins, external_id))


def _named(state: Invoice, external_id: str, twins: tuple[str, ...]) -> Invoice:
    others = tuple(each for each in dict.fromkeys(twins) if each != external_id)
    return state.model_copy(update={"external_id": external_id, "twins": others})
