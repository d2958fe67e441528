"""Rate card: reference data, every version that was published, each effective from a day on."""

from __future__ import annotations

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, no_references
from schemas.envelope import Envelope
from schemas.facts import Notice
from schemas.rate_card.entity import RateCard
from schemas.rate_card.v1 import Published


def decide(state: RateCard, event: Event, _context: Context) -> Decision:
    """What a rate card's event means; pure."""
    match event:
        case Envelope(data=Published() as card):
            return _published(state, card)
        case _:
            return Ignore("only rate_card.published concerns a rate card")


def _published(state: RateCard, card: Published) -> Decision:
    """Versions may come in any order; one that is there stays as it is."""
    known = next((each for each in state.versions if each.version == card.version), None)
    if known is not None:
        differs = "" if known == card else " with other rates: publish the change as the next version"
        return Ignore(f"version {card.version} of the card is published already{differs}")
    versions = tuple(sorted((*state.versions, card), key=lambda each: each.version))
    notice = Notice("published", {"version": str(card.version), "effective_on": card.effective_on.isoformat()})
    return Accept(state.model_copy(update={"versions": versions}), notices=(notice,))


ACTOR = Actor("rate_card", RateCard, 1, decide, no_references)
