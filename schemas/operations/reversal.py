"""How a command names what it takes back."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.rules import Rule

Reverses = Annotated[
    str,
    Field(min_length=1, max_length=2000),
    Rule("reference_invalid", "write the reference of the command that booked it"),
]
"""Our reference of the command that booked it: longer than an id, because it holds two of them, encoded."""
