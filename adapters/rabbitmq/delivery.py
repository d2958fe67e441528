"""One message as RabbitMQ handed it over, with the channel that it came on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aiormq.abc import DeliveredMessage


class Origin(Protocol):
    """The life of a channel, as a delivery knows it."""

    @property
    def queue(self) -> str: ...
    @property
    def is_live(self) -> bool: ...
    def ack(self, tag: int) -> None: ...


class RabbitDelivery:
    """A `Delivery`; reads the frame only when asked. Not a dataclass: one is made per message."""

    __slots__ = ("_message", "_origin", "_tag")

    def __init__(self, message: DeliveredMessage, origin: Origin, tag: int) -> None:
        self._message = message
        self._origin = origin
        self._tag = tag

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
        return self._message.header.properties.headers or {}

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
