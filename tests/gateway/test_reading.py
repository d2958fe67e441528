"""Reading for ever: one process at a time, again after failures, until it is told to stop. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from adapters.memory.positions import MemoryPositions, MemoryReaders
from adapters.memory.tables import Tables
from adapters.ports.changes import FeedUnavailable, Page, ReaderRow
from gateway.reader import Reader
from gateway.reader_window import Window
from gateway.reading import LONGEST_SECONDS, STAND_BY_SECONDS, ReadElsewhere, Reading
from tests.gateway.test_reader import Post
from tests.gateway.vendor import NOON, Vendor, VendorFeed
from tests.runtime.virtual import run

WINDOW = Window(timedelta(seconds=2), timedelta(seconds=60))
EVERY = 10.0


class OtherFeed(VendorFeed):
    """Another kind of record of the same system."""

    @property
    def record(self) -> str:
        return "party"


class Broken(VendorFeed):
    async def page(self, since: datetime | None, until: datetime, start: str | None) -> Page:
        raise TypeError("a bug")


class Stand:
    """A vendor and a store whose time is the loop's; as many processes as are asked for."""

    def __init__(self) -> None:
        self.vendor = Vendor()
        self.post = Post()
        self._tables = Tables()
        self.processes: list[MemoryPositions] = []

    def reading(self, name: str, feeds: Sequence[VendorFeed] = ()) -> Reading:
        positions = MemoryPositions(self._tables, self._clock, name)
        self.processes.append(positions)
        readers = [
            Reader("crm", feed, positions, self.post, source="urn:crm", window=WINDOW)
            for feed in feeds or [VendorFeed(self.vendor)]
        ]
        return Reading("crm", readers, positions, every=EVERY)

    async def rows(self) -> list[ReaderRow]:
        return await MemoryReaders(self._tables, self._clock).readers()

    async def pass_by(self, seconds: float) -> None:
        """Let virtual time pass, the vendor's too."""
        for _ in range(int(seconds)):
            await asyncio.sleep(1)
            self.vendor.seconds += 1

    def _clock(self) -> float:
        return NOON.timestamp() + self.vendor.seconds


def test_it_looks_again_and_again_until_it_is_stopped() -> None:
    async def story() -> None:
        stand = Stand()
        reading = stand.reading("one")
        task = asyncio.create_task(reading.run())
        for number in range(1, 4):
            stand.vendor.change("deal")
            await stand.pass_by(3 * EVERY)
            assert stand.post.ids == [f"deal/deal/{n}" for n in range(1, number + 1)]
        reading.stop()
        await task

    run(story())


def test_a_stop_does_not_wait_for_the_next_look() -> None:
    async def story() -> float:
        stand = Stand()
        reading = stand.reading("one")
        task = asyncio.create_task(reading.run())
        await stand.pass_by(3)
        reading.stop()
        await task
        return asyncio.get_running_loop().time()

    assert run(story()) < EVERY


def test_a_second_process_waits_and_takes_over() -> None:
    async def story() -> None:
        stand = Stand()
        first, second = stand.reading("one"), stand.reading("two")
        tasks = [asyncio.create_task(first.run()), asyncio.create_task(second.run())]
        stand.vendor.change("a")
        await stand.pass_by(3 * EVERY)
        assert [row.reader for row in await stand.rows()] == ["one"]
        first.stop()
        await tasks[0]
        await stand.processes[0].close()
        stand.vendor.change("b")
        await stand.pass_by(STAND_BY_SECONDS + 2 * EVERY)
        assert [row.reader for row in await stand.rows()] == ["two"]
        assert stand.post.ids == ["deal/a/1", "deal/b/1"]
        second.stop()
        await tasks[1]

    run(story())


def test_a_failure_is_shown_until_a_look_comes_to_its_end() -> None:
    async def story() -> None:
        stand = Stand()
        reading = stand.reading("one")
        task = asyncio.create_task(reading.run())
        stand.vendor.is_up = False
        await stand.pass_by(600)
        [row] = await stand.rows()
        assert (row.failure, row.looked_at) == ("the vendor does not answer", None)
        assert row.failed_at is not None
        assert (row.at - row.failed_at).total_seconds() <= LONGEST_SECONDS + 1
        stand.vendor.is_up = True
        await stand.pass_by(LONGEST_SECONDS + EVERY)
        [row] = await stand.rows()
        assert row.failure is None
        assert row.looked_at is not None
        reading.stop()
        await task

    run(story())


def test_a_store_that_was_lost_is_held_again() -> None:
    async def story() -> None:
        stand = Stand()
        reading = stand.reading("one")
        task = asyncio.create_task(reading.run())
        await stand.pass_by(EVERY)
        await stand.processes[0].close()
        stand.vendor.change("a")
        await stand.pass_by(3 * EVERY)
        assert stand.post.ids == ["deal/a/1"]
        reading.stop()
        await task

    run(story())


def test_one_kind_of_record_that_fails_keeps_no_other_from_its_look() -> None:
    async def story() -> None:
        stand = Stand()
        away = Vendor(is_up=False)
        reading = stand.reading("one", [OtherFeed(away), VendorFeed(stand.vendor)])
        task = asyncio.create_task(reading.run())
        stand.vendor.change("a")
        await stand.pass_by(3 * EVERY)
        deal, party = await stand.rows()
        assert (deal.record, deal.failure, deal.looked_at is None) == ("deal", None, False)
        assert (party.record, party.failure, party.looked_at) == ("party", "the vendor does not answer", None)
        assert stand.post.ids == ["deal/a/1"]
        reading.stop()
        await task

    run(story())


def test_a_bug_ends_the_process_and_is_shown() -> None:
    async def story() -> None:
        stand = Stand()
        with pytest.raises(TypeError):
            await stand.reading("one", [Broken(stand.vendor)]).run()
        [row] = await stand.rows()
        assert row.failure == "it ended with TypeError, which is a bug: report it"

    run(story())


def test_once_looks_once_and_raises_what_it_met() -> None:
    async def story() -> None:
        stand = Stand()
        stand.vendor.change("a")
        stand.vendor.seconds += 5
        assert await stand.reading("one").once() == 1
        with pytest.raises(ReadElsewhere, match="another process reads crm"):
            await stand.reading("two").once()
        await stand.processes[0].close()
        stand.vendor.is_up = False
        with pytest.raises(FeedUnavailable):
            await stand.reading("three").once()

    run(story())
