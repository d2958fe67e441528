"""The lane worker: finds lanes that may run, whoever left them, and wakes those that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from adapters.ports.store import OpenLane
from adapters.ports.turns import StoreUnavailable
from gateway import lanes
from gateway.backoff import Backoff
from gateway.lanes import PAGE, SWEEP_SCANS, LaneWorker
from schemas.keys import ActorKey
from tests.gateway.toy import A, B
from tests.runtime.virtual import run


@dataclass
class FewLanes:
    """The port `Lanes` over a dictionary of open lanes and their row versions. `runs` is what becomes of a poke."""

    open: dict[ActorKey, int] = field(default_factory=dict)
    wakes: list[list[ActorKey]] = field(default_factory=list)
    lost_wakes: list[ActorKey] = field(default_factory=list)
    is_away: bool = False
    sweeps: int = 0
    looks_for_overdue: int = 0
    poked: list[ActorKey] = field(default_factory=list)
    runs: Callable[[ActorKey], object] = lambda key: key

    def poke(self, key: ActorKey) -> None:
        self.poked.append(key)
        self.runs(key)

    async def runnable(self, *, after: ActorKey | None, limit: int) -> list[OpenLane]:
        self._check()
        keys = sorted(key for key in self.open if after is None or key > after)
        return [OpenLane(key, self.open[key]) for key in keys[:limit]]

    async def wake(self, *, page: int) -> list[ActorKey]:
        self._check()
        return self.wakes.pop(0) if self.wakes else []

    async def sweep(self) -> int:
        self._check()
        self.sweeps += 1
        found, self.lost_wakes = self.lost_wakes, []
        if found:
            self.wakes.append(found)
        return len(found)

    async def open_overdue(self, *, page: int) -> int:
        self._check()
        self.looks_for_overdue += 1
        return 0

    def _check(self) -> None:
        if self.is_away:
            raise StoreUnavailable("away")


def work(few: FewLanes, story: Callable[[LaneWorker], Coroutine[Any, Any, None]]) -> FewLanes:
    """Tell a story while the worker runs."""

    async def told() -> None:
        worker = LaneWorker(few, few.poke, Backoff(chance=Random(1)))
        task = asyncio.create_task(worker.run())
        await story(worker)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(told())
    return few


def seconds(count: float) -> Callable[[LaneWorker], Coroutine[Any, Any, None]]:
    """The story of some seconds in which nothing else happens."""

    async def story(_worker: LaneWorker) -> None:
        await asyncio.sleep(count)

    return story


def test_what_a_killed_process_left_is_found_at_once() -> None:
    assert work(FewLanes({B: 1, A: 1}), seconds(0.1)).poked == [A, B]


def test_a_lane_that_somebody_works_on_is_left_alone() -> None:
    few = FewLanes()

    async def story(_worker: LaneWorker) -> None:
        await asyncio.sleep(0.5)
        for version in range(10):
            few.open[A] = version
            await asyncio.sleep(1)

    assert work(few, story).poked == []


def test_a_lane_that_nobody_has_touched_for_a_second_is_poked() -> None:
    few = FewLanes()

    async def story(_worker: LaneWorker) -> None:
        await asyncio.sleep(0.5)
        few.open[A] = 7
        await asyncio.sleep(1)
        assert few.poked == []
        await asyncio.sleep(1)
        assert few.poked == [A]

    work(few, story)


def test_however_many_lanes_are_open_each_gets_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given more open lanes than are looked at in one scan, three times over
    monkeypatch.setattr(lanes, "MOST_OPEN", PAGE)
    few = FewLanes({ActorKey("job", f"{n:05}"): 1 for n in range(3 * PAGE + 7)})
    few.runs = few.open.pop
    # When a process starts, then all of them have run in a while
    assert work(few, seconds(30)).open == {}


def test_lanes_that_stay_open_do_not_hide_those_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given lanes at the front that nobody can run
    monkeypatch.setattr(lanes, "MOST_OPEN", PAGE)
    stuck = {ActorKey("alien", f"{n:05}"): 1 for n in range(2 * PAGE)}
    few = FewLanes(stuck | {A: 1, B: 1})
    few.runs = lambda key: key in stuck or few.open.pop(key)
    assert work(few, seconds(30)).open == stuck


def test_what_changed_wakes_page_by_page_until_none_is_left() -> None:
    few = FewLanes(wakes=[[A], [B], [A, B]])
    assert work(few, seconds(0.1)).poked == [A, B, A, B]


def test_a_hint_is_acted_on_at_once() -> None:
    few = FewLanes()

    async def story(worker: LaneWorker) -> None:
        await asyncio.sleep(0.5)
        few.wakes.append([A])
        worker.hint()
        await asyncio.sleep(0.01)
        assert few.poked == [A]

    work(few, story)


def test_without_a_hint_the_next_scan_wakes() -> None:
    few = FewLanes()

    async def story(_worker: LaneWorker) -> None:
        await asyncio.sleep(0.5)
        few.wakes.append([A])
        await asyncio.sleep(0.6)
        assert few.poked == [A]

    work(few, story)


def test_a_lost_wake_is_found_by_the_sweep() -> None:
    few = work(FewLanes(lost_wakes=[A]), seconds(SWEEP_SCANS + 1))
    assert (few.sweeps, few.poked) == (1, [A])


def test_it_outlives_the_database() -> None:
    few = FewLanes({A: 1}, is_away=True)

    async def story(_worker: LaneWorker) -> None:
        await asyncio.sleep(100)
        assert few.poked == []
        few.is_away = False
        await asyncio.sleep(5)
        assert A in few.poked

    work(few, story)


def test_long_waits_are_looked_for_every_few_seconds() -> None:
    assert 3 <= work(FewLanes(), seconds(20)).looks_for_overdue <= 5
