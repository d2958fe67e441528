"""The contract of bindings: what waits under another system's id moves to the key that the id turns out to mean."""

from __future__ import annotations

import orjson

from adapters.ports.turns import Again, Answer, Committed, Refused, Row, Turn
from schemas.facts import Claim
from schemas.keys import EXTERNAL, ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import EXTERNAL_PROJECT, PROJECT, SHEET, applied, message, queued, waiting

OTHER_PROJECT = ActorKey("project", "P-2")
TAKEN = Claim(EXTERNAL, EXTERNAL_PROJECT.id)


async def binding(process: Process, key: ActorKey = PROJECT, id: str = "bind") -> Turn:
    """A turn of `key` that binds the external project."""
    turn = applied(await process.row(key), message(id))
    turn.binds.append(EXTERNAL_PROJECT)
    return turn


async def holding(process: Process, *ids: str) -> list[Answer]:
    """Commit messages into the external project's lane."""
    row = await process.row(EXTERNAL_PROJECT)
    return await process.commit(queued(row, *map(message, ids), state=LaneState.WAITING))


async def lane_of(process: Process, key: ActorKey) -> list[str]:
    """The ids of a lane."""
    return [standing.message.id for standing in await process.lane(key)]


async def test_a_binding_says_what_the_external_key_means(process: Process) -> None:
    assert await process.commit(await binding(process)) == [Committed()]
    row = await process.row(EXTERNAL_PROJECT)
    assert orjson.loads(row.state or b"") == {"entity": "project", "id": "P-1"}
    assert (row.row_version, row.entity_version) == (1, 1)


async def test_what_waited_moves_in_order_behind_the_keys_own_lane(process: Process) -> None:
    await holding(process, "x1", "x2")
    await holding(process, "x3")
    await process.commit(queued(await process.row(PROJECT), message("p1"), message("p2")))
    turn = queued(await process.row(PROJECT), message("p3"))
    turn.binds.append(EXTERNAL_PROJECT)
    await process.commit(turn)
    # then
    assert await lane_of(process, PROJECT) == ["p1", "p2", "p3", "x1", "x2", "x3"]
    assert {standing.verdict for standing in await process.lane(PROJECT)} == {Verdict.QUEUED}
    assert await lane_of(process, EXTERNAL_PROJECT) == []
    own, external = await process.row(PROJECT), await process.row(EXTERNAL_PROJECT)
    assert (own.lane.depth, own.lane.tail) == (6, 7)
    assert (external.lane.state, external.lane.depth) == (LaneState.OPEN, 0)


async def test_what_comes_to_the_lane_afterwards_stands_behind(process: Process) -> None:
    await holding(process, "x1")
    await process.commit(await binding(process))
    await process.commit(queued(await process.row(PROJECT), message("p1")))
    assert await lane_of(process, PROJECT) == ["x1", "p1"]


async def test_the_moved_lane_is_found_as_runnable(process: Process) -> None:
    await holding(process, "x1")
    assert await process.lanes.runnable(after=None, limit=10) == []
    await process.commit(await binding(process))
    assert [lane.key for lane in await process.lanes.runnable(after=None, limit=10)] == [PROJECT]


async def test_whoever_remembers_the_lane_as_it_was_committed_must_look_again(process: Process) -> None:
    await holding(process, "x1")
    before = await process.row(PROJECT)
    await process.commit(await binding(process))
    # the turn after it, from memory: row version one higher, no lane
    remembered = Row(PROJECT, before.row_version + 1, before.entity_version + 1)
    assert await process.commit(applied(remembered, message("p2"))) == [Refused(Again.STALE_WRITER)]
    assert await lane_of(process, PROJECT) == ["x1"]


async def test_a_message_held_on_the_version_before_the_binding_is_refused(process: Process) -> None:
    row = await process.row(EXTERNAL_PROJECT)
    await process.commit(await binding(process))
    late = queued(row, message("x1"), state=LaneState.WAITING)
    assert await process.commit(late) == [Refused(Again.STALE_WRITER)]


async def test_a_message_held_in_the_batch_of_the_binding_moves_with_it(process: Process) -> None:
    turn = await binding(process)
    held = queued(await process.row(EXTERNAL_PROJECT), message("x1"), state=LaneState.WAITING)
    assert await process.commit(turn, held) == [Committed(), Committed()]
    assert await lane_of(process, PROJECT) == ["x1"]


async def test_a_bound_key_is_taken_for_another(process: Process) -> None:
    await process.commit(await binding(process))
    assert await process.commit(await binding(process, OTHER_PROJECT, "again")) == [
        Refused(Again.TAKEN, taken={TAKEN: PROJECT})
    ]
    assert (await process.row(OTHER_PROJECT)).entity_version == 0


async def test_binding_again_to_the_same_key_changes_nothing(process: Process) -> None:
    await process.commit(await binding(process))
    assert await process.commit(await binding(process, PROJECT, "again")) == [Committed()]
    assert (await process.row(EXTERNAL_PROJECT)).row_version == 1


async def test_of_two_turns_of_a_batch_that_bind_one_key_the_first_commits(process: Process) -> None:
    first, second = await binding(process), await binding(process, OTHER_PROJECT, "bind too")
    assert await process.commit(first, second) == [Committed(), Refused(Again.STALE_WRITER)]
    assert await process.commit(second) == [Refused(Again.TAKEN, taken={TAKEN: PROJECT})]


async def test_a_refused_turn_binds_nothing(process: Process) -> None:
    await holding(process, "x1")
    turn = await binding(process)
    await process.commit(queued(await process.row(PROJECT), message("p1")))
    assert await process.commit(turn) == [Refused(Again.STALE_WRITER)]
    assert (await process.row(EXTERNAL_PROJECT)).state is None
    assert await lane_of(process, EXTERNAL_PROJECT) == ["x1"]


async def test_a_binding_wakes_who_waits_for_the_external_key(process: Process) -> None:
    await process.commit(waiting(await process.row(SHEET), message("e1"), EXTERNAL_PROJECT, 0))
    await process.commit(await binding(process))
    assert await process.lanes.wake(page=10) == [SHEET]


async def test_a_binding_in_the_batch_of_the_wait_wakes_it(process: Process) -> None:
    wait = waiting(await process.row(SHEET), message("e1"), EXTERNAL_PROJECT, 0)
    assert await process.commit(wait, await binding(process)) == [Committed(), Committed()]
    assert await process.lanes.wake(page=10) == [SHEET]


async def test_who_relied_on_the_external_key_being_free_decides_again(store: StoreStand) -> None:
    process, other = store.process(), store.process()
    turn = applied(await process.row(SHEET), message("e1"))
    turn.relied = {EXTERNAL_PROJECT: 0}
    await other.commit(await binding(other))
    assert await process.commit(turn) == [Refused(Again.REFERENCE)]
