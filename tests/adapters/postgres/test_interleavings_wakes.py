"""Workers that wake, and commits beside them: no wake is lost to a page, a crash, or a newer version."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from adapters.ports.turns import Answer, Committed, Row, StoreUnavailable
from adapters.postgres.lanes import _WAKE
from schemas.keys import ActorKey
from schemas.verdicts import LaneState
from tests.adapters.postgres.stage import Connection, Held, Stage, commit
from tests.contracts.turns import OTHER_SHEET, PROJECT, SHEET, applied, message, queued, waiting, waiting_again

NEARER, FARTHER = ActorKey("project", "P-0"), ActorKey("project", "P-9")


async def wait_for(stage: Stage, key: ActorKey, target: ActorKey = PROJECT) -> None:
    """Let a key wait for the present version of a target."""
    commits = stage.commits()
    rows = await commits.load([key, target])
    turn = waiting(rows[key], message(f"wait of {key}"), target, rows[target].entity_version)
    assert await commit(await stage.connection(), turn) == [Committed()]


async def change(connection: Connection, stage: Stage, target: ActorKey = PROJECT) -> None:
    """Give a target its next version."""
    row = (await stage.commits().load([target]))[target]
    assert await commit(connection, applied(row, message(f"{target}/{row.row_version}"))) == [Committed()]


async def our_worker(connection: Connection) -> None:
    await connection.fetch(_WAKE, 10)


async def wrong_worker(connection: Connection) -> None:
    await connection.execute("SELECT wrong.wake()")


async def lock_sheet(connection: Connection) -> None:
    await connection.execute("SELECT FROM tallystick.entity WHERE (entity, key) = ($1, $2) FOR NO KEY UPDATE", *SHEET)


async def sleeps(stage: Stage, key: ActorKey) -> bool:
    row = (await stage.commits().load([key]))[key]
    return row.lane.state is LaneState.WAITING


class TestOneWakeForEachTarget:
    """Two children; the second begins to wait behind the worker's pages, and then the parent changes again."""

    async def test_ours_raises_the_version_of_the_wake(self, stage: Stage) -> None:
        await wait_for(stage, SHEET)
        await change(stage.observer, stage)

        async def work(connection: Connection) -> None:
            assert [record[1] for record in await connection.fetch(_WAKE, 1)] == [SHEET.id]

        held = await stage.hold(work)  # the pages are done, and the wake deleted, not committed
        await wait_for(stage, OTHER_SHEET)
        newer = stage.start(change(await stage.connection(), stage))
        await stage.until_waiting(newer)
        await held.commit()
        await newer
        assert await stage.lost() == 0
        assert await stage.lanes().wake(page=1) == [OTHER_SHEET]

    async def test_one_row_that_is_left_alone_and_deleted_at_the_end_loses_it(self, stage: Stage) -> None:
        await stage.install("one_wake_do_nothing")
        await stage.seed(PROJECT)
        await wait_for(stage, SHEET)
        await stage.observer.execute("SELECT wrong.parent($1, $2)", *PROJECT)
        worker = await stage.connection()
        pages = [await worker.fetchval("SELECT wrong.page($1, $2)", *PROJECT) for _ in range(2)]
        await wait_for(stage, OTHER_SHEET)
        await stage.observer.execute("SELECT wrong.parent($1, $2)", *PROJECT)
        await worker.execute("SELECT wrong.finish($1, $2)", *PROJECT)
        assert pages == [1, 0]
        assert await stage.lost() == 1


class TestNewerVersionWhileAPageRuns:
    """The parent's newer version is being committed while a worker ends the page of the older one."""

    async def play(self, stage: Stage, *, is_ours: bool) -> None:
        await wait_for(stage, SHEET)
        await change(stage.observer, stage)
        await wait_for(stage, OTHER_SHEET)
        newer = await stage.hold(lambda connection: change(connection, stage))
        working = stage.start((our_worker if is_ours else wrong_worker)(await stage.connection()))
        await stage.until_waiting(working)
        await newer.commit()
        await working

    async def test_ours_deletes_the_wake_only_at_the_version_taken(self, stage: Stage) -> None:
        await self.play(stage, is_ours=True)
        assert await stage.lost() == 0
        assert await stage.lanes().wake(page=10) == [OTHER_SHEET]

    async def test_a_wake_that_is_deleted_at_any_version_is_lost(self, stage: Stage) -> None:
        await stage.install("wake_deleted_at_any_version")
        await self.play(stage, is_ours=False)
        assert await sleeps(stage, OTHER_SHEET)
        assert await stage.lost() == 1


