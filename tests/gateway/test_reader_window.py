"""Which changes a look asks for: overlap, settling, first looks, and clocks that jump."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from adapters.ports.changes import Position
from gateway.reader_window import Window

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW = Window(timedelta(seconds=2), timedelta(seconds=300))


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def position(read_until: datetime | None, passed: float = 10) -> Position:
    """A position that was written so many seconds ago, by the store's clock."""
    ours = datetime(2001, 1, 1, tzinfo=UTC)
    looked_at = None if read_until is None else ours
    return Position("crm", "deal", read_until, looked_at, ours + timedelta(seconds=passed))


def test_what_changed_just_now_is_left_to_the_next_look() -> None:
    assert WINDOW.until(NOON) == after(-2)


def test_a_look_begins_the_overlap_before_the_end_of_the_last() -> None:
    assert WINDOW.since(position(NOON), after(10), None) == after(-300)


def test_the_first_look_begins_on_the_day_of_the_policy() -> None:
    begins = NOON - timedelta(days=20)
    assert replace(WINDOW, begins=begins).since(position(None), NOON, None) == begins
    assert replace(WINDOW, begins=NOON + timedelta(days=1)).since(position(None), NOON, None) == NOON


@pytest.mark.parametrize(("start", "since"), [(-7200, -7200), (60, 0)])
def test_the_first_look_begins_where_it_is_told_and_never_behind_its_end(start: float, since: float) -> None:
    assert WINDOW.since(position(None), NOON, after(start)) == after(since)


@pytest.mark.parametrize(("start", "since"), [(-7200, -7200), (-1, -300)])
def test_what_was_not_read_yet_is_never_left_out(start: float, since: float) -> None:
    assert WINDOW.since(position(NOON), after(10), after(start)) == after(since)


@pytest.mark.parametrize("back", [60, 3600])
def test_a_clock_that_went_back_moves_the_window_back(back: float) -> None:
    assert WINDOW.since(position(NOON), after(10 - back), None) == after(-back - 300)


def test_a_clock_that_went_back_while_nobody_looked_is_noticed_though_it_is_ahead_again() -> None:
    assert WINDOW.since(position(NOON, passed=3600), after(1800), None) == after(-1800 - 300)


def test_a_clock_that_went_ahead_changes_nothing() -> None:
    assert WINDOW.since(position(NOON), after(7200), None) == after(-300)


def test_a_store_whose_clock_went_back_changes_nothing() -> None:
    assert WINDOW.since(position(NOON, passed=-60), after(10), None) == after(-300)


def test_versions_are_kept_for_longer_than_they_can_be_seen() -> None:
    until = after(10)
    since = WINDOW.since(position(until), after(20), None)
    assert since is not None
    assert WINDOW.forgotten(until) < since
