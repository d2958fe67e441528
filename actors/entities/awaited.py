"""Awaited: what was told of before it was known; this key waits for it, so that a person hears if it never comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from actors.decision import Actor, Context, Decision, Event, Ignore, Snapshot, Wait
from schemas.awaited.entity import Awaited
from schemas.awaited.v1 import Invoice
from schemas.envelope import Envelope
from schemas.invoice import entity
from schemas.keys import ActorKey


def references(_state: Awaited, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """What is awaited."""
    if isinstance(event, Envelope) and isinstance(event.data, Invoice):
        return (ActorKey("invoice", event.data.to),)
    return ()


def decide(_state: Awaited, event: Event, context: Context) -> Decision:
    """Wait until it is known; pure."""
    match event:
        case Envelope(data=Invoice(to=id)):
            key = ActorKey("invoice", id)
            invoice = context.find(key).state
            if isinstance(invoice, entity.Invoice) and invoice.header is not None:
                return Ignore("the invoice is known")
            return Wait(key, "something was told of the invoice, which is neither issued nor posted yet")
        case _:
            return Ignore("nothing else is awaited")


ACTOR = Actor("awaited", Awaited, 1, decide, references)
