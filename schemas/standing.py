"""What stands in a system's books: one entry, told in the same words by the system and by what we hold of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from schemas.keys import ActorKey
from schemas.operations.reversal import MOST_REFERENCE
from schemas.values import ID_PATTERN

_ID: Final = re.compile(ID_PATTERN)

FOREIGN: Final = "~"
"""Begins the name of an entry that is not ours by its reference."""


class Sort(StrEnum):
    """The closed set of entries that are compared."""

    BILLABLE = "billable"
    EXPENSE = "expense"
    COST = "cost"
    MILESTONE = "milestone"
    INVOICE = "invoice"


_ENTITIES: Final = {
    Sort.BILLABLE: "timesheet",
    Sort.EXPENSE: "expense",
    Sort.COST: "timesheet",
    Sort.MILESTONE: "project",
    Sort.INVOICE: "invoice",
}
"""Whose entry it is where no reference says so."""

BOOKINGS: Final = {
    Sort.BILLABLE: "billable.post",
    Sort.EXPENSE: "expense.post",
    Sort.COST: "cost.post",
    Sort.MILESTONE: "milestone.bill",
    Sort.INVOICE: "invoice.post",
}
"""The operation that books one."""

BOOKERS: Final = frozenset(_ENTITIES.values())
"""The entities that have entries booked."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One entry. `reference` is ours where it has one, `external_id` the system's own id where it gave one.

    `amount` in `currency`, both None where the entry has hours alone. `account` is the revenue account or the cost
    centre, `open` what is still owed of an invoice; each None where the teller does not know it. `body` is the JSON of
    the operation that booked it, None where the teller cannot say it in our words. `key` is that of the state which
    holds it, None where a system tells it.
    """

    sort: Sort
    reference: str | None
    external_id: str | None
    legal_entity: str
    day: date
    amount: Decimal | None
    currency: str | None
    account: str | None = None
    open: Decimal | None = None
    body: bytes | None = None
    key: ActorKey | None = None

    @property
    def name(self) -> str:
        """By what both sides know it: our reference without its generation, else the system's own id."""
        return name_of(self.reference) or f"{FOREIGN}/{self.sort}/{self.external_id or ''}"

    @property
    def entity(self) -> str:
        """Whose entry it is."""
        key = key_of(self.name)
        return _ENTITIES[self.sort] if key is None else key.entity


def name_of(reference: str | None) -> str | None:
    """A reference of ours without its generation; None for what is no reference of an entry of ours.

    Ours are ASCII: ids are percent-encoded in them, and have no control characters.
    """
    if reference is None or not reference.isascii() or len(reference) > MOST_REFERENCE:
        return None
    entity, *rest = reference.split("/")
    if entity not in BOOKERS or len(rest) != 3 or not rest[2].isdigit():
        return None
    are_ids = all(_ID.match(unquote(part)) for part in rest[:2])
    return "/".join((entity, *rest[:2])) if are_ids else None


def key_of(name: str) -> ActorKey | None:
    """The key that an entry of this name belongs to; None where it is not ours."""
    parts = name.split("/")
    return None if parts[0] == FOREIGN else ActorKey(parts[0], unquote(parts[1]))


def line_of(name: str) -> str | None:
    """The line of the command that booked an entry of this name; None where it is not ours."""
    parts = name.split("/")
    return None if parts[0] == FOREIGN else unquote(parts[2])
