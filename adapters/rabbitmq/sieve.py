"""The sieve: takes deliveries, and answers to what was published, out of what a connection reads; aiormq gets the rest.

aiormq spends eight times as long on a delivery as its bytes need: each of its three frames passes two tasks and a
queue, and the message a third task. Here they are read where they arrive, in order, and handed over.

Frames and their fields: AMQP 0-9-1, sections 4.2.3 and 4.2.6; https://www.rabbitmq.com/amqp-0-9-1-protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple, Protocol

from adapters.rabbitmq.confirms import Confirms
from adapters.rabbitmq.tolerance import read_short_text, read_table

HEARTBEAT: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"
"""A frame that tells aiormq that the connection lives; the broker sends none of its own while it delivers."""

_METHOD, _HEADER, _BODY = 1, 2, 3
_KINDS: Final = frozenset({_METHOD, _HEADER, _BODY, 8})
_END: Final = 0xCE
_AROUND: Final = 8
"""Bytes of a frame around its payload: seven before it, one behind."""

_FRAME: Final = Struct(">BHI")
_DELIVER: Final = b"\x00\x3c\x00\x3c"
"""Class 60, method 60: basic.deliver."""
_TAG: Final = Struct(">QB")
_CONTENT: Final = Struct(">HHQH")
"""Class, weight, size of the body, flags."""

_WIDTHS: Final = ((15, 0), (14, 0), (13, -1), (12, 1), (11, 1), (10, 0), (9, 0), (8, 0), (7, 0), (6, 8), (5, 0), (4, 0))
"""Properties up to the user id, by flag: bytes of a value; 0: a short text; -1: a table."""
_CONTENT_TYPE, _USER_ID = 15, 4


class Arrival(NamedTuple):
    """One message as it arrived."""

    tag: int
    is_redelivered: bool
    routing_key: str
    content_type: str | None
    headers: Mapping[str, object]
    user_id: str | None
    body: bytes


class Taker(Protocol):
    """Who takes the deliveries of a channel; neither method raises."""

    def arrived(self, arrival: Arrival) -> None:
        """A message has come."""
        ...

    def lost(self) -> None:
        """The connection is gone."""
        ...


@dataclass(slots=True)
class _Content:
    """A delivery whose header and body are still to come."""

    tag: int
    is_redelivered: bool
    routing_key: str
    size: int = -1
    properties: tuple[str | None, Mapping[str, object], str | None] = (None, {}, None)
    parts: list[bytes] = field(default_factory=list)


class Sieve:
    """The deliveries of one connection. `sift` is given its bytes as they come, in pieces of any size."""

    def __init__(self) -> None:
        self._takers: dict[int, Taker | None] = {}
        """By channel; None: its taker has left, and what still comes is dropped."""
        self._confirms: dict[int, Confirms] = {}
        """By channel."""
        self._open: dict[int, _Content] = {}
        self._rest = b""
        self._is_through = False

    def enter(self, channel: int, taker: Taker) -> None:
        """From now on hand the deliveries of `channel` to `taker`. Call it before consuming."""
        self._takers[channel] = taker

    def leave(self, channel: int, taker: Taker) -> None:
        """Drop what still comes on `channel`, unless it has another taker by now."""
        if self._takers.get(channel) is taker:
            self._takers[channel] = None

    def confirm(self, channel: int, confirms: Confirms) -> None:
        """From now on hand the answers on `channel` to `confirms`. Call it before publishing."""
        self._confirms[channel] = confirms

    @property
    def is_in_use(self) -> bool:
        """Whether a channel was ever entered, and so the connection is open."""
        return bool(self._takers or self._confirms)

    def end(self) -> None:
        """The connection is gone: its takers learn that at once."""
        for taker in tuple(self._takers.values()):
            if taker is not None:
                taker.lost()
        self._takers.clear()

    def sift(self, data: bytes) -> bytes:
        """Hand over the deliveries and answers in `data`; all else is returned, in order.

        Once something is not a frame, all is passed on: aiormq says what is wrong, and closes the connection.
        """
        if self._is_through:
            return data
        if self._rest:
            data = self._rest + data
        others: list[bytes] = []
        at = begin = 0
        while len(data) - at >= _AROUND:
            kind, channel, length = _FRAME.unpack_from(data, at)
            end = at + _AROUND + length
            if kind not in _KINDS or (end <= len(data) and data[end - 1] != _END):
                self._is_through = True
                end = len(data)
            elif end > len(data):
                break
            elif self._takes(kind, channel, data[at + _AROUND - 1 : end - 1]):
                if begin < at:
                    others.append(data[begin:at])
                begin = end
            at = end
        if begin < at:
            others.append(data[begin:at])
        self._rest = data[at:]
        return b"".join(others)

    def _takes(self, kind: int, channel: int, payload: bytes) -> bool:
        """Whether a frame is of a delivery that somebody takes, or an answer; one that is complete is handed over."""
        if channel in self._confirms:
            return self._confirms[channel].takes(kind, payload)
        content = self._open.get(channel)
        if content is None:
            if kind != _METHOD or channel not in self._takers or payload[:4] != _DELIVER:
                return False
            self._open[channel] = _opened(payload)
            return True
        if kind == _HEADER:
            content.size, content.properties = _read_header(payload)
        elif kind == _BODY:
            content.parts.append(payload)
            content.size -= len(payload)
        else:
            return False
        if content.size < 0:
            raise ValueError("a body is longer than its header says")
        if content.size == 0:
            del self._open[channel]
            taker = self._takers.get(channel)
            if taker is not None:
                parts = content.parts
                body = parts[0] if len(parts) == 1 else b"".join(parts)
                taker.arrived(
                    Arrival(content.tag, content.is_redelivered, content.routing_key, *content.properties, body=body)
                )
        return True


def _opened(payload: bytes) -> _Content:
    """What basic.deliver says: consumer tag, delivery tag, redelivered, exchange, routing key."""
    at = 5 + payload[4]
    tag, bits = _TAG.unpack_from(payload, at)
    at += 9
    at += 1 + payload[at]
    _, routing_key = read_short_text(payload[at:])
    return _Content(tag, bool(bits & 1), routing_key)


def _read_header(payload: bytes) -> tuple[int, tuple[str | None, Mapping[str, object], str | None]]:
    """Size of the body, and content type, headers, and user id. The first word of flags counts for all, as there."""
    _, _, size, flags = _CONTENT.unpack_from(payload)
    at = _CONTENT.size
    content_type: str | None = None
    user_id: str | None = None
    headers: Mapping[str, object] = {}
    for bit, width in _WIDTHS:
        if not flags >> bit & 1:
            continue
        if width > 0:
            at += width
        elif width == 0:
            end = at + 1 + payload[at]
            if bit == _CONTENT_TYPE:
                _, content_type = read_short_text(payload[at:end])
            elif bit == _USER_ID:
                _, user_id = read_short_text(payload[at:end])
            at = end
        else:
            used, headers = read_table(payload[at:])
            at += used
    return size, (content_type, headers, user_id)
