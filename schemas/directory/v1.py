"""Version 1 of what customers tell the directory of their names. All of it comes from inside; `to` is the directory."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.record import Record
from schemas.values import Id, Name


class Listed(Record):
    """A customer goes by this name, or has another one now."""

    to: Id
    """The directory: country and first letters, as in `DE/shi`."""
    customer: Id
    name: Name
    """Without legal form, accents, and punctuation."""
    distinct_from: Annotated[tuple[Id, ...], Field(strict=False, max_length=100)] = ()
    """Customers that a person has told apart from it."""


class Unlisted(Record):
    """A customer is not to be found here any more: it was merged, or its name begins otherwise."""

    to: Id
    customer: Id
