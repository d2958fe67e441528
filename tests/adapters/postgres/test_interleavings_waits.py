"""Parent and child at once: the right design loses no wake-up, and each wrong one does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from adapters.ports.turns import Committed, Row
from schemas.keys import ActorKey
from tests.adapters.postgres.stage import Connection, Stage, commit
from tests.contracts.turns import EXTERNAL_PROJECT, PROJECT, SHEET, applied, message, waiting

Child = Callable[[Connection, ActorKey], Awaitable[bool]]
"""Lets the sheet wait for version 0 of a target; whether the wait was written."""
Parent = Callable[[Connection], Awaitable[object]]
"""Gives the project version 1."""

WRONG_CHILDREN = ["child_without_share_or_check", "child_check_without_share", "child_share_without_check"]


async def our_child(connection: Connection, target: ActorKey) -> bool:
    return await commit(connection, waiting(Row(SHEET), message("child"), target, 0)) == [Committed()]


async def wrong_child(connection: Connection, target: ActorKey) -> bool:
    written: bool = await connection.fetchval("SELECT wrong.child($1, $2, $3, $4, 0)", *SHEET, *target)
    return written


async def our_parent(connection: Connection) -> object:
    return await commit(connection, applied(Row(PROJECT), message("parent")))


async def wrong_parent(connection: Connection) -> object:
    return await connection.execute("SELECT wrong.parent($1, $2)", *PROJECT)


async def our_binding(connection: Connection) -> object:
    turn = applied(Row(PROJECT), message("binding"))
    turn.binds.append(EXTERNAL_PROJECT)
    return await commit(connection, turn)


async def wrong_binding(connection: Connection) -> object:
    return await connection.execute("SELECT wrong.bind($1, $2, $3)", *PROJECT, EXTERNAL_PROJECT.id)


async def touch_project(stage: Stage) -> None:
    """Let the project have a row, at version 0, as whoever named it before has left it."""
    turn = applied(Row(ActorKey("timesheet", "T-0")), message("e0"))
    turn.relied = {PROJECT: 0}
    assert await commit(await stage.connection(), turn) == [Committed()]


async def child_comes_while_parent_commits(
    stage: Stage, child: Child, parent: Parent, target: ActorKey
) -> tuple[bool, bool]:
    """The parent has written everything, its wakes too, and commits after the child has begun.

    Returns whether the child waited for the parent, and whether it wrote its wait.
    """
    held = await stage.hold(parent)
    connection = await stage.connection()
    coming = stage.start(child(connection, target))
    waited = await stage.until_stopped(coming)
    await held.commit()
    return waited, await coming


async def parent_comes_while_child_commits(stage: Stage, parent: Parent) -> bool:
    """The child has written its wait, and commits after the parent has begun. Whether the parent waited for it."""

    async def child(connection: Connection) -> None:
        assert await our_child(connection, PROJECT)

    held = await stage.hold(child)
    coming = stage.start(parent(await stage.connection()))
    waited = await stage.until_stopped(coming)
    await held.commit()
    await coming
    return waited


@pytest.mark.parametrize("is_new", [True, False], ids=["new parent", "known parent"])
async def test_a_child_that_comes_while_its_parent_commits_decides_again(stage: Stage, is_new: bool) -> None:  # noqa: FBT001  # a case
    if not is_new:
        await touch_project(stage)
    waited, written = await child_comes_while_parent_commits(stage, our_child, our_parent, PROJECT)
    assert (waited, written, await stage.lost()) == (True, False, 0)


@pytest.mark.parametrize("design", WRONG_CHILDREN)
async def test_a_child_that_does_not_lock_and_check_is_forgotten(stage: Stage, design: str) -> None:
    await touch_project(stage)
    await stage.install(design)
    waited, written = await child_comes_while_parent_commits(stage, wrong_child, our_parent, PROJECT)
    assert (waited, written, await stage.lost()) == (design == "child_share_without_check", True, 1)


@pytest.mark.parametrize("is_new", [True, False], ids=["new parent", "known parent"])
async def test_a_parent_that_comes_while_its_child_commits_wakes_it(stage: Stage, is_new: bool) -> None:  # noqa: FBT001  # a case
    if not is_new:
        await touch_project(stage)
    assert await parent_comes_while_child_commits(stage, our_parent)
    assert await stage.lost() == 0
    assert await stage.lanes().wake(page=10) == [SHEET]


async def test_a_parent_that_looks_for_waits_while_locking_forgets_its_child(stage: Stage) -> None:
    await touch_project(stage)
    await stage.install("waits_read_while_locking")
    assert await parent_comes_while_child_commits(stage, wrong_parent)
    assert await stage.lost() == 1
    assert await stage.lanes().wake(page=10) == []


async def test_a_child_that_comes_while_its_external_target_is_bound_decides_again(stage: Stage) -> None:
    waited, written = await child_comes_while_parent_commits(stage, our_child, our_binding, EXTERNAL_PROJECT)
    assert (waited, written) == (True, False)


async def test_a_binding_that_comes_while_a_child_begins_to_wait_for_it_wakes_it(stage: Stage) -> None:
    async def child(connection: Connection) -> None:
        assert await our_child(connection, EXTERNAL_PROJECT)

    held = await stage.hold(child)
    coming = stage.start(our_binding(await stage.connection()))
    await stage.until_waiting(coming)
    await held.commit()
    await coming
    assert await stage.lanes().wake(page=10) == [SHEET]


async def test_a_binding_that_locks_nothing_forgets_who_waits_for_it(stage: Stage) -> None:
    await stage.install("binding_locks_nothing")
    await stage.seed(PROJECT)
    waited, written = await child_comes_while_parent_commits(stage, our_child, wrong_binding, EXTERNAL_PROJECT)
    # then: bound for good, and somebody sleeps for ever
    assert (waited, written) == (False, True)
    assert await stage.observer.fetchval("SELECT count(*) FROM wrong.binding") == 1
    lanes = stage.lanes()
    assert (await lanes.wake(page=10), await lanes.sweep()) == ([], 0)


async def test_parent_and_child_of_one_batch(stage: Stage) -> None:
    child, parent = waiting(Row(SHEET), message("child"), PROJECT, 0), applied(Row(PROJECT), message("parent"))
    assert await commit(await stage.connection(), child, parent) == [Committed()] * 2
    assert await stage.lost() == 0
    assert await stage.lanes().wake(page=10) == [SHEET]


async def test_a_wake_that_is_looked_for_beside_the_wait_is_not_found(stage: Stage) -> None:
    await touch_project(stage)
    await stage.install("wake_beside_the_wait")
    await stage.observer.execute("SELECT wrong.batch($1, $2, $3, $4)", *PROJECT, *SHEET)
    assert await stage.lost() == 1
