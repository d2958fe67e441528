"""What is told of errors, to people and to the store."""

from __future__ import annotations

from typing import Final

MOST: Final = 4000


def note_of(error: Exception) -> str:
    """What an error says, as a note that can be kept: without control characters."""
    return "".join(filter(str.isprintable, str(error)))[:MOST]
