"""How long a system asks us to wait, without our clock having a say."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_to_wait(retry_after: str | None, date: str | None, cap: float) -> float | None:
    """Seconds that a Retry-After header (RFC 9110 section 10.2.3) asks for, between 0 and `cap`.

    A date counts from the answer's own Date header, so that no two clocks are compared; without one the answer is
    `cap`. None if the header is absent or malformed.
    """
    if retry_after is None:
        return None
    value = retry_after.strip()
    if value.isascii() and value.isdigit():
        return min(float(value), cap)
    until = moment(value)
    if until is None:
        return None
    now = None if date is None else moment(date)
    return cap if now is None else min(max((until - now).total_seconds(), 0.0), cap)


def moment(value: str) -> datetime | None:
    """The moment that an HTTP date names (RFC 9110 section 5.6.7); None if it is none."""
    try:
        found = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
