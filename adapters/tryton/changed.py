"""Records of one model that changed in a window of time, page by page: what all feeds of a Tryton have in common."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from adapters.ports.changes import Change, Fact, FeedUnavailable, Version
from adapters.tryton.client import Client
from adapters.tryton.failures import Failed
from adapters.tryton.rows import Row

PAGE: Final = 50
DIGITS: Final = 12
STAMPS: Final = ("write_date", "_timestamp")
"""What a feed must ask for beside its own fields."""


class Changed:
    """Records of `model`. A page begins behind the last record's (time, number), so that none is passed over.

    `times` are the fields with the times of all that is told of a record. Calls raise `Failed`.
    """

    def __init__(self, client: Client, model: str, fields: Sequence[str], times: Sequence[str]) -> None:
        self._client = client
        self._model = model
        self._fields = (*STAMPS, *fields)
        self._times = times

    async def now(self) -> datetime:
        """The server's clock, in whole seconds; raises `FeedUnavailable`."""
        try:
            await self._client.version()
        except Failed as failed:
            raise unavailable(failed) from failed
        clock = self._client.clock
        if clock is None:
            raise FeedUnavailable("Tryton's answers carry no Date: put a server in front that sets it")
        return clock

    async def page(
        self, where: Sequence[object], since: datetime | None, until: datetime, start: str | None
    ) -> list[Row]:
        """A page of what is `where` and changed from `since` to `until`; `start` is what `following` said of the last.

        A record that a feed tells must have been written once: one that was only made has no time of change.
        """
        domain: list[object] = [*where, ["write_date", "<=", _naive(until)]]
        if since is not None:
            at_least = _naive(since)
            domain.append(["OR", *([field, ">=", at_least] for field in self._times)])
        if start is not None:
            moment, _, id = start.partition(" ")
            at = datetime.fromisoformat(moment)
            domain.append(["OR", ["write_date", ">", at], [["write_date", "=", at], ["id", ">", int(id)]]])
        order = (("write_date", "ASC"), ("id", "ASC"))
        return await self._client.find(self._model, domain, self._fields, limit=PAGE, order=order)


def following(rows: Sequence[Row]) -> str | None:
    """Where the next page begins; None after the last."""
    return f"{_naive(changed_at(rows[-1])).isoformat()} {rows[-1].id}" if len(rows) == PAGE else None


def changed_at(row: Row) -> datetime:
    """When the record was changed."""
    return row.moment("write_date") or datetime.min.replace(tzinfo=UTC)


def change_of(row: Row, facts: tuple[Fact, ...]) -> Change:
    """The record with what it means, which is made of other records too: these change without its time."""
    digest = sha256(b"\n".join(fact.data for fact in facts)).hexdigest()[:DIGITS]
    return Change(Version(str(row.id), f"{row.timestamp}-{digest}"), facts)


def by(rows: Iterable[Row], field: str) -> defaultdict[int, list[Row]]:
    """Records by the one that they refer to."""
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.number(field) or 0].append(row)
    return found


def unavailable(failed: Failed) -> FeedUnavailable:
    """What keeps a feed from its next page."""
    return FeedUnavailable(f"{failed.outcome.failure.code}: {failed.outcome.failure.reason}")


def _naive(moment: datetime) -> datetime:
    """The moment as Tryton keeps it: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
