"""What must stand in the broker: exchanges, one queue per entity, and where strays go. Pure: a table of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from adapters.ports.broker import Exchange, Queue, Topology

EVENTS: Final = "tallystick.events"
"""Where senders publish; the routing key is the event type without its version."""

UNROUTED: Final = "tallystick.unrouted"
"""Exchange and queue of events that no entity's queue is bound for, such as those with a mistyped routing key."""

NOTICES: Final = "tallystick.notices"
"""Where committed facts go out to whoever binds a queue."""

DEAD: Final = "tallystick.dead"
"""Exchange and queue that stay empty: we ack everything once its row is durable, so nothing is ever dead-lettered.

They exist because a queue with a delivery limit drops what exceeds it unless it has somewhere to go. A message in here
means that a consumer has lost its channel a million times over: look there, then move it back.
"""

WATERMARK: Final = "tallystick.watermark"
"""Exchange and queue of the database's watermark: RabbitMQ remembers how far the database has come."""

WATERMARKS: Final = 8
"""Kept at most. More than one, because two processes may publish theirs in either order."""

DELIVERY_LIMIT: Final = 1_000_000
"""High, and always explicit.

Attempts are counted in PostgreSQL, never here, so the limit must not strike: a consumer that loses its channel every
five seconds reaches a million after two months. An absent limit means none on RabbitMQ 3.10 but 20 from 4.0, where a
process that crashes at its start would throw its whole prefetch away. -1 means none from 4.0, but drops a message at
its first return on 3.10. A large number means the same everywhere.
"""


def topology(entities: Sequence[str], intakes: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Topology:
    """All that the gateway needs for these entities, in the order in which it is to be declared.

    `intakes`: entity -> further routing keys of its queue, for messages that are no CloudEvents. They come by the
    entity's own queue, since the order of a key is kept within one queue.
    """
    return Topology(
        exchanges=(
            Exchange(DEAD, "fanout", {}),
            Exchange(UNROUTED, "fanout", {}),
            Exchange(EVENTS, "topic", {"alternate-exchange": UNROUTED}),
            Exchange(NOTICES, "topic", {}),
            Exchange(WATERMARK, "fanout", {}),
        ),
        queues=(
            Queue(DEAD, DEAD, ("",), {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}),
            Queue(
                WATERMARK,
                WATERMARK,
                ("",),
                {
                    "x-queue-type": "quorum",
                    "x-max-length": WATERMARKS,
                    "x-overflow": "drop-head",
                    "x-delivery-limit": DELIVERY_LIMIT,
                },
            ),
            consumed(UNROUTED, UNROUTED, ""),
            *(consumed(queue_of(entity), EVENTS, f"{entity}.#", *intakes.get(entity, ())) for entity in entities),
        ),
    )


def queue_of(entity: str) -> str:
    """The name of an entity's queue."""
    return f"tallystick.{entity}"


def consumed(name: str, exchange: str, *routing_keys: str) -> Queue:
    """A queue of the gateway: replicated, one consumer at a time, and nothing lost on the way to the dead letters.

    Dead-lettering at least once needs `reject-publish`, which never strikes as the length is not limited. (RabbitMQ's
    documentation: quorum queues, dead lettering; single active consumer.)
    """
    return Queue(
        name,
        exchange,
        routing_keys,
        {
            "x-queue-type": "quorum",
            "x-single-active-consumer": True,
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": DEAD,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )
