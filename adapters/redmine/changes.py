"""Time entries of Redmine that changed, read by a scan: its REST API can neither search nor sort them by their change.

(`TimeEntryQuery` of Redmine 5.0 has no such filter, and leaves filters and sort keys that it does not know out without
a word.) So each look lists all entries of work that is not older than some days, in the order in which they were made,
which never changes, and takes those that changed in the window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from adapters.ports.changes import Change, FeedUnavailable, Page
from adapters.redmine.answers import Answer
from adapters.redmine.client import Client
from adapters.redmine.errors import of_read
from adapters.redmine.records import OneProject, OneUser, Project, TimeEntries, TimeEntry
from adapters.redmine.settings import RedmineFeedSettings, RedmineSettings
from adapters.redmine.sheets import change_of, is_ours, tells

PAGE: Final = 100
"""Entries that one call lists; Redmine gives no more."""

SEAM: Final = 10
"""Entries of a page that the next one lists again."""

MARGIN: Final = timedelta(seconds=10)
"""How far our clock may be ahead of Redmine's where Redmine does not tell its own."""


class Seam(NamedTuple):
    """Where a page ended: the place of its last entries in the list, and their ids."""

    offset: int = 0
    ids: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> Seam:
        """The seam that `text` names; the beginning for None."""
        if text is None:
            return cls()
        offset, _, ids = text.partition(":")
        return cls(int(offset), tuple(int(number) for number in ids.split(",")))

    def __str__(self) -> str:
        return f"{self.offset}:{','.join(str(number) for number in self.ids)}"


@dataclass(frozen=True, slots=True)
class _Round:
    """What is read once in a round, and forgotten after it."""

    projects: dict[int, Project]
    logins: dict[int, str]


class TimeEntryFeed:
    """The approved time entries of one Redmine, as timesheets. `clock` stands in where Redmine does not tell its time.

    Paging by offset would skip entries when others vanish from the list meanwhile. So a page begins with the last
    entries of the one before it: as long as one of these is there, all behind it is new and nothing is missing, for
    nothing moves in this order. Where none is there, the page goes back until it meets one, or to the beginning. What
    is listed twice has the same version.

    A scan costs a call per 90 entries. Deleted entries, those that lost their value of the approval field, and changes
    of work older than `days` before the window are not seen.
    """

    def __init__(self, settings: RedmineSettings, feed: RedmineFeedSettings, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._feed = feed
        self._clock = clock
        self._client = Client(settings)
        self._round = _Round({}, {})

    @property
    def record(self) -> str:
        """The vendor's name of the kind of record."""
        return "time_entry"

    async def now(self) -> datetime:
        """Redmine's clock, by the Date header of its web server; where there is none, ours less `MARGIN`.

        A second that is not over must never be taken for settled: what changes in it again keeps its stamp. A clock
        that is too late costs only time.
        """
        reply = await self._client.get("/users/current.json")
        if not isinstance(reply, Answer) or reply.status != 200:
            raise FeedUnavailable(of_read(reply).failure.reason)
        return reply.date or self._clock() - MARGIN

    async def page(self, since: datetime | None, until: datetime, start: str | None) -> Page:
        """A page of what changed from `since` (None: from the beginning) to `until`, by whole seconds; may be empty."""
        stranger = await self._client.unknown_here()
        if stranger is not None:
            raise FeedUnavailable(stranger.failure.reason)
        if start is None:
            self._round = _Round({}, {})
        fresh, following = await self._after(Seam.parse(start), since)
        first = None if since is None else since.replace(microsecond=0)
        changed = [
            entry
            for entry in fresh
            if (first is None or first <= entry.updated_on)
            and entry.updated_on <= until
            and tells(entry, self._settings.fields, self._feed)
        ]
        found = [await self._change(entry) for entry in sorted(changed, key=lambda each: (each.updated_on, each.id))]
        changes = tuple(change for change in found if change is not None)
        return Page(changes, None if following is None else str(following))

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()

    async def _after(self, seam: Seam, since: datetime | None) -> tuple[tuple[TimeEntry, ...], Seam | None]:
        """The entries behind the seam, and where they end; None after the last."""
        offset = seam.offset
        while True:
            listed = await self._listed(offset, since)
            entries = listed.time_entries
            met = [place for place, entry in enumerate(entries) if entry.id in seam.ids]
            if met or offset == 0:
                break
            offset = max(0, offset - PAGE)
        fresh = entries[met[-1] + 1 :] if met else entries
        end = offset + len(entries)
        # Behind a page that went back more may follow, though it ends with the seam and so has nothing new.
        is_stuck = not fresh and offset == seam.offset
        if not entries or is_stuck or end >= listed.total_count:
            return fresh, None
        last = entries[-SEAM:]
        return fresh, Seam(end - len(last), tuple(entry.id for entry in last))

    async def _listed(self, offset: int, since: datetime | None) -> TimeEntries:
        query = [("sort", "created_on"), ("limit", str(PAGE)), ("offset", str(offset))]
        if since is not None:
            oldest = since.date() - timedelta(days=self._feed.days)
            query.append(("spent_on", f">={oldest.isoformat()}"))
        reply = await self._client.get("/time_entries.json", query)
        listed = reply.read(TimeEntries) if isinstance(reply, Answer) and reply.status == 200 else None
        if listed is None:
            raise FeedUnavailable(of_read(reply).failure.reason)
        return listed

    async def _change(self, entry: TimeEntry) -> Change | None:
        """What is published of the entry; None where its project is none of ours."""
        project = await self._project(entry.project.id)
        if not is_ours(project, self._settings.fields):
            return None
        login = "" if entry.user is None else await self._login(entry.user.id)
        return change_of(self._settings.name, entry, project, login, self._settings.fields, self._feed)

    async def _project(self, number: int) -> Project:
        known = self._round.projects.get(number)
        if known is not None:
            return known
        reply = await self._client.get(f"/projects/{number}.json")
        one = reply.read(OneProject) if isinstance(reply, Answer) and reply.status == 200 else None
        if one is None:
            # It may have been archived a moment ago: then its entries are not listed in the next round.
            raise FeedUnavailable(f"project {number} could not be read: {of_read(reply).failure.reason}")
        self._round.projects[number] = one.project
        return one.project

    async def _login(self, number: int) -> str:
        """The login of a user; empty where we may not see the user, as when the account is locked."""
        known = self._round.logins.get(number)
        if known is not None:
            return known
        reply = await self._client.get(f"/users/{number}.json")
        one = reply.read(OneUser) if isinstance(reply, Answer) and reply.status == 200 else None
        if one is None and not (isinstance(reply, Answer) and reply.status in (403, 404)):
            raise FeedUnavailable(f"user {number} could not be read: {of_read(reply).failure.reason}")
        login = "" if one is None else one.user.login
        self._round.logins[number] = login
        return login
