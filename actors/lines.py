"""Names of commands that bring a system to a state, once and again."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from schemas.record import Record

DIGITS: Final = 8
"""Of a content's digest; it has to differ from one other content only, that of the same number before a restore."""


def numbered(name: str, number: int, body: Record) -> str:
    """The line of a state, `<name>.<number>.<digest>`: a restored database may count to the same number with another.

    The system would take that for the state it has already, and keep the former one.
    """
    return f"{name}.{number}.{content(body)}"


def content(body: Record) -> str:
    """Digest of a content."""
    return sha256(body.to_json()).hexdigest()[:DIGITS]


def digest_after(trail: str, body: Record) -> str:
    """Digest of a content and of all that was sent before it.

    A restored database may send other states than were sent in the lost time, and then one of these again: the system
    would take that one for what it has already, and keep the state before it.
    """
    return sha256(trail.encode() + body.to_json()).hexdigest()[:DIGITS]


def number_of(line: str) -> int:
    """The number in a line that `numbered` made."""
    return int(line.rsplit(".", 2)[1])


def name_of(line: str) -> str:
    """The name in a line that `numbered` made."""
    return line.rsplit(".", 2)[0]
