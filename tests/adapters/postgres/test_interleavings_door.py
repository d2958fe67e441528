"""A message for an external id and the commit that binds this id, at once: none is left behind, none overtakes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from adapters.ports.turns import Again, Answer, Committed, Refused, Row
from schemas.keys import ActorKey
from schemas.verdicts import LaneState
from tests.adapters.postgres.stage import Connection, Stage, commit
from tests.contracts.turns import EXTERNAL_PROJECT, PROJECT, applied, message, queued

Binding = Callable[[Connection], Awaitable[object]]


async def hold_message(connection: Connection) -> list[Answer]:
    """Put n1 into the external key's lane, as decided on the row as it was before anything."""
    return await commit(connection, queued(Row(EXTERNAL_PROJECT), message("n1"), state=LaneState.WAITING))


async def our_binding(connection: Connection) -> object:
    turn = applied(Row(PROJECT), message("binding"))
    turn.binds.append(EXTERNAL_PROJECT)
    return await commit(connection, turn)


async def wrong_binding(connection: Connection) -> object:
    return await connection.execute("SELECT wrong.bind($1, $2, $3)", *PROJECT, EXTERNAL_PROJECT.id)


async def lane_of(stage: Stage, key: ActorKey) -> list[str]:
    """The ids of a lane."""
    return [standing.message.id for standing in (await stage.commits().lanes([key], limit=10, room=1000))[key]]


async def message_comes_while_binding_commits(stage: Stage, binding: Binding) -> list[Answer]:
    held = await stage.hold(binding)
    coming = stage.start(hold_message(await stage.connection()))
    await stage.until_stopped(coming)
    await held.commit()
    return await coming


async def binding_comes_while_message_commits(stage: Stage, binding: Binding) -> None:
    held = await stage.hold(hold_message)
    coming = stage.start(binding(await stage.connection()))
    await stage.until_stopped(coming)
    await held.commit()
    await coming


async def test_a_message_that_comes_while_its_key_is_bound_decides_again(stage: Stage) -> None:
    assert await message_comes_while_binding_commits(stage, our_binding) == [Refused(Again.STALE_WRITER)]
    assert await lane_of(stage, EXTERNAL_PROJECT) == []


async def test_a_binding_that_comes_while_a_message_commits_takes_it_along(stage: Stage) -> None:
    await binding_comes_while_message_commits(stage, our_binding)
    assert await lane_of(stage, EXTERNAL_PROJECT) == []
    assert await lane_of(stage, PROJECT) == ["n1"]


async def test_a_binding_that_does_not_touch_the_row_leaves_the_message_behind(stage: Stage) -> None:
    await stage.install("binding_locks_nothing")
    assert await message_comes_while_binding_commits(stage, wrong_binding) == [Committed()]
    # then: bound, and nobody will ever move n1; n2 goes to the project directly, and overtakes it
    assert await lane_of(stage, EXTERNAL_PROJECT) == ["n1"]
    assert await lane_of(stage, PROJECT) == []


async def test_a_binding_that_does_not_lock_the_row_does_not_see_the_message(stage: Stage) -> None:
    await stage.install("binding_locks_nothing")
    await binding_comes_while_message_commits(stage, wrong_binding)
    assert await lane_of(stage, EXTERNAL_PROJECT) == ["n1"]
