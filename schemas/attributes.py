"""The context attributes of CloudEvents 1.0, checked one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Final, TypeGuard

from schemas.envelope import Undecodable
from schemas.refusals import refused
from schemas.values import ID_BYTES, MOMENT_PATTERN

NAMES: Final = (
    "specversion",
    "type",
    "source",
    "id",
    "subject",
    "time",
    "sequence",
    "correlationid",
    "causationid",
    "traceparent",
)
"""The attributes that we read. All others are extensions of somebody else, and are ignored."""

SEQUENCE_MAX: Final = 2**63 - 1

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MOMENT: Final = re.compile(MOMENT_PATTERN)
_SEQUENCE: Final = re.compile(r"[0-9]{1,30}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def required(attributes: Mapping[str, object], name: str, meaning: str) -> str:
    """An id that must be there. Raises `Undecodable`, with `meaning` in the reason."""
    value = attributes.get(name)
    if value is None:
        raise refused(f"{name}_missing", f"{name} is missing; set it to {meaning}", name)
    if not _is_id(value):
        raise _not_an_id(name)
    return value


def optional(attributes: Mapping[str, object], name: str) -> str | None:
    """An id that may be there. Raises `Undecodable`."""
    value = attributes.get(name)
    if value is None:
        return None
    if not _is_id(value):
        raise _not_an_id(name)
    return value


def known(attributes: Mapping[str, object], name: str) -> str | None:
    """The value if it is a well-formed id, to say which message was refused."""
    value = attributes.get(name)
    return value if _is_id(value) else None


def _is_id(value: object) -> TypeGuard[str]:
    if not isinstance(value, str) or not 0 < len(value) <= ID_BYTES:
        return False
    if value.isascii():
        return value.isprintable()
    return _CONTROL.search(value) is None and _fits(value)


def _fits(text: str) -> bool:
    try:
        return len(text.encode()) <= ID_BYTES
    except UnicodeEncodeError:
        return False


def _not_an_id(name: str) -> Undecodable:
    return refused(f"{name}_invalid", f"{name}: write it as a text of 1 to 200 bytes without control characters", name)


def time(attributes: Mapping[str, object]) -> datetime | None:
    """When it happened, as the source says: RFC 3339 with a time zone. Raises `Undecodable`."""
    value = attributes.get("time")
    if value is None:
        return None
    moment = _moment(value) if isinstance(value, str) else None
    if moment is None:
        reason = 'time: write an existing moment with its time zone such as "2026-01-31T17:30:00Z"'
        raise refused("time_invalid", reason, "time")
    return moment


def _moment(text: str) -> datetime | None:
    if _MOMENT.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    # In the first and the last year the same moment may have no name in another time zone.
    return moment if MINYEAR < moment.year < MAXYEAR else None


def sequence(attributes: Mapping[str, object]) -> int | None:
    """The number of the event within its subject: a whole number, or its digits, zeros in front allowed.

    Raises `Undecodable`.
    """
    value = attributes.get("sequence")
    if value is None:
        return None
    if isinstance(value, str) and _SEQUENCE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= SEQUENCE_MAX:
        reason = f"sequence: number the events of a subject from 1 to {SEQUENCE_MAX}, or leave it out"
        raise refused("sequence_invalid", reason, "sequence")
    return value


def traceparent(attributes: Mapping[str, object]) -> str | None:
    """The trace context; None too where it is malformed, since a trace never decides on an event (W3C, section 4.3)."""
    value = attributes.get("traceparent")
    return value if isinstance(value, str) and _TRACEPARENT.fullmatch(value) else None
