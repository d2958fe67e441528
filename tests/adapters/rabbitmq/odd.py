"""Bytes of AMQP properties as only a careless or a hostile publisher writes them, and how to publish them."""

from __future__ import annotations

import struct
from typing import Final

from aiormq import spec

CONTENT_TYPE: Final = spec.Basic.Properties.flags["content_type"]
HEADERS: Final = spec.Basic.Properties.flags["headers"]
MESSAGE_ID: Final = spec.Basic.Properties.flags["message_id"]
TIMESTAMP: Final = spec.Basic.Properties.flags["timestamp"]
USER_ID: Final = spec.Basic.Properties.flags["user_id"]


class RawProperties(spec.Basic.Properties):
    """Properties that are sent as these bytes, whatever they mean."""

    def __init__(self, flags: int, values: bytes) -> None:
        super().__init__(message_id="of no consequence", delivery_mode=2)
        self._raw = struct.pack(">H", flags) + values

    def marshal(self) -> bytes:
        return self._raw


class RawText(str):
    """A text that is sent as Latin-1, so that it is no UTF-8."""

    __slots__ = ()

    def encode(self, encoding: str = "", errors: str = "") -> bytes:
        return bytes(self, "latin-1")


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def counted(values: bytes) -> bytes:
    return struct.pack(">I", len(values)) + values


def text_field(name: bytes, text: bytes) -> bytes:
    return short(name) + b"S" + counted(text)


def nested_tables(depth: int) -> bytes:
    fields = b""
    for _ in range(depth):
        fields = short(b"in") + b"F" + counted(fields)
    return fields


def nested_arrays(depth: int) -> bytes:
    value = b""
    for _ in range(depth):
        value = b"A" + counted(value)
    return short(b"in") + value
