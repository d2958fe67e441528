"""When the policy lets anything be posted: weekly windows and closed days, by the clock of one time zone. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SEEN_AHEAD: Final = 400
"""Days in which the next opening is looked for."""

_WINDOW: Final = re.compile(r"([a-z]{3})(?:-([a-z]{3}))? ([0-2]\d:[0-5]\d)-([0-2]\d:[0-5]\d)")
_MIDNIGHT: Final = time()


@dataclass(frozen=True, slots=True)
class Window:
    """Some days of each week, from a time of day to another; one that ends at or before its start ends a day later."""

    days: frozenset[int]
    begins: time
    ends: time

    @property
    def is_overnight(self) -> bool:
        """Whether it ends on the day after."""
        return self.ends <= self.begins

    @property
    def length(self) -> timedelta:
        """From its start to its end by the clock on the wall."""
        return (
            datetime.combine(date.min, self.ends)
            - datetime.combine(date.min, self.begins)
            + timedelta(days=self.is_overnight)
        )

    def covers(self, local: datetime) -> bool:
        """Whether this moment lies in it; whether the day is closed is another question."""
        at, today = local.time(), local.weekday()
        if not self.is_overnight:
            return today in self.days and self.begins <= at < self.ends
        return (today in self.days and at >= self.begins) or ((today - 1) % 7 in self.days and at < self.ends)


def window(text: str) -> Window:
    """A window as it is written: `mon-fri 08:00-18:00`, `sat 22:00-02:00`. Raises ValueError."""
    found = _WINDOW.fullmatch(text)
    if found is None or not {found[1], found[2] or found[1]} <= set(DAYS):
        raise ValueError(f"{text}: write days and times, as in `mon-fri 08:00-18:00` or `sat 22:00-02:00`")
    first, last = DAYS.index(found[1]), DAYS.index(found[2] or found[1])
    days = frozenset((first + step) % 7 for step in range((last - first) % 7 + 1))
    return Window(days, _time(found[3], text), _time(found[4], text))


@dataclass(frozen=True, slots=True)
class Hours:
    """When something may be posted. Without windows that is always, but on closed days."""

    windows: Sequence[Window]
    closed_on: Collection[date]
    zone: tzinfo

    def is_open(self, now: datetime) -> bool:
        """Whether something may be posted at this moment."""
        local = now.astimezone(self.zone)
        return local.date() not in self.closed_on and (
            not self.windows or any(window.covers(local) for window in self.windows)
        )

    @property
    def shortest(self) -> timedelta | None:
        """The length of the shortest window; None without windows."""
        return min((window.length for window in self.windows), default=None)

    def opens_at(self, now: datetime) -> datetime | None:
        """The next moment after `now` at which it is open; None if there is none for longer than a year."""
        return next((moment for moment in self._beginnings(now) if moment > now and self.is_open(moment)), None)

    def _beginnings(self, now: datetime) -> Iterator[datetime]:
        """Every moment, in order, at which a window or a day may open."""
        today = now.astimezone(self.zone).date()
        times = sorted({_MIDNIGHT, *(window.begins for window in self.windows)})
        for ahead in range(SEEN_AHEAD):
            day = today + timedelta(days=ahead)
            for begins in times:
                yield datetime.combine(day, begins, self.zone).astimezone(UTC)


def resets(now: datetime, at: time, zone: tzinfo) -> list[datetime]:
    """The moments around `now` at which a day of the quota begins: from two days before to two days after."""
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=step) for step in range(-2, 3))
    return [datetime.combine(day, at, zone).astimezone(UTC) for day in days]


def _time(text: str, whole: str) -> time:
    """A time of day; 24:00 is midnight, which ends a day as well as it begins one."""
    hour, minute = int(text[:2]), int(text[3:])
    if hour > 24 or (hour == 24 and minute):
        raise ValueError(f"{whole}: there is no {text}: write times from 00:00 to 24:00")
    return time(hour % 24, minute)
