"""Whoever works on runs: one process at a time, turns and rests, schedules once in their time, silence, figures."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from adapters.ports.postings import PostingsPage
from adapters.ports.recon import Kind, Phase, RunAsked, RunWork
from gateway.backoff import Backoff
from gateway.metrics import Gauge
from gateway.recon.parts import Reconciliation
from gateway.recon.schedule import ReconciliationPolicy
from gateway.recon.tries import LONGEST, TRIES
from gateway.recon.worker import LONGEST_REST, REST_SECONDS, Reconciler, Repairs
from schemas.keys import ActorKey
from tests.gateway.recon.books import Books, Firm, ours, theirs

NIGHTLY = ReconciliationPolicy(system="erp", days=30)


class NoRepairs:
    """No plan was ever made."""

    async def go_on(self, paused: Collection[str]) -> bool:
        return False


class SeenRepairs:
    """How often plans were looked at."""

    def __init__(self) -> None:
        self.seen = 0

    async def go_on(self, paused: Collection[str]) -> bool:
        self.seen += 1
        return False


@dataclass
class Endless(Books):
    """A system that names a further page behind each one."""

    async def postings(self, first: date, last: date, start: str | None) -> PostingsPage:
        return PostingsPage((), str(int(start or 0) + 200))


class Desk:
    """One firm, and processes that reconcile it."""

    def __init__(self, **schedules: ReconciliationPolicy) -> None:
        self.firm = Firm()
        self.firm.now = datetime(2026, 3, 20, 3, 0, tzinfo=UTC).timestamp()
        self.schedules = schedules
        self.works: dict[Reconciler, RunWork] = {}
        self.paused: set[str] = set()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.firm.now, UTC)

    async def paused_now(self) -> Collection[str]:
        return self.paused

    def process(
        self, repairs: Repairs | None = None, rest: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> Reconciler:
        clients = self.firm.store.clients()
        process = Reconciler(
            clients.run_work, clients.runs, self.firm.made(), repairs or NoRepairs(), lambda: self.schedules,
            self.paused_now, self.now, Backoff(sleep=rest),
        )  # fmt: skip
        self.works[process] = clients.run_work
        return process

    async def lose(self, process: Reconciler) -> None:
        """The connection of a process goes, and its lock with it."""
        await self.works[process].close()

    async def runs(self, most: int = 99) -> list[tuple[str | None, date, date, Phase]]:
        found = await self.firm.clients.runs.page(system=None, before=None, limit=most)
        return [(run.asked.schedule, run.asked.first, run.asked.last, run.phase) for run in found]

    async def rest(self, process: Reconciler) -> None:
        """Rounds until there is nothing to do, twice over: what is due is begun in a round without work."""
        for _ in range(2):
            while await process.round():
                pass


def differences(process: Reconciler) -> dict[tuple[str, ...], float]:
    """What the gauge shows."""
    [gauge] = [gauge for gauge in gauges(process) if gauge.name == "recon_differences"]
    return dict(gauge.read())


def gauges(process: Reconciler) -> Sequence[Gauge]:
    return Reconciliation(process, frozenset(), lambda: datetime(2026, 3, 20, tzinfo=UTC)).gauges


async def test_a_run_is_taken_to_its_end() -> None:
    desk = Desk()
    await desk.firm.begin()
    await desk.rest(desk.process())
    [(_, _, _, phase)] = await desk.runs()
    assert phase is Phase.DONE


async def test_one_process_works_and_another_waits() -> None:
    desk = Desk()
    first, second = desk.process(), desk.process()
    await desk.firm.begin()
    assert await first.round()
    assert not await second.round()


async def test_a_schedule_begins_once_in_its_time() -> None:
    desk = Desk(nightly=NIGHTLY)
    process = desk.process()
    for _ in range(2):
        await desk.rest(process)
        assert await desk.runs() == [("nightly", date(2026, 2, 18), date(2026, 3, 20), Phase.DONE)]
    desk.firm.now += timedelta(days=1).total_seconds()
    await desk.rest(process)
    assert [last for _, _, last, _ in await desk.runs()] == [date(2026, 3, 21), date(2026, 3, 20)]


async def test_a_schedule_that_fails_each_night_is_seen() -> None:
    desk = Desk(nightly=NIGHTLY)
    process = desk.process()
    gauges = {gauge.name: gauge for gauge in Reconciliation(process, frozenset(), desk.now).gauges}

    def shown() -> tuple[dict[tuple[str, ...], float], dict[tuple[str, ...], float]]:
        return dict(gauges["recon_age_seconds"].read()), dict(gauges["recon_failed"].read())

    place, day = ("erp", "nightly"), timedelta(days=1).total_seconds()
    # Given that one night is done, and in each following one a state cannot be read
    await process.round()
    assert shown() == ({place: math.inf}, {place: 0})
    await desk.rest(process)
    assert shown() == ({place: 0}, {place: 0})
    await desk.firm.store_state(ActorKey("timesheet", "T-1"), "unreadable")
    for night in (1, 2):
        desk.firm.now += day
        await desk.rest(process)
        assert shown() == ({place: night * day}, {place: night})
    # When it can be read again
    await desk.firm.store_state(ActorKey("timesheet", "T-1"), {})
    desk.firm.now += day
    await desk.rest(process)
    assert shown() == ({place: 0}, {place: 0})


async def test_a_process_that_does_not_work_any_more_shows_nothing() -> None:
    desk = Desk(nightly=NIGHTLY)
    first, second = desk.process(), desk.process()
    await desk.firm.hold(ours(1))
    await desk.rest(first)
    assert differences(first)
    # When another process has taken over
    await desk.lose(first)
    await desk.rest(second)
    await first.round()
    assert (first.scheduled, differences(first)) == ({}, {})
    assert differences(second)


async def test_a_system_that_stays_silent_ends_the_run() -> None:
    desk = Desk()
    process = desk.process()
    run = await desk.firm.begin()
    desk.firm.books.fails = TRIES
    for tried in range(1, TRIES + 1):
        assert await process.round()
        assert not await process.round(), "it is left alone for a while"
        assert len(desk.firm.books.asked) == tried
        desk.firm.now += LONGEST.total_seconds()
    failed = await desk.firm.shown(run)
    assert (failed.phase, "so it was 30 times: begin another run" in (failed.reason or "")) == (Phase.FAILED, True)


async def test_a_system_that_answers_again_goes_on_and_is_forgiven() -> None:
    desk = Desk()
    process = desk.process()
    run = await desk.firm.begin()
    desk.firm.books.entries = list(map(theirs, range(9)))
    for _ in range(4):
        desk.firm.books.fails = TRIES // 2
        while desk.firm.books.fails:
            await process.round()
            desk.firm.now += LONGEST.total_seconds()
        assert await process.round()
    await desk.rest(process)
    assert (await desk.firm.shown(run)).phase is Phase.DONE


async def test_a_system_that_is_silent_keeps_no_other_run_and_no_plan_waiting() -> None:
    desk, repairs = Desk(), SeenRepairs()
    desk.firm.others["crm"] = silent = Books(name="crm", fails=99)
    process = desk.process(repairs)
    waits = await desk.firm.begin(RunAsked("crm", date(2026, 3, 1), date(2026, 3, 31)))
    run = await desk.firm.begin()
    await desk.rest(process)
    assert (await desk.firm.shown(run)).phase is Phase.DONE
    assert ((await desk.firm.shown(waits)).phase, len(silent.asked)) == (Phase.THEIRS, 1)
    # And that the plans are looked at does not wait until no run is open
    seen = repairs.seen
    await process.round()
    assert repairs.seen == seen + 1


async def test_books_without_end_keep_no_other_run_and_no_schedule_waiting() -> None:
    desk = Desk(nightly=NIGHTLY)
    desk.firm.others["crm"] = Endless(name="crm")
    process = desk.process()
    endless = await desk.firm.begin(RunAsked("crm", date(2026, 3, 1), date(2026, 3, 31)))
    while [phase for schedule, *_, phase in await desk.runs() if schedule == "nightly"] != [Phase.DONE]:
        assert await process.round()
    assert (await desk.firm.shown(endless)).phase is Phase.THEIRS
    # Until somebody cancels it, or its pages are too many
    await desk.firm.clients.runs.cancel(endless.id, by="ann", reason="it has no end")
    await desk.rest(process)
    assert (await desk.firm.shown(endless)).phase is Phase.FAILED


async def test_the_books_of_a_system_that_is_paused_are_not_read() -> None:
    desk = Desk()
    process = desk.process()
    run = await desk.firm.begin()
    desk.paused = {"erp"}
    assert not await process.round()
    assert desk.firm.books.asked == []
    desk.paused = set()
    assert await process.round()
    # What has been read is compared all the same
    desk.paused = {"erp"}
    await desk.rest(process)
    assert (await desk.firm.shown(run)).phase is Phase.DONE


async def test_it_rests_after_each_page() -> None:
    desk, rests = Desk(), list[float]()

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        await asyncio.sleep(0)

    run = await desk.firm.begin()
    works = asyncio.create_task(desk.process(rest=rest).run())
    while not (await desk.firm.shown(run)).phase.is_over:
        await asyncio.sleep(0)
        assert not works.done()
    works.cancel()
    assert len(rests) >= 5, "one page of theirs, and one of each entity of ours"
    assert all(REST_SECONDS <= each <= LONGEST_REST for each in rests)


async def test_what_a_run_has_kept_goes_once_it_is_over() -> None:
    desk = Desk()
    await desk.firm.hold(ours(1))
    run = await desk.firm.begin()
    await desk.rest(desk.process())
    assert await desk.firm.clients.run_work.groups(run.id, after=None, limit=9) == []


async def test_the_figures_are_those_of_the_newest_run_of_each_schedule_that_was_done() -> None:
    desk = Desk(nightly=NIGHTLY, expenses=ReconciliationPolicy(system="erp", days=30, entity="expense"))
    process, hour = desk.process(), timedelta(hours=1).total_seconds()
    await desk.firm.hold(ours(1))
    desk.firm.books.entries = [theirs(2, amount=Decimal(1)), theirs(3, reference="expense/X-1/1.r1/1")]
    await desk.rest(process)
    extra = {
        ("erp", "nightly", "timesheet", Kind.EXTRA): 1,
        ("erp", "nightly", "expense", Kind.EXTRA): 1,
        ("erp", "expenses", "expense", Kind.EXTRA): 1,
    }
    missing = {("erp", "nightly", "timesheet", Kind.MISSING): 1}
    assert differences(process) == extra | missing
    # However many others somebody has begun, and whatever these have found
    desk.firm.now += hour
    for day in range(1, 120):
        await desk.firm.begin(RunAsked("erp", date(2020, 1, 1), date(2020, 1, 1) + timedelta(days=day)))
    await desk.rest(process)
    assert differences(process) == extra | missing
    # Until the schedule's own time has come again; a run that fails has no figures
    desk.firm.books.entries = [theirs(1)]
    desk.firm.now += 24 * hour
    await desk.rest(process)
    assert differences(process) == {}


async def test_a_schedule_is_not_forgotten_beside_many_others() -> None:
    desk = Desk(weekly=ReconciliationPolicy(system="erp", every_hours=168))
    process = desk.process()
    await desk.rest(process)
    for day in range(1, 120):
        await desk.firm.begin(RunAsked("erp", date(2020, 1, 1), date(2020, 1, 1) + timedelta(days=day)))
    desk.firm.now += timedelta(days=1).total_seconds()
    await desk.rest(process)
    weekly = [schedule for schedule, *_ in await desk.runs(most=999) if schedule is not None]
    assert weekly == ["weekly"]


class BrokenRepairs:
    """Our mistake, the first time."""

    def __init__(self) -> None:
        self.asked = 0

    async def go_on(self, paused: Collection[str]) -> bool:
        self.asked += 1
        if self.asked == 1:
            raise ArithmeticError("ours")
        return False


async def test_a_mistake_of_ours_ends_no_process() -> None:
    desk, repairs = Desk(), BrokenRepairs()
    process = desk.process(repairs)
    works = asyncio.create_task(process.run())
    while repairs.asked < 2:
        process.hint()
        await asyncio.sleep(0.001)
        assert not works.done()
    works.cancel()
