"""The entries of a sandbox system's books: what stands of them, and what somebody changes there by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from adapters.sandbox.bodies import Amount, Body, BookedFields, Reference, ReversalFields, Text

SORTS: Final[Mapping[str, str]] = {
    "billable.post": "billable",
    "billable.reverse": "billable",
    "expense.post": "expense",
    "expense.reverse": "expense",
    "cost.post": "cost",
    "cost.reverse": "cost",
    "milestone.bill": "milestone",
    "invoice.post": "invoice",
}
"""Operation -> the sort of entry that it writes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `body` is the JSON that it was posted with, None of what was written by hand."""

    sort: str
    external_id: str
    reference: str | None
    legal_entity: str
    day: date
    amount: str | None
    currency: str | None
    account: str | None = None
    reverses: str | None = None
    body: str | None = None
    reverses_id: str | None = None


def entry_of(operation: str, body: Body, raw: bytes, external_id: str, reference: str, today: date) -> Entry | None:
    """What a posting writes into the books; None where it writes nothing there."""
    if operation not in SORTS or not isinstance(body, BookedFields):
        return None
    reverses, meant = (body.reverses, body.reverses_id) if isinstance(body, ReversalFields) else (None, None)
    return Entry(
        SORTS[operation], external_id, reference, body.legal_entity, body.day or today, body.amount, body.currency,
        body.account, reverses, raw.decode(), meant,
    )  # fmt: skip


def told(entry: Entry) -> Mapping[str, object]:
    """The entry as it is told to whoever reads the books."""
    body = None if entry.body is None else orjson.loads(entry.body)
    return {
        "sort": entry.sort, "external_id": entry.external_id, "reference": entry.reference,
        "legal_entity": entry.legal_entity, "day": entry.day, "amount": entry.amount, "currency": entry.currency,
        "account": entry.account, "body": body,
    }  # fmt: skip


class Page(BaseModel):
    """Which page of the books is asked for: up to `limit` entries of these days, behind number `after`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: date
    last: date
    after: int = Field(default=0, ge=0)
    limit: int = Field(default=200, ge=1, le=1000)


class _Hand(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Removal(_Hand):
    """Delete an entry; the deletion of a reversal lets stand again what it had taken back."""

    do: Literal["remove"]
    external_id: Text


class Change(_Hand):
    """Change what an entry says."""

    do: Literal["change"]
    external_id: Text
    legal_entity: Text | None = None
    day: date | None = None
    amount: Amount | None = None
    currency: Text | None = None
    account: Text | None = None


class Addition(_Hand):
    """Write an entry."""

    do: Literal["add"]
    sort: Literal["billable", "expense", "cost", "milestone", "invoice"]
    reference: Reference | None = None
    legal_entity: Text
    day: date
    amount: Amount
    currency: Text
    account: Text | None = None


class Copy(_Hand):
    """Write the same entry once more."""

    do: Literal["copy"]
    external_id: Text


Hand = Removal | Change | Addition | Copy
HANDS: Final = TypeAdapter(list[Annotated[Hand, Field(discriminator="do")]])


class UnknownEntry(LookupError):
    """There is no entry with this id."""


class Entries:
    """All that was written, in order. What is done by hand lasts for as long as this object."""

    def __init__(self) -> None:
        self._rows: dict[int, Entry] = {}
        self._numbers: dict[str, int] = {}
        self._by_reference: dict[str, list[int]] = {}
        self._takes_back: dict[int, int] = {}
        """Reversal -> entry."""
        self._taken_back: dict[int, int] = {}
        """Entry -> reversal."""
        self._last = 0

    def write(self, entry: Entry) -> None:
        """Write an entry; a reversal takes back one that stands under the reference that it names.

        That is the one whose id it names, else the likest one.
        """
        self._last += 1
        number = self._last
        self._rows[number] = entry
        self._numbers.setdefault(entry.external_id, number)
        if entry.reverses is None:
            self._by_reference.setdefault(entry.reference or "", []).append(number)
            return
        written = self._by_reference.get(entry.reverses, ())
        standing = [each for each in written if each in self._rows and each not in self._taken_back]
        if standing:
            likest = min(standing, key=lambda each: _unlikeness(entry, self._rows[each]))
            self._takes_back[number] = likest
            self._taken_back[likest] = number

    def page(self, first: date, last: date, after: int, limit: int) -> tuple[Sequence[Entry], int | None]:
        """Up to `limit` entries that stand of these days, behind number `after`, and where the next page begins."""
        found = [(number, entry) for number, entry in self._standing() if number > after and first <= entry.day <= last]
        shown = found[:limit]
        return [entry for _, entry in shown], shown[-1][0] if len(found) > limit else None

    def by_hand(self, hand: Hand) -> tuple[str, Entry | None]:
        """Do it; the id of the entry, and the entry if it was removed. Raises `UnknownEntry`."""
        match hand:
            case Addition():
                said = hand.model_dump(exclude={"do"})
                return self._written(Entry(external_id=f"H-{self._last + 1}", **said)), None
            case Copy():
                first = self._rows[self._number(hand.external_id)]
                return self._written(replace(first, external_id=f"H-{self._last + 1}")), None
            case Change():
                number = self._number(hand.external_id)
                said = hand.model_dump(exclude={"do", "external_id"}, exclude_none=True)
                self._rows[number] = replace(self._rows[number], **said)
                return hand.external_id, None
            case Removal():
                number = self._number(hand.external_id)
                if number in self._takes_back:
                    del self._taken_back[self._takes_back.pop(number)]
                del self._numbers[hand.external_id]
                return hand.external_id, self._rows.pop(number)

    def _written(self, entry: Entry) -> str:
        self.write(entry)
        return entry.external_id

    def _standing(self) -> Iterator[tuple[int, Entry]]:
        over = self._takes_back.keys() | self._taken_back.keys()
        return ((number, entry) for number, entry in self._rows.items() if number not in over)

    def _number(self, external_id: str) -> int:
        if external_id not in self._numbers:
            raise UnknownEntry(external_id)
        return self._numbers[external_id]


def _unlikeness(reversal: Entry, entry: Entry) -> tuple[bool, bool]:
    return reversal.reverses_id != entry.external_id, not _negates(reversal, entry)


def _negates(reversal: Entry, entry: Entry) -> bool:
    if reversal.amount is None or entry.amount is None:
        return reversal.amount is entry.amount
    return Decimal(reversal.amount) == -Decimal(entry.amount)
