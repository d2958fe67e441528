"""The contract of waits: whoever waits for a version of something is woken once it has a newer one."""

from __future__ import annotations

from dataclasses import replace

from adapters.ports.turns import Again, Committed, LaneMessage, Refused
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import (
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    drained,
    message,
    queued,
    waiting,
    waiting_again,
)

SHEETS = [ActorKey("timesheet", f"T-{number}") for number in range(1, 6)]


async def wait_all(process: Process, *keys: ActorKey) -> None:
    """Let the keys wait for the project as it stands."""
    seen = (await process.row(PROJECT)).entity_version
    turns = [waiting(await process.row(key), message(key.id), PROJECT, seen) for key in keys]
    assert await process.commit(*turns) == [Committed()] * len(keys)


async def change_project(process: Process, id: str) -> None:
    """Commit a newer version of the project."""
    assert await process.commit(applied(await process.row(PROJECT), message(id))) == [Committed()]


async def head(process: Process, key: ActorKey) -> LaneMessage:
    """The head of a lane."""
    return (await process.lane(key))[0]


async def woken(process: Process, page: int = 10) -> list[ActorKey]:
    """Everybody who is woken, page by page."""
    keys: list[ActorKey] = []
    while page_keys := await process.lanes.wake(page=page):
        assert len(page_keys) <= page
        keys.extend(page_keys)
    return keys


async def test_a_wait_that_is_committed_is_read_back(process: Process) -> None:
    await wait_all(process, SHEET)
    lane = (await process.row(SHEET)).lane
    assert (lane.state, lane.target, lane.seen, lane.depth) == (LaneState.WAITING, PROJECT, 0, 1)
    assert (await head(process, SHEET)).verdict is Verdict.WAITING


async def test_nobody_is_woken_before_the_target_changes(process: Process) -> None:
    await wait_all(process, SHEET)
    await process.commit(queued(await process.row(PROJECT), message("p0")))
    assert await process.lanes.wake(page=10) == []
    assert await process.lanes.sweep() == 0


async def test_a_change_of_the_target_wakes_who_waits(process: Process) -> None:
    await wait_all(process, SHEET)
    await change_project(process, "p1")
    assert await process.lanes.wake(page=10) == [SHEET]
    row = await process.row(SHEET)
    assert (row.lane.state, row.lane.target, row.lane.depth) == (LaneState.OPEN, None, 1)
    assert (await head(process, SHEET)).verdict is Verdict.QUEUED
    assert [lane.key for lane in await process.lanes.runnable(after=None, limit=10)] == [SHEET]
    assert await process.lanes.wake(page=10) == []


async def test_being_woken_fences_a_turn_that_was_decided_before(process: Process) -> None:
    await wait_all(process, SHEET)
    seen = await process.row(SHEET)
    await change_project(process, "p1")
    await woken(process)
    assert await process.commit(queued(seen, message("e2"))) == [Refused(Again.STALE_WRITER)]


async def test_a_wait_on_an_older_version_is_refused(process: Process) -> None:
    turn = waiting(await process.row(SHEET), message("e1"), PROJECT, 0)
    await change_project(process, "p1")
    assert await process.commit(turn) == [Refused(Again.REFERENCE)]
    assert (await process.row(SHEET)).lane.depth == 0


async def test_a_message_behind_a_waiting_head_does_not_renew_the_wait(process: Process) -> None:
    # given: the target has moved, and the wake is still to come
    await wait_all(process, SHEET)
    await change_project(process, "p1")
    row = await process.row(SHEET)
    spill = queued(row, message("e2"))
    spill.lane = replace(row.lane, depth=row.lane.depth + 1, tail=row.lane.tail + 1)
    # then: it commits all the same, and the lane is woken
    assert await process.commit(spill) == [Committed()]
    assert await woken(process) == [SHEET]


async def test_a_child_and_its_parent_commit_in_one_batch(process: Process) -> None:
    for order in (slice(None), slice(None, None, -1)):
        seen = (await process.row(PROJECT)).entity_version
        key = SHEETS[seen]
        child = waiting(await process.row(key), message(key.id), PROJECT, seen)
        parent = applied(await process.row(PROJECT), message(f"p{seen}"))
        assert await process.commit(*[child, parent][order]) == [Committed()] * 2
        assert await woken(process) == [key]


