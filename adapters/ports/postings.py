"""Port to a system's books: what it says stands in them, of some days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol, runtime_checkable

from schemas.standing import Standing


class PostingsUnavailable(RuntimeError):
    """The system did not answer, or asks us to come back; the text says which. The same page may be asked for again."""


class PostingsUnreadable(RuntimeError):
    """What it answered cannot be read, or it lets us not in; the text says what a person must change."""


@dataclass(frozen=True, slots=True)
class PostingsPage:
    """Entries, each with its `external_id`. `next`: where the next page begins, None after the last."""

    standings: tuple[Standing, ...]
    next: str | None


@runtime_checkable
class Postings(Protocol):
    """A system whose books can be read. One that has no such verb cannot be reconciled."""

    async def postings(self, first: date, last: date, start: str | None) -> PostingsPage:
        """A page of what stands now of the days from `first` to `last`: what was reversed or deleted is left out.

        An entry that stands from the first page to the last is in one of them, though others come and go meanwhile.
        Bounded in time. Raises `PostingsUnavailable` and `PostingsUnreadable`.
        """
        ...
