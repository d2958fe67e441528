"""Hours: weekly windows, closed days, nights, and the two days a year on which a clock is moved."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.windows import Hours, resets, window

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = ("mon-fri 08:00-18:00", "sat 09:00-12:00")


def hours(*windows: str, closed_on: tuple[date, ...] = (), zone: ZoneInfo = BERLIN) -> Hours:
    return Hours([window(text) for text in windows], frozenset(closed_on), zone)


def at(text: str) -> datetime:
    """A moment by Berlin's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-20 12:00", None),  # a Friday
        ("2026-11-20 07:59", "2026-11-20 08:00"),
        ("2026-11-20 18:00", "2026-11-21 09:00"),
        ("2026-11-21 11:59", None),
        ("2026-11-21 12:00", "2026-11-23 08:00"),
        ("2026-11-22 12:00", "2026-11-23 08:00"),
    ],
)
def test_a_week_has_its_windows(now: str, opens: str | None) -> None:
    office = hours(*OFFICE)
    assert office.is_open(at(now)) == (opens is None)
    if opens is not None:
        assert office.opens_at(at(now)) == at(opens)


@pytest.mark.parametrize(
    ("now", "is_open"),
    [
        ("2026-11-20 21:59", False),
        ("2026-11-20 22:00", True),
        ("2026-11-21 01:59", True),
        ("2026-11-21 02:00", False),
        ("2026-11-21 22:30", False),  # Saturday's night is not in it
        ("2026-11-22 01:00", False),
    ],
)
def test_a_window_may_go_over_midnight(now: str, is_open: bool) -> None:  # noqa: FBT001
    assert hours("fri 22:00-02:00").is_open(at(now)) == is_open


@pytest.mark.parametrize(
    ("windows", "minutes"),
    [
        (("mon-fri 06:00-06:10", "sat 08:00-18:00"), 10),
        (("fri 23:50-00:05",), 15),
        (("fri 23:50-24:00",), 10),
        (("mon-sun 00:00-24:00",), 24 * 60),
    ],
)
def test_the_shortest_window_has_a_length(windows: tuple[str, ...], minutes: int) -> None:
    assert hours(*windows).shortest == timedelta(minutes=minutes)


def test_without_windows_none_is_the_shortest() -> None:
    assert hours().shortest is None


def test_a_week_may_go_over_its_end() -> None:
    weekend = hours("sat-mon 00:00-24:00")
    days = ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24"]
    assert [weekend.is_open(at(f"{day} 23:59")) for day in days] == [False, True, True, True, False]


def test_nothing_is_posted_on_closed_days() -> None:
    always = hours(closed_on=(date(2026, 12, 25), date(2026, 12, 26)))
    assert always.is_open(at("2026-12-24 23:59"))
    assert not always.is_open(at("2026-12-25 00:00"))
    assert always.opens_at(at("2026-12-25 10:00")) == at("2026-12-27 00:00")
    office = hours(*OFFICE, closed_on=(date(2026, 11, 23),))
    assert office.opens_at(at("2026-11-21 12:00")) == at("2026-11-24 08:00")


def test_a_night_that_began_on_a_closed_day_is_open_after_it() -> None:
    night = hours("fri 22:00-02:00", closed_on=(date(2026, 11, 20),))
    assert night.opens_at(at("2026-11-20 21:00")) == at("2026-11-21 00:00")


def test_hours_that_never_come_say_so() -> None:
    every_friday = tuple(date.fromordinal(day) for day in range(date(2026, 11, 20).toordinal(), 740_500, 7))
    assert hours("fri 08:00-18:00", closed_on=every_friday).opens_at(at("2026-11-21 12:00")) is None


def test_the_zone_decides_also_when_its_clock_is_moved() -> None:
    office = hours("mon-sun 08:00-18:00")
    assert office.is_open(datetime(2026, 3, 29, 6, 0, tzinfo=UTC)), "summer time since this night"
    assert not office.is_open(datetime(2026, 3, 28, 6, 59, tzinfo=UTC))
    gap = hours("sun 02:30-04:00")
    assert gap.is_open(datetime(2026, 3, 29, 1, 0, tzinfo=UTC)), "half past two does not come: it is three"


@pytest.mark.parametrize(
    "text", ["mon", "mon 8:00-18:00", "mon-fri 08:00", "mo-fr 08:00-18:00", "mon 08:00-24:01", "mon 08:60-10:00", ""]
)
def test_what_is_no_window_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"mon-fri 08:00-18:00|00:00 to 24:00"):
        window(text)


def test_the_days_of_a_quota_begin_around_now_by_the_clock_of_the_zone() -> None:
    begins = resets(datetime(2026, 3, 29, 12, tzinfo=UTC), time(5, 30), BERLIN)
    assert begins == [
        datetime(2026, 3, 27, 4, 30, tzinfo=UTC),
        datetime(2026, 3, 28, 4, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 3, 30, tzinfo=UTC),
        datetime(2026, 3, 30, 3, 30, tzinfo=UTC),
        datetime(2026, 3, 31, 3, 30, tzinfo=UTC),
    ]
