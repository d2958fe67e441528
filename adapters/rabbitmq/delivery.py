"""One message as RabbitMQ handed it over, with the channel that it came on."""

from __future__ import annotations

from collections.abc import Mapping
from sys import getsizeof
from typing import Final, Protocol

from aiormq.abc import DeliveredMessage

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
    """A `Delivery`; reads the frame only when asked. Not a dataclass: one is made per message."""

    __slots__ = ("_message", "_origin", "_size", "_tag", "_valve")

    def __init__(self, message: DeliveredMessage, origin: Origin, tag: int, valve: Valve) -> None:
        self._message = message
        self._origin = origin
        self._tag = tag
        self._valve: Valve | None = valve
        headers = message.header.properties.headers
        self._size = len(message.body) + (size_of(headers) if headers else 0)
        valve.take(self._size)

    def __del__(self) -> None:
        """Nobody has it any more: what was dropped without an ack does not count either."""
        self._let_go()

    def __repr__(self) -> str:
        return f"RabbitDelivery({self.queue!r}, tag={self._tag}, is_live={self.is_live})"

    @property
    def queue(self) -> str:
        return self._origin.queue

    @property
    def body(self) -> bytes:
        return self._message.body

    @property
    def content_type(self) -> str | None:
        return self._message.header.properties.content_type

    @property
    def headers(self) -> Mapping[str, object]:
        headers = self._message.header.properties.headers or {}
        if DELIVERY_COUNT in headers:
            return {name: value for name, value in headers.items() if name != DELIVERY_COUNT}
        return headers

    @property
    def delivery_count(self) -> int:
        """The broker writes it over a sender's own, but only when it delivers again."""
        if not self._message.redelivered:
            return 0
        count = (self._message.header.properties.headers or {}).get(DELIVERY_COUNT, 0)
        return count if isinstance(count, int) else 0

    @property
    def user_id(self) -> str | None:
        return self._message.header.properties.user_id

    @property
    def routing_key(self) -> str:
        return self._message.routing_key or ""

    @property
    def is_live(self) -> bool:
        return self._origin.is_live

    def ack(self) -> None:
        self._origin.ack(self._tag)
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
