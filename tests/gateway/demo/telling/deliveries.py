"""What the broker would hand to the gateway for a message of the play."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.demo.telling.sending import Sending

QUEUES = frozenset({"customer", "contract", "employee", "expense", "invoice", "project", "timesheet"})


@dataclass(frozen=True, slots=True)
class Handed:
    """A `Delivery` of a broker that proves the user."""

    queue: str
    body: bytes
    content_type: str | None
    headers: Mapping[str, object]
    user_id: str | None
    routing_key: str
    is_live: bool = field(default=True)
    delivery_count: int = 0

    def ack(self) -> None:
        return


def handed(sending: Sending) -> Handed:
    """The message in the queue that the topology routes it to."""
    outgoing = sending.outgoing
    entity = outgoing.routing_key.partition(".")[0]
    queue = f"tallystick.{entity if entity in QUEUES else 'unrouted'}"
    return Handed(
        queue, outgoing.body, outgoing.content_type, outgoing.headers, sending.sender.value, outgoing.routing_key
    )
