"""Reading what publishers put into a message's properties, so that no value of theirs can end our connection.

RabbitMQ passes on what pamqp cannot read: moments beyond the year 9999, texts that are not UTF-8, tables nested without
bound. pamqp raises, aiormq closes the connection with all its queues, and the message comes again for ever. So the
three decoders that raise for a value, and not for a broken frame, are replaced. What is cut short still raises.
And the broker takes the first word of flags for all of them, where pamqp reads on if that word's last bit says so, and
then reads every value too late: not what the broker checked, the user id included.

Types of values: https://www.rabbitmq.com/amqp-0-9-1-errata.html, section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pamqp import decode
from pamqp.header import ContentHeader

DEPTH: Final = 16
"""Tables and arrays inside each other that are read. The broker's own headers, such as x-death, nest 3 deep."""

_PREFIX: Final = 4
"""Bytes of the length in front of a text, a table, or an array."""

_FLAGS: Final = 2
"""Bytes of the flags that say which properties are there."""

_COUNTED: Final = frozenset(b"SxAF")
_WIDTHS: Final = dict(zip(b"tbBsuIilLfdDTV\0", (1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 5, 8, 0, 0), strict=True))
_DECODERS: Final = {kind[0]: read for kind, read in decode.TABLE_MAPPING.items()}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands in a delivery for a value that cannot be read. Equal to no value that a publisher can send."""

    reason: str


class _BrokenTable(ValueError):
    """What follows in this table cannot be read, since nobody knows where the next value begins."""


def tolerate_odd_values() -> None:
    """Make pamqp read what RabbitMQ passes on, in the whole process; again does nothing.

    aiormq offers no place for a decoder of one's own, and pamqp looks its decoders up there at every frame.
    """
    decode.METHODS.update(
        {"shortstr": read_short_text, "table": read_table, "timestamp": read_timestamp}  # type: ignore[dict-item]  # pamqp's types know no Unreadable
    )
    ContentHeader._get_flags = staticmethod(read_flags)  # type: ignore[method-assign, assignment]  # noqa: SLF001 - as above


def read_flags(value: bytes) -> tuple[int, int]:
    """Bytes used, and which properties follow: one word, as RabbitMQ reads it. Raises `ValueError` if cut short."""
    if len(value) < _FLAGS:
        raise ValueError("the flags are cut short")
    return _FLAGS, int.from_bytes(value[:_FLAGS])


def read_short_text(value: bytes) -> tuple[int, str]:
    """Bytes used, and the text; U+FFFD where it is not UTF-8. Raises `ValueError` if there is none."""
    try:
        return decode.short_str(value)
    except UnicodeDecodeError:
        end = 1 + value[0]
        return end, _text(value[1:end])


def read_timestamp(value: bytes) -> tuple[int, object]:
    """Bytes used, and the moment. Raises `ValueError` if it is cut short."""
    if len(value) < _WIDTHS[ord("T")]:
        raise ValueError("the timestamp is cut short")
    return _WIDTHS[ord("T")], _simple(ord("T"), value)


def read_table(value: bytes) -> tuple[int, dict[str, object]]:
    """Bytes used, and the table. Raises `ValueError` if it is cut short."""
    end = _PREFIX + int.from_bytes(value[:_PREFIX])
    if len(value) < max(end, _PREFIX):
        raise ValueError("the table is cut short")
    return end, _table(value, _PREFIX, end, DEPTH)


def _table(value: bytes, at: int, end: int, depth: int) -> dict[str, object]:
    """The table in value[at:end].

    Where it breaks off all of its values are given up: half of the attributes of an event must not pass for an event.
    """
    fields: dict[str, object] = {}
    while at < end:
        name_end = at + 1 + value[at]
        name = _text(value[at + 1 : min(name_end, end)])
        try:
            at, fields[name] = _field(value, name_end, end, depth)
        except _BrokenTable as broken:
            return dict.fromkeys([*fields, name], Unreadable(str(broken)))
    return fields


def _array(value: bytes, at: int, end: int, depth: int) -> list[object]:
    """The array in value[at:end]; given up as a table is."""
    fields: list[object] = []
    while at < end:
        try:
            at, field = _field(value, at, end, depth)
        except _BrokenTable as broken:
            return [Unreadable(str(broken))]
        fields.append(field)
    return fields


def _field(value: bytes, at: int, end: int, depth: int) -> tuple[int, object]:
    """Where the next field begins, and the value that stands at `at` behind its type. Raises `_BrokenTable`."""
    if at >= end:
        raise _BrokenTable("a field has no value")
    kind, begin = value[at], at + 1
    if kind in _COUNTED:
        begin += _PREFIX
        stop = begin + int.from_bytes(value[at + 1 : begin])
    elif kind in _WIDTHS:
        stop = begin + _WIDTHS[kind]
    else:
        raise _BrokenTable(f"a field is of the unknown type {kind:#04x}")
    if max(begin, stop) > end:
        raise _BrokenTable("a field is longer than its table")
    if kind not in b"AF":
        return stop, _simple(kind, value[at + 1 : stop])
    if depth <= 1:
        return stop, Unreadable(f"nested deeper than {DEPTH}")
    return stop, (_table if kind == ord("F") else _array)(value, begin, stop, depth - 1)


def _simple(kind: int, value: bytes) -> object:
    """What pamqp makes of the bytes, if it can."""
    try:
        return _DECODERS[kind](value)[1]
    except (ArithmeticError, OSError, ValueError) as error:
        return Unreadable(str(error))


def _text(value: bytes) -> str:
    return value.decode(errors="replace")
