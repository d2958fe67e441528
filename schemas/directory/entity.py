"""A directory as the gateway keeps it, version 1: the customers of a country whose names begin alike."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Entry(BaseModel):
    """A customer that is listed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str
    """As it is compared: without legal form, accents, and punctuation."""
    distinct_from: tuple[str, ...] = ()
    """Customers that a person has told apart from it."""


class Directory(BaseModel):
    """Who is listed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    entries: dict[str, Entry] = {}
    """Customer -> its entry."""
    told: int = 0
    """How many customers were told that they resemble others; part of each command's identity."""
