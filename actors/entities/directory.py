"""Directory: the names of a country's customers that begin alike, so that names nearly the same are found."""

from __future__ import annotations

from typing import Final, assert_never

from actors.customers.lines import numbered
from actors.customers.names import Likeness, nearest
from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, no_references
from schemas.commands import SELF, Confirmed, Rejected, Result
from schemas.customer.v1 import Alike, Resembles
from schemas.directory.entity import Directory, Entry
from schemas.directory.v1 import Listed, Unlisted
from schemas.envelope import Envelope

MOST: Final = 500
"""Customers that a directory lists. Those beyond are noticed by tax id, by exactly the same name, and by domain."""


def decide(state: Directory, event: Event, context: Context) -> Decision:
    """What a directory is told; pure."""
    match event:
        case Result():
            return _result(event)
        case Envelope(data=Listed() as listed):
            return _listed(state, listed, context)
        case Envelope(data=Unlisted(customer=customer)):
            if customer not in state.entries:
                return Ignore(f"{customer} is not listed")
            rest = {id: entry for id, entry in state.entries.items() if id != customer}
            return Accept(state.model_copy(update={"entries": rest}))
        case _:
            return Ignore(f"{event.type} does not concern a directory")


def _listed(state: Directory, listed: Listed, context: Context) -> Decision:
    """List a customer. One that came at the same time as another with nearly its name is told so."""
    entry = Entry(name=listed.name, distinct_from=listed.distinct_from)
    if state.entries.get(listed.customer) == entry:
        return Ignore(f"{listed.customer} is listed already")
    if listed.customer not in state.entries and len(state.entries) >= MOST:
        return Ignore(f"{context.key.id} is full with {MOST} customers: names that are nearly the same stay unnoticed")
    changed = state.model_copy(update={"entries": {**state.entries, listed.customer: entry}})
    others = nearest(listed.customer, listed.name, listed.distinct_from, state.entries)
    if not others:
        return Accept(changed)
    body = Resembles(to=listed.customer, others=tuple(map(_alike, others)))
    request = Request(SELF, "customer.resembles", numbered(state.told + 1, body), body)
    return Accept(changed.model_copy(update={"told": state.told + 1}), requests=(request,))


def _alike(other: Likeness) -> Alike:
    return Alike(customer=other.id, name=other.name, score=other.score)


def _result(result: Result) -> Decision:
    match result.outcome:
        case Confirmed():
            return Ignore("the customer was told")
        case Rejected(failure):
            return Reject(failure)
        case _:
            assert_never(result.outcome)


ACTOR = Actor("directory", Directory, 1, decide, no_references)
