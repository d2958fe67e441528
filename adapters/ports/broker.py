"""Port to the message broker: consuming with acknowledgement by watermark, publishing with confirms, topology."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class BrokerUnavailable(ConnectionError):
    """The broker cannot be reached or closed the connection; the caller waits and tries again."""


class Delivery(Protocol):
    """One message as the broker handed it over."""

    @property
    def queue(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def content_type(self) -> str | None: ...
    @property
    def headers(self) -> Mapping[str, object]:
        """As the sender wrote them: without what the broker adds to a redelivery."""
        ...

    @property
    def user_id(self) -> str | None:
        """The AMQP user that published it, proved by the broker; None when the publisher did not set it."""
        ...

    @property
    def routing_key(self) -> str: ...

    @property
    def delivery_count(self) -> int:
        """How often the broker has taken it back after a delivery; 0 at the first."""
        ...

    @property
    def is_live(self) -> bool:
        """False once the channel it came on is gone: the broker will deliver the message again."""
        ...

    def ack(self) -> None:
        """Mark as done, without awaiting; on a dead channel this does nothing. Call only after the proved commit."""
        ...


class Subscription(Protocol):
    """A standing wish to consume some queues; reconnects by itself until closed."""

    @property
    def is_active(self) -> bool:
        """Whether every queue has a registered consumer right now, and the broker answers."""
        ...

    async def pause(self) -> None:
        """Stop handing over deliveries; what was handed over can still be acked."""
        ...

    async def resume(self) -> None:
        """Hand over deliveries again."""
        ...

    async def close(self) -> None:
        """Flush pending acks, then close the channels (never `basic.cancel`: it lets a stand-by overtake us)."""
        ...


class Consuming(Protocol):
    """The consuming side of a broker, on a connection of its own."""

    async def subscribe(
        self, queues: Sequence[str], *, prefetch: int, on_delivery: Callable[[Delivery], None]
    ) -> Subscription:
        """Consume `queues`, each on a channel of its own with `prefetch` unacked messages at most.

        Returns at once, also while the broker or a queue is away: `is_active` tells when all consumers are there.
        `on_delivery` is called in order of arrival per queue; it must neither block nor raise. If it raises, that is
        reported and the queue's channel is closed, so that its deliveries come again. Raises `ValueError` for a
        prefetch that is no bound.
        """
        ...

    @property
    def held_bytes(self) -> int:
        """Bytes of deliveries, with their headers, that are in memory and not acked."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish."""

    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    headers: Mapping[str, str]
    message_id: str
    persistent: bool = True


class Published(StrEnum):
    """What became of a published message."""

    CONFIRMED = "confirmed"
    UNROUTABLE = "unroutable"
    """Returned: no queue is bound for it."""
    REFUSED = "refused"
    """Nacked by the broker, or the connection was lost before it answered: publish again."""


class Publishing(Protocol):
    """The publishing side of a broker, on a connection of its own: alarms block it without blocking consumers."""

    async def publish(self, messages: Sequence[Outgoing]) -> list[Published]:
        """Publish in order, mandatory, and wait for all confirms. Raises `BrokerUnavailable` if none was sent."""
        ...

    @property
    def is_connected(self) -> bool: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Keepsake:
    """What was kept. `user_id`: the AMQP user that published it, proved by the broker; None when it was not set."""

    body: bytes
    user_id: str | None


class Keepsakes(Protocol):
    """Messages that the broker keeps to be read at a start. All verbs but `close` raise `BrokerUnavailable`."""

    @property
    def user(self) -> str:
        """As whom the broker knows us."""
        ...

    async def take(self, queue: str) -> list[Keepsake]:
        """All that is there now, oldest first; nobody else sees it until `close`."""
        ...

    async def drop(self) -> None:
        """Have all that was taken removed."""
        ...

    async def close(self) -> None:
        """Give back what was taken and not dropped; a later `take` begins anew."""
        ...


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue: its bindings on the events exchange, and the arguments that the design needs."""

    name: str
    exchange: str
    routing_keys: tuple[str, ...]
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange."""

    name: str
    kind: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Topology:
    """All exchanges and queues that the gateway needs."""

    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]


class TopologyDiffers(RuntimeError):
    """What stands in the broker under this name has other arguments; says which, and how to mend it."""


class Administration(Protocol):
    """Declaring what the gateway needs in the broker."""

    async def apply(self, topology: Topology) -> None:
        """Declare everything; idempotent. Raises `TopologyDiffers` or `BrokerUnavailable`."""
        ...

    async def missing(self, topology: Topology) -> list[str]:
        """What is not there, as `exchange NAME` and `queue NAME`; changes nothing. Raises `BrokerUnavailable`."""
        ...

    async def depth(self, queue: str) -> int:
        """Messages ready in `queue`. Raises `LookupError` if there is no such queue, and `BrokerUnavailable`."""
        ...

    async def close(self) -> None: ...
