"""The frames of a message to publish, written in one go.

Through aiormq each message of a batch is a future, a time-out, a lock, and a write of its own: 80 µs. Here it is bytes.

Frames and their fields: AMQP 0-9-1, sections 4.2.3 and 4.2.6; https://www.rabbitmq.com/amqp-0-9-1-protocol.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pamqp import encode

from adapters.ports.broker import Outgoing

AROUND: Final = 8
"""Bytes of a frame around its payload: seven before it, one behind."""

_METHOD, _HEADER, _BODY = 1, 2, 3
_FRAME: Final = Struct(">BHI")
_END: Final = b"\xce"
_PUBLISH: Final = b"\x00\x3c\x00\x28\x00\x00"
"""Class 60, method 40: basic.publish; and a ticket that nobody reads."""
_MANDATORY: Final = b"\x01"
_CONTENT: Final = Struct(">HHQH")
"""Class, weight, size of the body, flags."""
_BASIC: Final = 60
_FLAGS: Final = 1 << 15 | 1 << 13 | 1 << 12 | 1 << 7 | 1 << 4
"""Content type, headers, delivery mode, message id, and user id; the values come in this order."""
_TRANSIENT, _PERSISTENT = b"\x01", b"\x02"
_LONGEST: Final = 255


def framed(message: Outgoing, channel: int, user: bytes, frame_max: int) -> bytes:
    """A message as it is published on `channel`, mandatory. Raises `ValueError` if a part of it is too long.

    `user` is a short text already: it is the same for all.
    """
    method = b"".join((_PUBLISH, short_text(message.exchange), short_text(message.routing_key), _MANDATORY))
    body = message.body
    header = b"".join(
        (
            _CONTENT.pack(_BASIC, 0, len(body), _FLAGS),
            short_text(message.content_type),
            encode.field_table(dict(message.headers)),
            _PERSISTENT if message.persistent else _TRANSIENT,
            short_text(message.message_id),
            user,
        )
    )
    room = frame_max - AROUND
    parts = [(_BODY, body[at : at + room]) for at in range(0, len(body), room)]
    return b"".join(
        piece
        for kind, payload in ((_METHOD, method), (_HEADER, header), *parts)
        for piece in (_FRAME.pack(kind, channel, len(payload)), payload, _END)
    )


def short_text(text: str) -> bytes:
    """A text behind its length. Raises `ValueError` beyond 255 bytes."""
    value = text.encode()
    if len(value) > _LONGEST:
        raise ValueError(f"{text[:40]}… is longer than {_LONGEST} bytes")
    return bytes((len(value),)) + value
