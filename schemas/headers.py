"""CloudEvents attributes among the headers of an AMQP 0-9-1 message in binary mode."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from schemas.attributes import NAMES
from schemas.parsing import Limits
from schemas.refusals import refused

PREFIXES: Final = ("ce-", "cloudEvents:", "cloudEvents_")
"""What marks an attribute: the CloudEvents binding for RabbitMQ, and the two spellings of the one for AMQP 1.0."""


def attributes_in(headers: Mapping[str, object], limits: Limits) -> dict[str, object]:
    """Our attributes as they would stand in structured mode; empty when no header is one.

    Only the names that we know are looked up: what else a sender puts into headers is neither read nor an error.
    Raises `Undecodable`.
    """
    if len(headers) > limits.headers:
        raise refused("too_many_headers", f"the message has {len(headers)} headers; send at most {limits.headers}")
    for prefix in PREFIXES:
        found = {name: _value(name, headers[prefix + name], limits) for name in NAMES if prefix + name in headers}
        if found:
            return found
    return {}


def _value(name: str, value: object, limits: Limits) -> object:
    """A header's value: AMQP clients hand over texts as str or bytes, and timestamps as datetime."""
    if isinstance(value, str | bytes | bytearray):
        if len(value) > limits.header_bytes:
            raise refused("header_too_long", f"{name}: send at most {limits.header_bytes} bytes in the header", name)
        return value if isinstance(value, str) else _text(name, value)
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, int) and not isinstance(value, bool):
        return _moment(value) if name == "time" else value
    raise refused("header_invalid", f"{name}: send the header as a text, not as a table or a list", name)


def _text(name: str, value: bytes | bytearray) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise refused("invalid_utf8", f"{name}: the header is not valid UTF-8; encode it as UTF-8", name) from error


def _moment(milliseconds: int) -> str:
    """A timestamp as the binding for AMQP 1.0 allows it: milliseconds since 1970."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
    except (OverflowError, ValueError, OSError) as error:
        reason = "time: the header is no timestamp of this age; send milliseconds since 1970, or an RFC 3339 text"
        raise refused("time_invalid", reason, "time") from error
