"""The books of a Tryton ERP, page by page: the time that it is to bill, then the invoices that it has posted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final, Protocol

from adapters.ports.postings import PostingsPage, PostingsUnavailable, PostingsUnreadable
from adapters.tryton.booked_time import BookedTime
from adapters.tryton.failures import Failed
from adapters.tryton.posted_invoices import PostedInvoices
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.system import Tryton
from schemas.commands import Deferred
from schemas.standing import Standing
from schemas.verdicts import FailureClass

PAGE: Final = 200
"""Records of one page."""
TIME: Final = "time"
INVOICES: Final = "invoices"


class Entries(Protocol):
    """One kind of record."""

    async def page(self, first: date, last: date, after: int, limit: int) -> tuple[list[Standing], int | None]: ...


class TrytonBooks(Tryton):
    """A `Tryton` that is asked to book time, or whose invoices are read: so much of its books is ours to compare."""

    def __init__(self, settings: TrytonSettings, *, reads: Collection[str] = ()) -> None:
        super().__init__(settings, reads=reads)
        kinds: dict[str, Entries] = {}
        if "billable.post" in settings.operations:
            kinds[TIME] = BookedTime(self._client, self._companies, settings.round_to_even)
        if INVOICES in reads:
            kinds[INVOICES] = PostedInvoices(self._client, self._companies, settings.name)
        self._kinds = kinds

    async def postings(self, first: date, last: date, start: str | None) -> PostingsPage:
        """A page of what stands; raises `PostingsUnavailable` and `PostingsUnreadable`.

        A page begins behind a record's number, so that those who come and go meanwhile move no other.
        """
        names = list(self._kinds)
        name, _, after = (start or f"{names[0]}/0").partition("/")
        if name not in names:
            raise PostingsUnreadable(f"{name} of {self.name} is not read any more: begin another reconciliation")
        try:
            standings, furthest = await self._kinds[name].page(first, last, int(after), PAGE)
        except Failed as failed:
            raise _unread(self.name, failed) from failed
        then = next((f"{each}/0" for each in names[names.index(name) + 1 :]), None)
        return PostingsPage(tuple(standings), then if furthest is None else f"{name}/{furthest}")


def _unread(system: str, failed: Failed) -> PostingsUnavailable | PostingsUnreadable:
    """Whether the page may be asked for again, or a person must change something first."""
    failure = failed.outcome.failure
    text = f"{system}: {failure.reason}"
    passes = isinstance(failed.outcome, Deferred) and failure.failure_class is not FailureClass.INTERNAL
    return PostingsUnavailable(text) if passes else PostingsUnreadable(text)
