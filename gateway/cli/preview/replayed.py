"""Past messages in place of a broker: handed over one by one, by a user who may publish under their source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from adapters.ports.broker import Delivery
from adapters.ports.history import PastMessage
from gateway.door import QUEUE_PREFIX
from gateway.inner import InnerEvent
from gateway.source_policy import Source
from schemas.codec import STRUCTURED
from schemas.commands import OURS
from schemas.vocabulary import Vocabulary

NOBODY = "nobody"


@dataclass(slots=True)
class Replayed:
    """A past message as a delivery. `is_done`: it is durable, or buried."""

    body: bytes
    queue: str
    routing_key: str
    user_id: str | None
    content_type: str | None = STRUCTURED
    headers: Mapping[str, object] = field(default_factory=dict)
    delivery_count: int = 0
    is_live: bool = True
    is_done: bool = False

    def ack(self) -> None:
        self.is_done = True


def said_inside(past: PastMessage, vocabulary: Vocabulary) -> InnerEvent | None:
    """A past message that did not come through the door, to be said again: ids that were imported; else None."""
    if not str(orjson.loads(past.body).get("source", "")).startswith(f"{OURS}:"):
        return None
    event = vocabulary.decode_stored(past.body)
    type_ = vocabulary.inner_type(f"{event.entity}.{event.fact}") or event.type
    return InnerEvent(event.source, event.id, type_, past.key, event.data, event.causation_id)


def replayed(past: PastMessage, sources: Mapping[str, Source]) -> Replayed:
    """A past message, published by a user that its source has today: who it was is not kept."""
    event = orjson.loads(past.body)
    name = str(event.get("type", "")).rpartition(".v")[0]
    source = sources.get(str(event.get("source", "")))
    user = NOBODY if source is None else source.users[0]
    return Replayed(past.body, f"{QUEUE_PREFIX}{name.partition('.')[0]}", name, user)


class Hand:
    """Implements `Consuming` and `Subscription`: what is handed over comes from whoever has the hand."""

    def __init__(self) -> None:
        self.on_delivery: Callable[[Delivery], None] | None = None
        self.held_bytes = 0
        self.is_active = True

    async def subscribe(self, queues: Sequence[str], *, prefetch: int, on_delivery: Callable[[Delivery], None]) -> Hand:
        self.on_delivery = on_delivery
        return self

    async def pause(self) -> None:
        """Nothing comes by itself."""

    async def resume(self) -> None:
        """Nothing comes by itself."""

    async def close(self) -> None:
        self.on_delivery = None
