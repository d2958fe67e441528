"""How a command names what it takes back."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from schemas.rules import Rule

MOST_REFERENCE: Final = 2000
"""Characters of a reference of ours: longer than an id, because it holds two of them, encoded."""

Reverses = Annotated[
    str,
    Field(min_length=1, max_length=MOST_REFERENCE),
    Rule("reference_invalid", "write the reference of the command that booked it"),
]
"""Our reference of the command that booked it."""
