"""One message as RabbitMQ handed it over, with the channel that it came on."""

from __future__ import annotations

from collections.abc import Mapping
from sys import getsizeof
from typing import Final, Protocol

from adapters.rabbitmq.sieve import Arrival
from adapters.rabbitmq.valve import Valve

DELIVERY_COUNT: Final = "x-delivery-count"
"""Set by a quorum queue on a message that it delivers again (RabbitMQ's documentation: poison message handling)."""


class Origin(Protocol):
    """The life of a channel, as a delivery knows it."""

    @property
    def queue(self) -> str: ...
    @property
    def is_live(self) -> bool: ...
    def ack(self, tag: int) -> None: ...


class RabbitDelivery:
    """A `Delivery`. Not a dataclass: one is made per message."""

    __slots__ = ("_arrival", "_origin", "_size", "_valve", "body", "content_type", "routing_key", "user_id")

    def __init__(self, arrival: Arrival, origin: Origin, valve: Valve) -> None:
        self.body = arrival.body
        self.content_type = arrival.content_type
        self.routing_key = arrival.routing_key
        self.user_id = arrival.user_id
        self._arrival = arrival
        self._origin = origin
        self._valve: Valve | None = valve
        headers = arrival.headers
        self._size = len(arrival.body) + (size_of(headers) if headers else 0)
        valve.take(self._size)

    def __del__(self) -> None:
        """Nobody has it any more: what was dropped without an ack does not count either."""
        self._let_go()

    def __repr__(self) -> str:
        return f"RabbitDelivery({self.queue!r}, tag={self._arrival.tag}, is_live={self.is_live})"

    @property
    def queue(self) -> str:
        return self._origin.queue

    @property
    def headers(self) -> Mapping[str, object]:
        headers = self._arrival.headers
        if DELIVERY_COUNT in headers:
            return {name: value for name, value in headers.items() if name != DELIVERY_COUNT}
        return headers

    @property
    def delivery_count(self) -> int:
        """The broker writes it over a sender's own, but only when it delivers again."""
        if not self._arrival.is_redelivered:
            return 0
        count = self._arrival.headers.get(DELIVERY_COUNT, 0)
        return count if isinstance(count, int) else 0

    @property
    def is_live(self) -> bool:
        return self._origin.is_live

    def ack(self) -> None:
        self._origin.ack(self._arrival.tag)
        self._let_go()

    def _let_go(self) -> None:
        valve, self._valve = self._valve, None
        if valve is not None:
            valve.give(self._size)


def size_of(value: object) -> int:
    """Bytes in memory of a header's value, or of a table of them: many times what came in, where fields are small.

    The nesting was bounded as it was read.
    """
    size = getsizeof(value)
    if isinstance(value, dict):
        size += sum(map(getsizeof, value)) + sum(map(size_of, value.values()))
    elif isinstance(value, list):
        size += sum(map(size_of, value))
    return size
