"""Reconciliations: their runs, what they keep and find, what moves meanwhile, and plans of repair, on both stores."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import pytest

from adapters.ports.holdings import HeldState, Moving, OpenCommand
from adapters.ports.outbox import Ended, Ending
from adapters.ports.recon import (
    Beside,
    Difference,
    Group,
    Kind,
    Numbered,
    Phase,
    Place,
    Run,
    RunAsked,
    RunClickReused,
    Scheduled,
    Tally,
    Total,
)
from adapters.ports.recon_plans import PlanOpen
from adapters.ports.retention import Old
from adapters.ports.turns import Committed, Settlement
from schemas.standing import Sort, Standing
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import (
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    asking,
    command,
    message,
    send_lane,
    settled,
    uuid,
)

HOUR: Final = 3600.0
MARCH: Final = RunAsked("erp", date(2026, 3, 1), date(2026, 3, 31))
OURS: Final = Standing(
    Sort.BILLABLE, "timesheet/T-1/l1.r1/1", None, "DE01", date(2026, 3, 5), Decimal("720.00"), "EUR", "8400"
)
THEIRS: Final = replace(OURS, external_id="B-7", body=b'{"amount":"720.00"}')
FOREIGN: Final = Standing(Sort.COST, None, "X-1", "DE01", date(2026, 3, 6), None, None, open=Decimal("1.50"))
EUR: Final = Place("DE01", "EUR")
TALLY: Final = Tally(
    (Total(EUR, Decimal("720.00"), Decimal("0.10"), Decimal(0)),), {("timesheet", Kind.MISSING): 2}, 1, 7
)


def difference(kind: Kind = Kind.MISSING, name: str = OURS.name) -> Difference:
    theirs = None if kind is Kind.MISSING else THEIRS
    fields = ("amount", "day") if kind is Kind.DIFFERENT else ()
    return Difference(kind, name, OURS, theirs, fields, {EUR: Decimal("-720.00")}, 17)


async def begun(process: Process, asked: RunAsked = MARCH, click: str = "1") -> Run:
    return await process.runs.begin(asked, by="ann", click=click)


async def shown(process: Process, run: int) -> Run:
    found = await process.runs.run(run)
    assert found is not None
    return found


async def found(process: Process, run: Run, *differences: Difference, tally: Tally = TALLY) -> None:
    await process.run_work.found(await shown(process, run.id), differences, tally, cursor="c")


async def keep(
    process: Process, run: Run, *entries: Standing, phase: Phase, ours: bool = False, cursor: str | None = None
) -> None:
    await process.run_work.keep(await shown(process, run.id), entries, ours=ours, phase=phase, cursor=cursor)


class TestRuns:
    async def test_a_run_is_what_was_asked_for(self, process: Process, store: StoreStand) -> None:
        asked = replace(MARCH, entity="expense", legal_entity="DE01", schedule="nightly")
        run = await begun(process, asked)
        assert (run.asked, run.by, run.phase, run.cursor, run.tally) == (asked, "ann", Phase.THEIRS, None, Tally())
        assert abs(await store.now() - run.started_at) < timedelta(minutes=1)
        assert await shown(process, run.id) == run
        assert await store.acts() == [("ann", "recon.start", f"run {run.id} erp 2026-03-01 2026-03-31 expense DE01")]

    async def test_the_same_click_is_the_same_run(self, process: Process, store: StoreStand) -> None:
        run = await begun(process)
        assert await begun(process) == run
        assert len(await store.acts()) == 1
        with pytest.raises(RunClickReused):
            await begun(process, replace(MARCH, system="crm"))
        assert (await begun(process, click="2")).id > run.id

    async def test_the_newest_come_first(self, process: Process) -> None:
        first = await begun(process)
        other = await begun(process, replace(MARCH, system="crm"), "2")
        last = await begun(process, click="3")
        page = process.runs.page
        assert [run.id for run in await page(system=None, before=None, limit=2)] == [last.id, other.id]
        assert [run.id for run in await page(system="erp", before=last.id, limit=9)] == [first.id]

    async def test_what_nobody_has_begun_is_not_there(self, process: Process) -> None:
        assert await process.runs.run(99) is None
        assert await process.runs.differences(99, kind=None, beside=None, after=0, limit=9) == []

    async def test_a_schedule_has_its_newest_its_newest_done_and_what_failed_since(self, process: Process) -> None:
        nightly = replace(MARCH, schedule="nightly")
        assert await process.runs.scheduled("nightly", "erp") == Scheduled()

        async def over(asked: RunAsked, click: str, reason: str | None = None) -> Run:
            run = await begun(process, asked, click)
            await process.run_work.end(run, reason)
            return await shown(process, run.id)

        first = await over(nightly, "1", "silent")
        assert await process.runs.scheduled("nightly", "erp") == Scheduled(first, None, 1)
        done = await over(nightly, "2")
        assert await process.runs.scheduled("nightly", "erp") == Scheduled(done, done, 0)
        failed = [await over(nightly, click, "silent") for click in ("3", "4")]
        # What others have begun, or the same name of another system, is not looked at
        for click, other in enumerate((MARCH, replace(nightly, schedule="hourly"), replace(nightly, system="crm"))):
            await over(other, f"other {click}")
        assert await process.runs.scheduled("nightly", "erp") == Scheduled(failed[-1], done, 2)
        newest = await begun(process, nightly, "5")
        assert await process.runs.scheduled("nightly", "erp") == Scheduled(newest, done, 2)

    async def test_a_run_is_cancelled_once(self, process: Process, store: StoreStand) -> None:
        run = await begun(process)
        await keep(process, run, THEIRS, phase=Phase.OURS)
        read = await shown(process, run.id)
        cancelled = await process.runs.cancel(run.id, by="bob", reason="it has no end")
        assert cancelled == await shown(process, run.id)
        assert (cancelled.phase, cancelled.reason) == (Phase.FAILED, "cancelled by bob: it has no end")
        assert cancelled.ended_at is not None
        assert await process.run_work.next() is None
        # Whoever has read the run before writes nothing any more
        await process.run_work.keep(read, [OURS], ours=True, phase=Phase.COMPARING, cursor=None)
        await process.run_work.end(read)
        assert await process.runs.cancel(run.id, by="ann", reason="me too") == cancelled
        assert (await store.acts())[1:] == [("bob", "recon.cancel", f"run {run.id}: it has no end")]
        assert await process.runs.cancel(99, by="ann", reason="which?") is None


class TestWork:
    async def test_one_process_works_at_a_time(self, store: StoreStand) -> None:
        one, other = store.process(), store.process()
        assert await one.run_work.hold()
        assert await one.run_work.hold()
        assert not await other.run_work.hold()
        await one.run_work.close()
        assert await other.run_work.hold()

    async def test_the_oldest_that_is_not_over_is_next(self, process: Process) -> None:
        assert await process.run_work.next() is None
        first, second = await begun(process), await begun(process, click="2")
        assert await process.run_work.next() == first
        await process.run_work.end(first)
        assert await process.run_work.next() == second
        await process.run_work.end(second, "the books cannot be read")
        assert await process.run_work.next() is None
        done, failed = await shown(process, first.id), await shown(process, second.id)
        assert (done.phase, done.reason, failed.phase) == (Phase.DONE, None, Phase.FAILED)
        assert failed.reason == "the books cannot be read"
        assert done.ended_at is not None

    async def test_entries_are_kept_by_name_and_side(self, process: Process) -> None:
        run = await begun(process)
        await keep(process, run, THEIRS, FOREIGN, phase=Phase.OURS)
        await keep(process, run, OURS, ours=True, phase=Phase.COMPARING, cursor="x")
        assert (await shown(process, run.id)).phase is Phase.COMPARING
        assert (await shown(process, run.id)).cursor == "x"
        groups = await process.run_work.groups(run.id, after=None, limit=9)
        assert groups == [Group(OURS.name, OURS, (THEIRS,)), Group("~/cost/X-1", None, (FOREIGN,))]
        assert await process.run_work.groups(run.id, after=OURS.name, limit=1) == groups[1:]
        assert await process.run_work.groups(run.id, after=None, limit=1) == groups[:1]

    async def test_what_is_read_twice_stands_once_as_it_was_read_last(self, process: Process) -> None:
        run, later = await begun(process), replace(THEIRS, amount=Decimal("1.00"))
        for page in ([THEIRS, THEIRS], [later]):
            await keep(process, run, *page, phase=Phase.THEIRS, cursor="2")
        assert await process.run_work.groups(run.id, after=None, limit=9) == [Group(OURS.name, None, (later,))]

    async def test_two_entries_under_one_name_stay_two(self, process: Process) -> None:
        run, copy = await begun(process), replace(THEIRS, external_id="B-8")
        await keep(process, run, copy, THEIRS, phase=Phase.THEIRS)
        [group] = await process.run_work.groups(run.id, after=None, limit=9)
        assert group.theirs == (THEIRS, copy)

    async def test_runs_take_turns(self, process: Process) -> None:
        first, second, third = [await begun(process, click=str(click)) for click in range(3)]
        following = process.run_work.next
        assert [await following(behind=run.id) for run in (first, second, third)] == [second, third, first]
        assert await following(behind=first.id, without=[second.id]) == third
        assert await following(behind=first.id, without=[second.id, third.id]) == first
        other = await begun(process, replace(MARCH, system="crm"), "other")
        assert await following(behind=second.id, unread=["erp"]) == other
        await keep(process, first, THEIRS, phase=Phase.OURS)
        assert await following(behind=third.id, without=[other.id], unread=["erp"]) == await shown(process, first.id)
        for run in (third, other):
            await process.run_work.end(run)
        assert await following(behind=second.id) == await shown(process, first.id)
        assert await following(without=[first.id, second.id]) is None

    async def test_what_runs_that_are_over_have_kept_goes_in_parts(self, process: Process) -> None:
        done, cancelled, under_way = [await begun(process, click=str(click)) for click in range(3)]
        for run in (done, cancelled, under_way):
            await keep(process, run, THEIRS, FOREIGN, replace(THEIRS, external_id="B-8"), phase=Phase.OURS)
        await process.run_work.end(await shown(process, done.id))
        await process.runs.cancel(cancelled.id, by="ann", reason="not needed")
        parts = 0
        while await process.run_work.clear(limit=2):
            parts += 1
        assert parts >= 4
        for run in (done, cancelled):
            assert await process.run_work.groups(run.id, after=None, limit=9) == []
        assert len(await process.run_work.groups(under_way.id, after=None, limit=9)) == 2


class TestLostHold:
    """One process reads a run, loses its hold without knowing it, and writes what another one has done already."""

    async def test_a_page_that_another_process_has_kept_changes_nothing(self, process: Process) -> None:
        read = await begun(process)
        await keep(process, read, THEIRS, phase=Phase.THEIRS, cursor="2")
        further = await shown(process, read.id)
        await process.run_work.keep(read, [FOREIGN], ours=False, phase=Phase.THEIRS, cursor="1")
        assert await shown(process, read.id) == further
        assert await process.run_work.groups(read.id, after=None, limit=9) == [Group(OURS.name, None, (THEIRS,))]

    async def test_what_another_process_has_found_is_counted_once(self, process: Process) -> None:
        run = await begun(process)
        await keep(process, run, THEIRS, phase=Phase.COMPARING)
        read = await shown(process, run.id)
        for _ in range(2):
            await process.run_work.found(read, [difference()], TALLY, cursor="c")
        assert (await shown(process, run.id)).kept == 1
        rows = await process.runs.differences(run.id, kind=None, beside=None, after=0, limit=9)
        assert [row.number for row in rows] == [1]

    async def test_a_run_that_another_process_has_ended_stays_as_it_ended(self, process: Process) -> None:
        run = await begun(process)
        await keep(process, run, THEIRS, phase=Phase.COMPARING)
        read = await shown(process, run.id)
        await process.run_work.found(read, [difference()], TALLY, cursor="c")
        await process.run_work.end(read, "the books cannot be read")
        assert (await shown(process, run.id)).phase is Phase.COMPARING
        await process.run_work.end(await shown(process, run.id))
        ended = await shown(process, run.id)
        await process.run_work.end(ended, "once more")
        assert await shown(process, run.id) == ended
        assert ended.phase is Phase.DONE

    async def test_a_run_begins_to_compare_with_nothing(self, process: Process) -> None:
        run = await begun(process)
        await found(process, run, difference())
        await keep(process, run, THEIRS, phase=Phase.COMPARING)
        read = await shown(process, run.id)
        assert (read.tally, read.kept) == (Tally(), 0)
        assert await process.runs.differences(run.id, kind=None, beside=None, after=0, limit=9) == []


class TestFound:
    async def test_differences_are_numbered_and_kept_whole(self, process: Process) -> None:
        run = await begun(process)
        kinds = (Kind.MISSING, Kind.DIFFERENT, Kind.TWICE)
        await found(process, run, difference(kinds[0]), difference(kinds[1]))
        await found(process, run, difference(kinds[2]), tally=replace(TALLY, on_its_way=5))
        rows = await process.runs.differences(run.id, kind=None, beside=None, after=0, limit=9)
        assert rows == [Numbered(number, difference(kind)) for number, kind in enumerate(kinds, 1)]
        told = await shown(process, run.id)
        assert (told.tally, told.kept, told.cursor) == (replace(TALLY, on_its_way=5), 3, "c")

    async def test_an_entry_without_a_reference_keeps_the_key_that_holds_it(self, process: Process) -> None:
        run, held = await begun(process), replace(FOREIGN, key=PROJECT)
        await keep(process, run, held, phase=Phase.COMPARING, ours=True)
        [group] = await process.run_work.groups(run.id, after=None, limit=9)
        assert (group.ours, group.key) == (held, PROJECT)
        await found(process, run, Difference(Kind.MISSING, held.name, held, None))
        [row] = await process.runs.differences(run.id, kind=None, beside=None, after=0, limit=9)
        assert (row.difference.ours, row.difference.key) == (held, PROJECT)

    async def test_they_are_found_by_kind_and_behind_each_other(self, process: Process) -> None:
        run = await begun(process)
        await found(process, run, difference(), difference(Kind.TWICE), difference())
        ask = process.runs.differences
        assert [each.number for each in await ask(run.id, kind=Kind.MISSING, beside=None, after=0, limit=9)] == [1, 3]
        assert [each.number for each in await ask(run.id, kind=None, beside=None, after=1, limit=1)] == [2]

    @pytest.mark.parametrize("are_over", [False, True])
    async def test_two_runs_are_compared(self, process: Process, *, are_over: bool) -> None:
        earlier, later = await begun(process), await begun(process, click="2")
        shared = [difference(name=f"shared/{number}/1") for number in range(300)]
        await found(process, earlier, *shared[:150], difference(name="a"), *shared[150:])
        await found(process, later, *reversed(shared), difference(name="c"), difference(Kind.TWICE, "c"))
        if are_over:
            for run in (earlier, later):
                await process.run_work.end(await shown(process, run.id))
        assert await names(process, later, beside=earlier) == ["c", "c"]
        assert await names(process, later, beside=earlier, limit=1) == ["c"]
        assert await names(process, later, beside=earlier, kind=Kind.TWICE) == ["c"]
        assert await names(process, earlier, beside=later) == ["a"]
        assert await names(process, earlier, beside=later, after=151) == []
        assert await names(process, later, beside=earlier, is_found=True) == [each.name for each in reversed(shared)]

    async def test_a_run_is_compared_by_what_is_left_of_it(self, process: Process, store: StoreStand) -> None:
        earlier, later = await begun(process), await begun(process, click="2")
        await found(process, earlier, difference(name="b"), difference(name="a"))
        await process.run_work.end(await shown(process, earlier.id))
        await store.pass_time(HOUR)
        await found(process, later, difference(name="b"), difference(name="a"))
        await process.run_work.end(await shown(process, later.id))
        assert await names(process, later, beside=earlier) == []
        assert await process.retention.remove(Old.RECONCILIATIONS, age=HOUR / 2, limit=1) == 1
        assert await names(process, later, beside=earlier) == ["b"]


async def names(
    process: Process, of: Run, *, beside: Run, is_found: bool = False, kind: Kind | None = None, after: int = 0,
    limit: int = 999,
) -> list[str]:  # fmt: skip
    """Of what a run has found, and another one too or not."""
    other = Beside(beside.id, is_found)
    rows = await process.runs.differences(of.id, kind=kind, beside=other, after=after, limit=limit)
    return [row.difference.name for row in rows]


class TestHoldings:
    async def test_states_come_in_order_of_their_keys(self, process: Process) -> None:
        for key in (OTHER_SHEET, SHEET, PROJECT):
            turn = applied(await process.row(key), message(f"for {key}"), state=b'{"is": "new"}')
            assert await process.commit(turn) == [Committed()]
        states = await process.holdings.states("timesheet", after=None, limit=9)
        assert [state.key for state in states] == [SHEET, OTHER_SHEET]
        assert states[0] == HeldState(SHEET, b'{"is": "new"}', 1)
        assert await process.holdings.states("timesheet", after=SHEET.id, limit=9) == states[1:]
        assert await process.holdings.states("timesheet", after=None, limit=1) == states[:1]

    async def test_an_open_command_moves(self, process: Process, store: StoreStand) -> None:
        asked = command()
        await process.commit(asking(applied(await process.row(SHEET), message("1")), asked))
        moving = await process.holdings.moving("erp", [SHEET, OTHER_SHEET], since=await store.now())
        assert moving == {SHEET: Moving((OpenCommand(asked.operation, asked.reference, asked.body, None),))}
        assert await process.holdings.moving("crm", [SHEET], since=await store.now()) == {}

    async def test_what_ended_since_has_moved(self, process: Process, store: StoreStand) -> None:
        await self.confirmed(process)
        ten_minutes = timedelta(minutes=10)
        moving = await process.holdings.moving("erp", [SHEET], since=await store.now() - ten_minutes)
        assert moving == {SHEET: Moving((), has_moved=True)}
        await store.pass_time(1200)
        assert await process.holdings.moving("erp", [SHEET], since=await store.now() - ten_minutes) == {}

    async def test_what_an_event_was_applied_to_since_has_moved(self, process: Process, store: StoreStand) -> None:
        # As a payment, of which no command speaks
        await process.commit(applied(await process.row(SHEET), message("1")))
        ten_minutes = timedelta(minutes=10)
        moving = await process.holdings.moving("erp", [SHEET, OTHER_SHEET], since=await store.now() - ten_minutes)
        assert moving == {SHEET: Moving((), has_moved=True)}
        assert await process.holdings.moving("erp", [SHEET], since=await store.now() + ten_minutes) == {}

    async def confirmed(self, process: Process) -> None:
        asked, token = command(), uuid("token")
        await process.commit(asking(applied(await process.row(SHEET), message("1")), asked))
        await process.outbox.beat(uuid("me"))
        [leased] = (await process.outbox.claim([send_lane()], holder=uuid("me"), token=token)).leased
        ended = Ended(leased.command, token, leased.attempt, Ending.CONFIRMED, "B-1")
        await process.outbox.record([ended])
        turn = settled(await process.row(SHEET), (asked, token), settlement=Settlement.DONE)
        assert await process.commit(turn) == [Committed()]


class TestPlans:
    async def test_a_plan_is_kept_as_it_was_made(self, process: Process, store: StoreStand) -> None:
        run = await begun(process)
        plan = await process.plans.keep(run.id, b'{"run":1}', by="ann", click="1", reason="as found")
        assert (plan.id, plan.run, plan.by, plan.body) == (f"{run.id}.1", run.id, "ann", b'{"run":1}')
        assert await process.plans.keep(run.id, b"{}", by="ann", click="1", reason="again") == plan
        await process.plans.end(plan.id)
        second = await process.plans.keep(run.id, b"{}", by="ann", click="2", reason="more")
        assert second.id == f"{run.id}.2"
        assert [each.id for each in await process.plans.of(run.id)] == [plan.id, second.id]
        assert (await store.acts())[1:] == [
            ("ann", "recon.plan", f"plan {run.id}.1: as found"), ("ann", "recon.plan", f"plan {run.id}.2: more"),
        ]  # fmt: skip

    async def test_what_is_ended_is_not_open(self, process: Process) -> None:
        run, other = await begun(process), await begun(process, replace(MARCH, system="crm"), "2")
        first = await process.plans.keep(run.id, b"{}", by="ann", click="1", reason="one")
        second = await process.plans.keep(other.id, b"{}", by="ann", click="2", reason="two")
        await process.plans.end(first.id)
        assert await process.plans.open() == [second]
        [ended] = await process.plans.of(run.id)
        assert ended.ended_at is not None

    async def test_a_system_has_one_plan_at_a_time(self, process: Process, store: StoreStand) -> None:
        run, later = await begun(process), await begun(process, click="2")
        plan = await process.plans.keep(run.id, b"{}", by="ann", click="1", reason="one")
        for of in (run, later):
            with pytest.raises(PlanOpen, match=plan.id):
                await process.plans.keep(of.id, b"{}", by="ann", click="9", reason="more")
        assert await process.plans.open() == [plan]
        assert len(await store.acts()) == 3, "what is refused is not audited"
        await process.plans.end(plan.id)
        following = await process.plans.keep(later.id, b"{}", by="ann", click="9", reason="more")
        assert following.id == f"{later.id}.1"
