"""A small system with records that change: stamped when a transaction begins, seen when it commits, read by keyset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from adapters.ports.changes import Change, Fact, FeedUnavailable, Page, Version

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stamped:
    """A record as it stands."""

    id: str
    number: int
    at: datetime

    @property
    def version(self) -> Version:
        return Version(self.id, str(self.number))


@dataclass(slots=True)
class Vendor:
    """The system. `seconds` is true time; its own clock is off by `offset`."""

    seconds: float = 0.0
    offset: float = 0.0
    records: dict[str, Stamped] = field(default_factory=dict)
    open: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    """Records that a transaction has locked, its stamp, and when it began by true time."""
    is_up: bool = True

    @property
    def clock(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds + self.offset)

    def change(self, id: str) -> None:
        """Write a record at once; nothing if a transaction has it locked."""
        if id not in self.open:
            self.begin(id)
            self.commit(id)

    def begin(self, id: str) -> None:
        """Write a record in a transaction that stays open."""
        self.open.setdefault(id, (self.clock, self.seconds))

    def commit(self, id: str) -> None:
        """The record is seen, with the stamp of its transaction's begin."""
        at, _ = self.open.pop(id)
        number = self.records[id].number + 1 if id in self.records else 1
        self.records[id] = Stamped(id, number, at)


def facts_of(record: Stamped) -> tuple[Fact, ...]:
    """What a record means: that of the id `two` two facts; the subject is the part of the id before a dot."""
    data = orjson.dumps({"record": record.id, "number": record.number})
    subject = record.id.partition(".")[0]
    deal = Fact("project.opportunity_won.v1", subject, record.at, data)
    customer = Fact("customer.upserted.v1", f"C-{subject}", record.at, data)
    return (customer, deal) if record.id == "two" else (deal,)


class VendorFeed:
    """Port `Feed`."""

    def __init__(
        self, vendor: Vendor, *, page: int = 2, facts: Callable[[Stamped], tuple[Fact, ...]] = facts_of
    ) -> None:
        self._vendor = vendor
        self._page = page
        self._facts = facts

    @property
    def record(self) -> str:
        return "deal"

    async def now(self) -> datetime:
        self._expect_up()
        return self._vendor.clock

    async def page(self, since: datetime | None, until: datetime, start: str | None) -> Page:
        self._expect_up()
        place = ("", "") if start is None else tuple(start.split(" "))
        rows = sorted(
            (record.at.isoformat(timespec="microseconds"), record.id, record)
            for record in self._vendor.records.values()
            if (since is None or record.at >= since) and record.at <= until
        )
        left = [row for row in rows if row[:2] > place]
        page = left[: self._page]
        changes = tuple(Change(record.version, self._facts(record)) for _, _, record in page)
        return Page(changes, " ".join(page[-1][:2]) if len(left) > len(page) else None)

    async def close(self) -> None:
        """Nothing to close."""

    def _expect_up(self) -> None:
        if not self._vendor.is_up:
            raise FeedUnavailable("the vendor does not answer")
