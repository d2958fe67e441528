"""Version 1 of what is awaited. All of it comes from inside; `to` is the id of what is awaited."""

from __future__ import annotations

from schemas.record import Record
from schemas.values import Id


class Invoice(Record):
    """Something was told of an invoice that is neither issued nor posted yet."""

    to: Id
    """The invoice."""