class TestWorkerDies:
    """A worker has begun a page, and its backend ends."""

    async def test_ours_leaves_the_wake_to_the_next(self, stage: Stage) -> None:
        await wait_for(stage, SHEET)
        await change(stage.observer, stage)
        blocker = await stage.hold(lock_sheet)  # as a commit that adds a message behind the waiting head does
        dying = stage.lanes()
        working = stage.start(dying.wake(page=10))
        await stage.until_waiting(working)
        await stage.observer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with pytest.raises(StoreUnavailable):
            await working
        await blocker.rollback()
        assert await stage.lost() == 0
        assert await stage.lanes().wake(page=10) == [SHEET]

    async def test_a_wake_that_is_taken_by_deleting_it_is_lost(self, stage: Stage) -> None:
        await stage.install("wake_deleted_when_taken")
        await wait_for(stage, SHEET)
        await change(stage.observer, stage)
        dying = await stage.connection()
        assert await dying.fetchval("SELECT wrong.take()") == PROJECT.id
        dying.terminate()
        assert await stage.lost() == 1


async def test_of_two_workers_the_second_passes_the_page_of_the_first(stage: Stage) -> None:
    for key in (SHEET, OTHER_SHEET):
        await wait_for(stage, key)
    await change(stage.observer, stage)
    first = await stage.hold(lambda connection: connection.fetch(_WAKE, 1))
    second = stage.start(stage.lanes().wake(page=1))
    await stage.until_waiting(second)
    await first.commit()
    assert await second == [OTHER_SHEET]
    rows = await stage.commits().load([SHEET, OTHER_SHEET])
    assert [row.row_version for row in rows.values()] == [2, 2]


class TestSeveralTargets:
    """A worker passes a wake that finds nobody and goes on to another, whose child's commit wants the first wake."""

    async def set_up(self, stage: Stage) -> tuple[Held, asyncio.Task[list[Answer]]]:
        """The commit has its locks and is held up; then it will change the nearer target."""
        await wait_for(stage, SHEET, NEARER)
        await wait_for(stage, OTHER_SHEET, FARTHER)
        for target in (NEARER, FARTHER):
            await change(stage.observer, stage, target)
        await stage.acts().retry(SHEET, actor="ann", reason="look again")
        [head] = (await stage.commits().lanes([SHEET], limit=1, room=1000))[SHEET]
        rows = await stage.commits().load([SHEET, OTHER_SHEET, NEARER])
        assert await commit(stage.observer, waiting_again(rows[SHEET], head, NEARER, 1)) == [Committed()]
        spill = queued(rows[OTHER_SHEET], message("behind"))
        spill.lane = replace(rows[OTHER_SHEET].lane, depth=2, tail=3)
        blocker = await stage.hold(lambda connection: commit(connection, applied(Row(PROJECT), message("behind"))))
        coming = stage.start(commit(await stage.connection(), spill, applied(rows[NEARER], message("n2"))))
        await stage.until_waiting(coming)
        return blocker, coming

    async def test_ours_takes_one_target_for_each_transaction(self, stage: Stage) -> None:
        blocker, coming = await self.set_up(stage)
        working = stage.start(stage.lanes().wake(page=10))
        await stage.until_waiting(working, others=1)
        await blocker.rollback()
        assert await coming == [Committed()] * 2
        assert await working == [OTHER_SHEET]
        assert await stage.lost() == 0
        assert await stage.lanes().wake(page=10) == [SHEET]

    async def test_several_targets_in_one_transaction_deadlock(self, stage: Stage) -> None:
        await stage.install("wake_several_targets")
        blocker, coming = await self.set_up(stage)
        working = stage.start(wrong_worker(await stage.connection()))
        await stage.until_waiting(working, others=1)
        await blocker.rollback()
        ends = await asyncio.gather(coming, working, return_exceptions=True)
        assert [type(end) for end in ends].count(asyncpg.DeadlockDetectedError) == 1
