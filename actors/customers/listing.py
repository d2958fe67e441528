"""How a customer keeps itself listed in the directory of names."""

from __future__ import annotations

from actors.customers.names import compared, directory_of
from schemas.customer.entity import Customer, Listing
from schemas.directory.v1 import Listed, Unlisted
from schemas.record import Record


def listed(state: Customer, customer: str) -> tuple[Customer, tuple[tuple[str, Record], ...]]:
    """The customer as listed, and what directories are told. One that may be another customer stays as it was."""
    if state.profile is None or state.status != "known":
        return state, ()
    name = compared(state.profile.name)
    key = directory_of(state.profile.country, name)
    wanted = None
    if key is not None:
        wanted = Listing(directory=key.id, name=name, distinct_from=state.distinct_from)
    if wanted == state.listing:
        return state, ()
    messages: list[tuple[str, Record]] = []
    if state.listing is not None and (wanted is None or wanted.directory != state.listing.directory):
        messages.extend(unlisted(state, customer))
    if wanted is not None:
        body = Listed(to=wanted.directory, customer=customer, name=name, distinct_from=wanted.distinct_from)
        messages.append(("directory.listed", body))
    return state.model_copy(update={"listing": wanted}), tuple(messages)


def unlisted(state: Customer, customer: str) -> tuple[tuple[str, Record], ...]:
    """What its directory is told when it goes away."""
    if state.listing is None:
        return ()
    return (("directory.unlisted", Unlisted(to=state.listing.directory, customer=customer)),)
