"""The feed of time entries, while the list moves under it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from hypothesis import HealthCheck, example, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from adapters.ports.changes import FeedUnavailable
from adapters.redmine.changes import TimeEntryFeed
from adapters.redmine.settings import RedmineFeedSettings, RedmineSettings
from tests.adapters.redmine.conftest import FIELDS, OUR_CLOCK
from tests.adapters.redmine.stand_in import KEY, StandIn, json_response, standing_in

OURS = {"cf_1": "OPP-1-US01", "cf_2": "77", "cf_3": "US01", "cf_4": "USD"}
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EARLY, LATE = NOON - timedelta(hours=2), NOON
STAMP = "2026-11-20T11:00:00Z"

SOME = st.lists(st.integers(1, 300), max_size=130)
RUNS = st.builds(lambda first, count: list(range(first, first + count)), st.integers(1, 300), st.integers(1, 130))


@pytest.fixture
def firm(redmine: StandIn) -> StandIn:
    redmine.project("opp-1-us01", **OURS)
    redmine.logins[6] = "ann"
    return redmine


async def read(
    feed: TimeEntryFeed, since: datetime | None = EARLY, between: Callable[[], object] = lambda: None
) -> list[int]:
    """Ids that a whole round gives, doing something after each page."""
    found: list[int] = []
    start = None
    while True:
        page = await feed.page(since, LATE, start)
        found += [int(change.version.id) for change in page.changes]
        start = page.next
        if start is None:
            return found
        between()


async def test_what_changed_in_the_window_comes_in_the_order_of_its_change(firm: StandIn, feed: TimeEntryFeed) -> None:
    for number, stamp in enumerate(["11:30:00", "09:59:59", "10:00:00", "12:00:00", "12:00:01", "10:30:00"], start=1):
        firm.entry(number, f"2026-11-20T{stamp}Z")
    assert await read(feed) == [3, 6, 1, 4]


async def test_a_window_begins_at_the_second_that_it_begins_in(firm: StandIn, feed: TimeEntryFeed) -> None:
    firm.entry(1, "2026-11-20T10:00:00Z")
    assert await read(feed, EARLY + timedelta(microseconds=400_000)) == [1]


async def test_from_the_beginning_there_is_no_bound_to_the_age_of_work(firm: StandIn, feed: TimeEntryFeed) -> None:
    firm.entry(1, STAMP)["spent_on"] = "2020-01-01"
    firm.entry(2, STAMP)["spent_on"] = "2026-07-22"
    firm.entry(3, STAMP)["spent_on"] = "2026-07-23"
    assert RedmineFeedSettings().days == 120
    assert await read(feed) == [3]
    assert await read(feed, None) == [1, 2, 3]


async def test_a_list_of_many_pages_is_read_whole(firm: StandIn, feed: TimeEntryFeed) -> None:
    for number in range(1, 451):
        firm.entry(number, STAMP)
    assert sorted(await read(feed)) == list(range(1, 451))
    listings = firm.requests.count("GET /time_entries.json")
    assert listings == 5
    # Project and user are read once in a round
    assert firm.requests.count("GET /projects/1.json") == 1
    assert firm.requests.count("GET /users/6.json") == 1
    await read(feed)
    assert firm.requests.count("GET /projects/1.json") == 2


@pytest.mark.parametrize("gone", [1, 15, 95, 150, 400])
async def test_entries_that_vanish_between_pages_hide_no_other(firm: StandIn, feed: TimeEntryFeed, gone: int) -> None:
    # Given a list of some pages, of which the first entries are deleted after each page
    for number in range(1, 451):
        firm.entry(number, STAMP)

    def vanish() -> None:
        del firm.entries[:gone]

    # When it is read, then no entry that is still there is missing
    found = await read(feed, between=vanish)
    assert {entry["id"] for entry in firm.entries} <= set(found)


@pytest.mark.parametrize("come", [1, 50, 120])
async def test_entries_that_come_in_front_hide_no_other(firm: StandIn, feed: TimeEntryFeed, come: int) -> None:
    for number in range(1, 301):
        firm.entry(number, STAMP)
    more = [iter(range(1000, 1000 + come)), iter(range(2000, 2000 + come))]

    def appear() -> None:
        for number in more.pop() if more else ():
            firm.entry(number, "2026-11-20T12:30:00Z")["created_on"] = "2026-11-18T08:00:00Z"

    found = await read(feed, between=appear)
    assert set(range(1, 301)) <= set(found)


@runs(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SOME | RUNS, max_size=5))
@example([list(range(1, 11)), []])  # the page that went back ends where the one before it did
def test_no_order_of_deletions_hides_an_entry(deletions: list[list[int]]) -> None:
    async def whole() -> None:
        async with standing_in() as firm:
            firm.project("opp-1-us01", **OURS)
            firm.logins[6] = "ann"
            for number in range(1, 301):
                firm.entry(number, STAMP)
            feed = TimeEntryFeed(
                RedmineSettings("psa", firm.url, KEY, FIELDS), RedmineFeedSettings(), lambda: OUR_CLOCK
            )
            left = list(deletions)

            def vanish() -> None:
                gone = set(left.pop()) if left else set()
                firm.entries[:] = [entry for entry in firm.entries if entry["id"] not in gone]

            found = await read(feed, between=vanish)
            await feed.close()
            assert {entry["id"] for entry in firm.entries} <= set(found)

    asyncio.run(whole())


async def test_a_count_that_is_too_high_does_not_keep_the_round_going(firm: StandIn, feed: TimeEntryFeed) -> None:
    # Given entries that are deleted after Redmine has counted them
    for number in range(1, 101):
        firm.entry(number, STAMP)
    listed = {"time_entries": list(firm.entries), "total_count": 150}
    firm.answer("GET", "/time_entries.json", json_response(listed))
    firm.answer("GET", "/time_entries.json", json_response({"time_entries": firm.entries[90:], "total_count": 150}))
    # Then the round ends
    assert sorted(await read(feed)) == list(range(1, 101))


async def test_what_is_not_approved_or_not_ours_is_not_told(firm: StandIn, feed: TimeEntryFeed) -> None:
    firm.project("holidays")
    firm.entry(1, STAMP, approval="open")
    firm.entry(2, STAMP, approval="submitted")
    firm.entry(3, STAMP, project=2)
    firm.entry(4, STAMP, approval="rejected")
    assert await read(feed) == [4]


@pytest.mark.parametrize("status", [403, 404])
async def test_an_account_that_may_not_be_seen_has_no_id_until_it_may(
    firm: StandIn, feed: TimeEntryFeed, status: int
) -> None:
    firm.entry(1, STAMP)
    firm.answer("GET", "/users/6.json", web.Response(status=status))
    [locked] = (await feed.page(EARLY, LATE, None)).changes
    assert b'"employee":{"name":"Ann Example"}' in locked.facts[0].data
    [unlocked] = (await feed.page(EARLY, LATE, None)).changes
    assert b'"employee":{"id":"ann","name":"Ann Example"}' in unlocked.facts[0].data
    assert unlocked.version != locked.version


async def test_the_clock_is_redmines_where_it_is_told_and_else_one_that_is_not_ahead(
    redmine: StandIn, feed: TimeEntryFeed
) -> None:
    assert await feed.now() == datetime(2026, 11, 20, 10, tzinfo=UTC)
    redmine.date = None
    # aiohttp, which serves here, puts a date of its own in, so the answer is made without one
    redmine.answer("GET", "/users/current.json", _dateless())
    assert await feed.now() == OUR_CLOCK - timedelta(seconds=10)


def _dateless() -> web.Response:
    return web.Response(body=b'{"user": {"id": 5, "login": "gateway"}}', headers={"Date": "none"})


@pytest.mark.parametrize("path", ["/time_entries.json", "/projects/1.json", "/users/6.json", "/users/current.json"])
async def test_a_redmine_that_fails_is_not_an_empty_one(firm: StandIn, feed: TimeEntryFeed, path: str) -> None:
    firm.entry(1, STAMP)
    firm.answer("GET", path, web.Response(status=502))
    with pytest.raises(FeedUnavailable, match="502"):
        await feed.page(EARLY, LATE, None)
    assert await read(feed) == [1]


async def test_without_a_key_that_counts_nothing_is_empty(firm: StandIn, feed: TimeEntryFeed) -> None:
    firm.keys.clear()
    with pytest.raises(FeedUnavailable, match="does not accept our key"):
        await feed.page(EARLY, LATE, None)
    with pytest.raises(FeedUnavailable, match="does not accept our key"):
        await feed.now()


async def test_a_project_that_went_away_under_the_round_stops_it(firm: StandIn, feed: TimeEntryFeed) -> None:
    firm.entry(1, STAMP)
    firm.hidden.add("1")
    with pytest.raises(FeedUnavailable, match="project 1 could not be read"):
        await feed.page(EARLY, LATE, None)