async def test_children_resume_in_pages(process: Process) -> None:
    await wait_all(process, *SHEETS)
    await change_project(process, "p1")
    assert await process.lanes.wake(page=2) == SHEETS[:2]
    assert await process.lanes.wake(page=2) == SHEETS[2:4]
    assert await process.lanes.wake(page=2) == SHEETS[4:]
    assert await process.lanes.wake(page=2) == []


async def test_a_worker_that_dies_between_pages_leaves_the_rest_to_another(store: StoreStand) -> None:
    process, other = store.process(), store.process()
    await wait_all(process, *SHEETS)
    await change_project(process, "p1")
    await process.lanes.wake(page=2)
    assert await woken(other) == SHEETS[2:]


async def test_a_child_that_waits_again_behind_the_page_is_woken_by_the_next_version(process: Process) -> None:
    first, second = SHEETS[:2]
    await wait_all(process, first, second)
    await change_project(process, "p1")
    # when: the first page resumes the first child, which waits again, on version 1, before the other pages
    assert await process.lanes.wake(page=1) == [first]
    again = waiting_again(await process.row(first), await head(process, first), PROJECT, 1)
    assert await process.commit(again) == [Committed()]
    await change_project(process, "p2")
    # then: who waits on the older version comes first
    assert await woken(process, page=1) == [second, first]


async def test_a_child_that_waits_on_the_newest_version_is_passed(process: Process) -> None:
    first, second = SHEETS[:2]
    await wait_all(process, first)
    await change_project(process, "p1")
    await wait_all(process, second)
    assert await woken(process) == [first]
    assert (await process.row(second)).lane.state is LaneState.WAITING


async def test_several_targets_are_woken_one_after_the_other(process: Process) -> None:
    projects = [ActorKey("project", f"P-{number}") for number in range(3)]
    for project, sheet in zip(projects, SHEETS, strict=False):
        await process.commit(waiting(await process.row(sheet), message(sheet.id), project, 0))
    await process.commit(*[applied(await process.row(project), message(project.id)) for project in projects])
    assert await woken(process) == SHEETS[:3]


async def test_a_wake_that_finds_nobody_hides_no_other(process: Process) -> None:
    # given: the first target's only child was resumed by a person; its wake is still there
    nearer, farther = ActorKey("project", "P-0"), ActorKey("project", "P-9")
    await process.commit(waiting(await process.row(SHEET), message("e1"), nearer, 0))
    await process.commit(waiting(await process.row(OTHER_SHEET), message("e2"), farther, 0))
    await process.commit(*[applied(await process.row(key), message(key.id)) for key in (nearer, farther)])
    await process.acts.retry(SHEET, actor="ann", reason="look again")
    assert await process.lanes.wake(page=10) == [OTHER_SHEET]
    assert await process.lanes.wake(page=10) == []


async def test_the_sweep_finds_a_wake_that_was_lost(store: StoreStand, process: Process) -> None:
    await wait_all(process, *SHEETS[:2])
    await change_project(process, "p1")
    await store.lose_wakes()
    assert await process.lanes.wake(page=10) == []
    assert await process.lanes.sweep() == 1
    assert await woken(process) == SHEETS[:2]


async def test_the_sweep_finds_nobody_who_waits_on_the_present_version(store: StoreStand, process: Process) -> None:
    await wait_all(process, SHEET)
    await change_project(process, "p1")
    await woken(process)
    again = waiting_again(await process.row(SHEET), await head(process, SHEET), PROJECT, 1)
    await process.commit(again)
    assert await process.lanes.sweep() == 0


async def test_a_child_that_went_on_is_not_woken(process: Process) -> None:
    await wait_all(process, SHEET)
    await change_project(process, "p1")
    await process.acts.retry(SHEET, actor="ann", reason="look again")
    await process.commit(drained(await process.row(SHEET), await head(process, SHEET)))
    assert await woken(process) == []
