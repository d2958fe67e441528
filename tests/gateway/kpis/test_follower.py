"""The follower: counts behind the commits, once, whatever becomes of a page, and stops nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import date
from decimal import Decimal

import pytest

from adapters.memory.kpis import MemoryBooks
from adapters.memory.store import MemoryStore
from adapters.ports.kpis import Counted, Page, Period, Progress, Sum, Waiting
from adapters.ports.turns import Opened, StoreUnavailable
from gateway.backoff import Backoff
from gateway.kpis.business import STALE_SECONDS, Business
from gateway.kpis.follower import Follower, Step, count_all, count_page
from gateway.metrics import Counts
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass
from tests.contracts.turns import SHEET, applied, batch, message
from tests.gateway.kpis.logbook import NOON
from tests.runtime.town import until
from tests.runtime.virtual import run


class Troubled:
    """Books that fail as databases do: the answer is lost before or after it was written, or a page is odd."""

    def __init__(self, books: MemoryBooks) -> None:
        self._books = books
        self.troubles: list[str] = []
        self.asked = 0

    async def page(self, *, most: int) -> Page:
        self.asked += 1
        if self.troubles[:1] == ["odd"]:
            self.troubles.pop(0)
            raise ValueError("a line that nobody understands")
        page = await self._books.page(most=most)
        await asyncio.sleep(0.001)  # others read the same page before this one is added
        return page

    async def kept(self, keys: Collection[ActorKey]) -> dict[ActorKey, bytes]:
        return await self._books.kept(keys)

    async def add(self, counted: Counted) -> bool:
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble == "before":
            raise StoreUnavailable("gone before it was written")
        added = await self._books.add(counted)
        if trouble == "after":
            raise StoreUnavailable("gone after it was written")
        return added

    async def restart(self, *, since: date | None) -> None:
        await self._books.restart(since=since)

    async def close(self) -> None:
        """Nothing to close."""


async def write(store: MemoryStore, count: int) -> None:
    """So many applied messages."""
    commits = store.clients().commits
    for number in range(count):
        row = (await commits.load([SHEET]))[SHEET]
        await commits.commit(batch(applied(row, message(f"e{row.entity_version + number}-{row.row_version}"))))


def messages(store: MemoryStore) -> int:
    """How many messages are counted."""
    return sum(added.count for place, added in store.tables.sums.added.items() if place.measure == "messages")


@pytest.mark.parametrize("troubles", [[], ["before"], ["after"], ["before", "after", "after"], ["odd", "before"]])
def test_each_message_counts_once_whatever_becomes_of_a_page(troubles: list[str]) -> None:
    async def story() -> None:
        store = MemoryStore(lambda: 1000.0)
        await write(store, 7)
        books = Troubled(store.clients().books)
        books.troubles = list(troubles)
        follower = asyncio.create_task(Follower(books, Backoff()).run())
        await until(lambda: messages(store) == 7)
        await write(store, 3)
        await until(lambda: messages(store) == 10)
        asked = books.asked
        await until(lambda: books.asked > asked + 2)
        assert (messages(store), books.troubles, follower.done()) == (10, [], False)
        follower.cancel()

    run(story())


def test_two_followers_count_each_message_once() -> None:
    async def story() -> None:
        store = MemoryStore(lambda: 1000.0)
        await write(store, 20)
        followers = [asyncio.create_task(Follower(Troubled(store.clients().books), Backoff()).run()) for _ in range(2)]
        await until(lambda: messages(store) == 20)
        await write(store, 20)
        await until(lambda: messages(store) == 40)
        for each in followers:
            each.cancel()

    run(story())


def test_a_page_that_another_has_added_is_not_ours() -> None:
    async def story() -> None:
        store = MemoryStore(lambda: 1000.0)
        await write(store, 5)
        one, other = Troubled(store.clients().books), Troubled(store.clients().books)
        steps = await asyncio.gather(count_page(one, most=3), count_page(other, most=3))
        assert sorted(steps) == [Step(is_last=False, is_added=False), Step(is_last=False, is_added=True)]
        await count_all(one, most=3)
        assert messages(store) == 5

    run(story())


def test_a_mistake_in_a_figure_is_told() -> None:
    told: list[Exception] = []

    async def story() -> None:
        store = MemoryStore(lambda: 1000.0)
        books = Troubled(store.clients().books)
        books.troubles = ["odd"]
        await write(store, 1)
        follower = asyncio.create_task(Follower(books, Backoff(), failed=told.append).run())
        await until(lambda: messages(store) == 1)
        follower.cancel()

    run(story())
    assert [str(error) for error in told] == ["a line that nobody understands"]


def test_what_waits_is_shown_as_metrics() -> None:
    async def story() -> None:
        now = 1000.0
        store = MemoryStore(lambda: now)
        commits, counts = store.clients().commits, Counts("test")
        turn = applied((await commits.load([SHEET]))[SHEET], message("e1"))
        failure = Failure(FailureClass.MAPPING, "unmapped", "map it")
        turn.opened.append(Opened(Case(failure, topic="x", money={"EUR": Decimal("9.50")})))
        await commits.commit(batch(turn))
        now += 60
        business = Business(store.clients().kpis, Backoff())
        business.show(counts)
        assert {gauge.name: dict(gauge.read()) for gauge in counts.gauges}["business_waiting"] == {}
        await business.look()
        shown = {gauge.name: dict(gauge.read()) for gauge in counts.gauges}
        assert shown["business_waiting"]["cases",] == 1
        assert shown["business_waiting_oldest_seconds"]["cases",] == 60
        assert shown["business_waiting_money"] == {("cases", "EUR"): 9.5}
        assert shown["figures_behind_seconds"] == {(): 60.0}
        await count_all(store.clients().books)
        await business.look()
        assert {gauge.name: dict(gauge.read()) for gauge in counts.gauges}["figures_behind_seconds"] == {(): 0.0}

    run(story())


class Slow:
    """What waits, of which one look takes a while, or fails."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_away = False
        self.looked_at: list[float] = []

    async def progress(self) -> Progress:
        return Progress(NOON, NOON)

    async def waiting(self) -> list[Waiting]:
        self.looked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.seconds)
        if self.is_away:
            raise StoreUnavailable("away")
        return [Waiting("cases", 1, NOON, {})]

    async def sums(self, period: Period, *, stocks: Collection[str] = (), months: Collection[str] = ()) -> list[Sum]:
        raise NotImplementedError(period, stocks, months)

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(("seconds", "between"), [(0.0, 30), (1.0, 30), (4.0, 80)])
def test_a_look_takes_a_small_part_of_the_time(seconds: float, between: float) -> None:
    async def story() -> None:
        kpis = Slow(seconds)
        looking = asyncio.create_task(Business(kpis, Backoff()).run())
        await until(lambda: len(kpis.looked_at) == 3)
        looking.cancel()
        first, second, third = kpis.looked_at
        assert [second - first, third - second] == [pytest.approx(max(between, 30 + seconds))] * 2

    run(story())


def test_what_was_seen_long_ago_is_not_shown() -> None:
    async def story() -> None:
        kpis, counts = Slow(0.0), Counts("test")
        business = Business(kpis, Backoff())
        business.show(counts)

        def shown() -> dict[str, bool]:
            return {gauge.name: bool(gauge.read()) for gauge in counts.gauges}

        looking = asyncio.create_task(business.run())
        await until(lambda: shown()["business_waiting"])
        kpis.is_away = True
        await asyncio.sleep(STALE_SECONDS - 1)
        assert shown()["business_waiting"]
        await asyncio.sleep(5)
        assert not any(shown().values())
        kpis.is_away = False
        await until(lambda: shown()["business_waiting"])
        looking.cancel()

    run(story())
