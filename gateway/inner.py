"""Inner delivery: an event that the gateway itself says goes into its key's mailbox as any message does.

It does not pass the door, which turns away whoever else would say it. What ends while one is on its way is no harm:
whoever says it says it again under the same source and id, and the inbox knows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from adapters.ports.turns import Message
from gateway.activation import Entry
from gateway.bus import Bus
from schemas.codec import encode
from schemas.envelope import Attributes
from schemas.keys import ActorKey
from schemas.record import Record
from schemas.vocabulary import VOCABULARY, Vocabulary


@dataclass(frozen=True, slots=True)
class InnerEvent:
    """What is said, by whom (`source`, `id`), and to whom. `data` is of the version that `type` names."""

    source: str
    id: str
    type: str
    key: ActorKey
    data: Record
    causation_id: str | None = None


class Delivers(Protocol):
    """Hands an inner event to its key; answers once it is durable (see `Inner`)."""

    async def deliver(self, event: InnerEvent) -> object: ...


@dataclass(slots=True)
class _Receipt:
    """Tells when a message is durable. Nobody delivers it again by himself, so it is never dropped."""

    durable: asyncio.Future[None]
    is_live: bool = True

    def ack(self) -> None:
        if not self.durable.done():
            self.durable.set_result(None)


class Inner:
    """Delivers inner events. `now` is the wall clock, `refs` makes our own ids of messages."""

    def __init__(
        self, bus: Bus, now: Callable[[], datetime], refs: Callable[[], UUID], vocabulary: Vocabulary = VOCABULARY
    ) -> None:
        self.vocabulary = vocabulary
        self._bus = bus
        self._now = now
        self._refs = refs

    async def deliver(self, event: InnerEvent) -> UUID:
        """Return once the event is durable: decided, or in its key's lane, or in the inbox from an earlier time.

        Answers the reference of this message, which an earlier one keeps from the inbox. It waits for as long as the
        store takes; whoever stops waiting does not take the message back. Raises `Undecodable` for what is no event.
        """
        body = encode(
            Attributes(
                event.source, event.id, event.type, event.key.id, time=self._now(), causation_id=event.causation_id
            ),
            event.data,
        )
        envelope = self.vocabulary.decode_stored(body)
        message = Message(self._refs(), event.source, event.id, event.type, envelope.body_hash, body)
        receipt = _Receipt(asyncio.get_running_loop().create_future())
        async with self._bus.turnstile:
            self._bus.deliver(event.key, Entry(message, envelope, receipt))
        await receipt.durable
        return message.ref
