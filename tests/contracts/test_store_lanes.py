"""The contract of lanes: durable queues in order, found as work, retried and discarded by operators."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from adapters.ports.store import LaneChanged, LaneKills, LaneNotFound
from adapters.ports.turns import Again, Committed, Judged, Opened, Refused, Turn
from gateway.failures import KILLS
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import (
    EXTERNAL_PROJECT,
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    drained,
    message,
    queued,
    waiting,
)

FAILURE = Failure(FailureClass.MAPPING, "tax_profile_unmapped", "map the tax profile")


async def park(process: Process, key: ActorKey, *ids: str, failure: Failure = FAILURE) -> None:
    """Commit a lane whose head is parked, with a case."""
    turn = queued(await process.row(key), *map(message, ids), state=LaneState.PARKED)
    head = turn.judged[0]
    turn.judged[0] = Judged(head.message, Verdict.PARKED, 0, position=head.position, attempts=1, reason="no profile")
    turn.opened.append(Opened(Case(failure), ref=head.message.ref))
    await process.commit(turn)


async def lane_of(process: Process, key: ActorKey) -> list[tuple[str, Verdict]]:
    """The ids and verdicts of a lane."""
    return [(standing.message.id, standing.verdict) for standing in await process.lane(key)]


async def runnable(process: Process) -> list[ActorKey]:
    """All lanes that may run."""
    return [lane.key for lane in await process.lanes.runnable(after=None, limit=100)]


class TestQueue:
    async def test_messages_stand_in_the_order_in_which_they_were_put(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("e2"), message("e1")))
        await process.commit(queued(await process.row(SHEET), message("e3")))
        lane = await process.lane(SHEET)
        assert [(standing.message.id, standing.position) for standing in lane] == [("e2", 1), ("e1", 2), ("e3", 3)]

    async def test_a_message_comes_back_as_it_was_put(self, process: Process) -> None:
        put = message("e1", body=b'{"hours": "1.50"}')
        await process.commit(queued(await process.row(SHEET), put))
        [standing] = await process.lane(SHEET)
        assert (standing.message, standing.verdict, standing.attempts) == (put, Verdict.QUEUED, 0)

    async def test_a_page_begins_at_the_head_of_each_lane(self, process: Process) -> None:
        await process.commit(
            queued(await process.row(SHEET), message("e1"), message("e2")),
            queued(await process.row(OTHER_SHEET), message("e3"), message("e4")),
        )
        lanes = await process.commits.lanes([SHEET, OTHER_SHEET, PROJECT], limit=1, room=100)
        assert {key: [standing.message.id for standing in lane] for key, lane in lanes.items()} == {
            SHEET: ["e1"],
            OTHER_SHEET: ["e3"],
            PROJECT: [],
        }

    async def test_a_page_ends_before_its_bodies_have_more_bytes_than_fit(self, process: Process) -> None:
        # given: lanes of small and large messages, also where a small one stands behind a large one
        large, small = b"x" * 10_000, b"{}"
        await process.commit(
            queued(await process.row(SHEET), *(message(f"a{number}", body=b"x" * 40) for number in range(4))),
            queued(await process.row(OTHER_SHEET), message("b0", body=small), message("b1", body=large), message("b2")),
            queued(await process.row(PROJECT), message("c0", body=large), message("c1", body=small)),
        )

        async def pages(room: int) -> dict[ActorKey, list[str]]:
            lanes = await process.commits.lanes([SHEET, OTHER_SHEET, PROJECT], limit=3, room=room)
            return {key: [standing.message.id for standing in lane] for key, lane in lanes.items()}

        # then: a head is always there, and nothing behind what does not fit
        assert await pages(80) == {SHEET: ["a0", "a1"], OTHER_SHEET: ["b0"], PROJECT: ["c0"]}
        assert await pages(0) == {SHEET: ["a0"], OTHER_SHEET: ["b0"], PROJECT: ["c0"]}
        assert await pages(10_002) == {SHEET: ["a0", "a1", "a2"], OTHER_SHEET: ["b0", "b1"], PROJECT: ["c0", "c1"]}

    async def test_what_is_decided_leaves_the_lane_and_what_is_left_keeps_its_place(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("e1"), message("e2"), message("e3")))
        lane = await process.lane(SHEET)
        assert await process.commit(drained(await process.row(SHEET), *lane[:2])) == [Committed()]
        await process.commit(queued(await process.row(SHEET), message("e4")))
        assert [(left.message.id, left.position) for left in await process.lane(SHEET)] == [("e3", 3), ("e4", 4)]
        row = await process.row(SHEET)
        assert (row.entity_version, row.lane.depth, row.lane.tail) == (2, 2, 5)

    async def test_a_head_that_was_decided_by_another_is_not_decided_again(self, store: StoreStand) -> None:
        process, zombie = store.process(), store.process()
        await process.commit(queued(await process.row(SHEET), message("e1")))
        [head] = await zombie.lane(SHEET)
        late = drained(await zombie.row(SHEET), head)
        await process.commit(drained(await process.row(SHEET), head))
        assert await zombie.commit(late) == [Refused(Again.STALE_WRITER)]
        # and not with the newest row either
        assert await zombie.commit(drained(await zombie.row(SHEET), head)) == [Refused(Again.STALE_WRITER)]
        assert (await process.row(SHEET)).entity_version == 1

    async def test_attempts_are_kept_with_the_head(self, process: Process) -> None:
        await park(process, SHEET, "e1", "e2")
        assert [standing.attempts for standing in await process.lane(SHEET)] == [1, 0]


class TestRunnable:
    async def test_open_lanes_with_messages_come_in_key_order_by_pages(self, process: Process) -> None:
        keys = [ActorKey("timesheet", f"T-{number}") for number in range(5)]
        for key in reversed(keys):
            await process.commit(queued(await process.row(key), message(key.id)))
        first = await process.lanes.runnable(after=None, limit=3)
        rest = await process.lanes.runnable(after=first[-1].key, limit=3)
        assert [lane.key for lane in first + rest] == keys
        assert {lane.row_version for lane in first + rest} == {1}

    async def test_empty_and_stopped_lanes_are_not_runnable(self, process: Process) -> None:
        await process.commit(applied(await process.row(PROJECT), message("p1")))
        await park(process, SHEET, "e1")
        await process.commit(waiting(await process.row(OTHER_SHEET), message("e2"), PROJECT, 1))
        held = queued(await process.row(EXTERNAL_PROJECT), message("x1"), state=LaneState.WAITING)
        await process.commit(held)
        assert await runnable(process) == []

    async def test_a_lane_in_backoff_runs_when_its_time_has_come(self, store: StoreStand, process: Process) -> None:
        turn = queued(await process.row(SHEET), message("e1"), state=LaneState.BACKOFF, retry_after=30.0)
        await process.commit(turn)
        lane = (await process.row(SHEET)).lane
        assert lane.state is LaneState.BACKOFF
        assert lane.retry_after == pytest.approx(30, abs=5)
        assert await runnable(process) == []
        await store.pass_time(31)
        assert await runnable(process) == [SHEET]
        lane = (await process.row(SHEET)).lane
        assert (lane.state, lane.retry_after) == (LaneState.OPEN, None)

    async def test_the_row_version_tells_that_somebody_works_on_the_lane(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("e1"), message("e2")))
        before = await process.lanes.runnable(after=None, limit=1)
        await process.commit(drained(await process.row(SHEET), (await process.lane(SHEET))[0]))
        assert await process.lanes.runnable(after=None, limit=1) != before


class TestRetry:
    async def test_a_parked_lane_runs_again(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, "e1", "e2")
        await process.acts.retry(SHEET, actor="ann", reason="profile mapped")
        assert await runnable(process) == [SHEET]
        assert await lane_of(process, SHEET) == [("e1", Verdict.QUEUED), ("e2", Verdict.QUEUED)]
        assert await store.open_cases() == 0

    async def test_a_message_that_has_ended_the_process_runs_again_by_force_alone(
        self, store: StoreStand, process: Process
    ) -> None:
        # given: it was alone twice when the process ended, and is parked for that
        await park(process, SHEET, "e1", "e2", failure=KILLS)
        await process.looks.take([])
        await process.looks.record([message("e1").ref], alone=True, survived=[])
        # when: it is retried as others are, then nothing is done
        with pytest.raises(LaneKills):
            await process.acts.retry(SHEET, actor="ann", reason="perhaps")
        assert await runnable(process) == []
        assert await store.open_cases() == 1
        assert await store.audit() == []
        # when: it is retried by force, then it runs and its attempts are counted anew
        await process.acts.retry(SHEET, actor="ann", reason="release installed", force=True)
        assert await runnable(process) == [SHEET]
        assert await store.open_cases() == 0
        assert await process.looks.take([]) == {}
        assert [act[1] for act in await store.audit()] == ["lane.retry"]

    async def test_only_the_cases_of_what_runs_again_are_closed_and_told(
        self, store: StoreStand, process: Process
    ) -> None:
        # given: a parked head with a case, and a conflict with one
        await park(process, SHEET, "e1", "e2")
        conflict, row = message("e1#00ff", source="conflict:psa"), await process.row(SHEET)
        turn = Turn(row, row.lane, row.entity_version)
        turn.judged.append(Judged(conflict, Verdict.CONFLICT, 0))
        turn.opened.append(Opened(Case(FAILURE), ref=conflict.ref))
        await process.commit(turn)
        # when
        await process.acts.retry(SHEET, actor="ann", reason="profile mapped")
        await process.acts.retry(SHEET, actor="ann", reason="once more")
        # then
        assert await store.open_cases() == 1
        told = [row for row in await process.notices.pending(limit=10) if row.routing_key.startswith("case.")]
        assert [row.routing_key for row in told] == ["case.opened", "case.opened", "case.closed"]
        ids = [orjson.loads(row.body)["case_id"] for row in told]
        assert ids[0] == ids[2] != ids[1]

    async def test_a_waiting_lane_forgets_its_wait(self, process: Process) -> None:
        await process.commit(waiting(await process.row(SHEET), message("e1"), PROJECT, 0))
        await process.acts.retry(SHEET, actor="ann", reason="look again")
        row = await process.row(SHEET)
        assert (row.lane.state, row.lane.target, row.lane.seen) == (LaneState.OPEN, None, None)
        await process.commit(applied(await process.row(PROJECT), message("p1")))
        assert await process.lanes.wake(page=10) == []

    async def test_a_lane_in_backoff_runs_at_once(self, process: Process) -> None:
        await process.commit(
            queued(await process.row(SHEET), message("e1"), state=LaneState.BACKOFF, retry_after=3600.0)
        )
        await process.acts.retry(SHEET, actor="ann", reason="the system is back")
        assert await runnable(process) == [SHEET]

    async def test_a_paused_lane_stays_paused(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("e1"), state=LaneState.PAUSED))
        await process.acts.retry(SHEET, actor="ann", reason="try")
        assert (await process.row(SHEET)).lane.state is LaneState.PAUSED

    async def test_an_external_lane_goes_on_waiting_for_its_binding(self, process: Process) -> None:
        held = queued(await process.row(EXTERNAL_PROJECT), message("x1"), state=LaneState.WAITING)
        await process.commit(held)
        await process.acts.retry(EXTERNAL_PROJECT, actor="ann", reason="try")
        assert (await process.row(EXTERNAL_PROJECT)).lane.state is LaneState.WAITING
        assert await runnable(process) == []

    async def test_a_turn_decided_before_it_is_a_stale_writer(self, process: Process) -> None:
        await park(process, SHEET, "e1")
        seen = await process.row(SHEET)
        await process.acts.retry(SHEET, actor="ann", reason="profile mapped")
        assert await process.commit(queued(seen, message("e2"))) == [Refused(Again.STALE_WRITER)]

    @pytest.mark.parametrize("named", [False, True], ids=["never seen", "only relied on"])
    async def test_a_key_without_any_row_has_no_lane(self, process: Process, named: bool) -> None:  # noqa: FBT001  # a case
        turn = applied(await process.row(SHEET), message("e1"))
        turn.relied = {PROJECT: 0} if named else {}
        await process.commit(turn)
        with pytest.raises(LaneNotFound):
            await process.acts.retry(PROJECT, actor="ann", reason="try")


class TestDiscard:
    async def test_the_head_ends_and_the_rest_runs(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, "e1", "e2")
        await process.acts.discard(SHEET, head=message("e1").ref, actor="ann", reason="sent in error")
        assert await lane_of(process, SHEET) == [("e2", Verdict.QUEUED)]
        assert await runnable(process) == [SHEET]
        assert await store.open_cases() == 0

    async def test_it_is_told(self, process: Process) -> None:
        await park(process, SHEET, "e1")
        await process.acts.discard(SHEET, head=message("e1").ref, actor="ann", reason="sent in error")
        notice = (await process.notices.pending(limit=10))[-2]
        assert notice.routing_key == "message.discarded"
        assert b"ann: sent in error" in notice.body

    async def test_a_redelivery_of_it_is_a_duplicate(self, process: Process) -> None:
        await park(process, SHEET, "e1")
        await process.acts.discard(SHEET, head=message("e1").ref, actor="ann", reason="sent in error")
        [answer] = await process.commit(applied(await process.row(SHEET), message("e1", delivery=2)))
        assert isinstance(answer, Refused)
        assert answer.why is Again.DUPLICATE

    async def test_a_head_that_moved_is_not_discarded(self, process: Process) -> None:
        await park(process, SHEET, "e1", "e2")
        with pytest.raises(LaneChanged):
            await process.acts.discard(SHEET, head=message("e2").ref, actor="ann", reason="sent in error")
        assert len(await process.lane(SHEET)) == 2

    async def test_a_lane_without_messages_has_no_head(self, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), message("e1")))
        for key in (SHEET, OTHER_SHEET):
            with pytest.raises(LaneNotFound):
                await process.acts.discard(key, head=message("e1").ref, actor="ann", reason="sent in error")

    async def test_a_wait_ends_with_the_head_that_waited(self, process: Process) -> None:
        await process.commit(waiting(await process.row(SHEET), message("e1"), PROJECT, 0))
        await process.acts.discard(SHEET, head=message("e1").ref, actor="ann", reason="sent in error")
        lane = (await process.row(SHEET)).lane
        assert (lane.state, lane.depth, lane.target) == (LaneState.OPEN, 0, None)

    async def test_a_paused_lane_stays_paused(self, process: Process) -> None:
        row = await process.row(SHEET)
        turn = queued(row, message("e1"), message("e2"), state=LaneState.PAUSED)
        turn.lane = replace(turn.lane, paused_by=7, reason="paused by ann")
        await process.commit(turn)
        await process.acts.discard(SHEET, head=message("e1").ref, actor="ann", reason="sent in error")
        lane = (await process.row(SHEET)).lane
        assert (lane.state, lane.paused_by, lane.reason) == (LaneState.PAUSED, 7, "paused by ann")

    async def test_what_else_waits_under_an_external_key_goes_on_waiting(self, process: Process) -> None:
        row = await process.row(EXTERNAL_PROJECT)
        await process.commit(queued(row, message("x1"), message("x2"), state=LaneState.WAITING))
        await process.acts.discard(EXTERNAL_PROJECT, head=message("x1").ref, actor="ann", reason="sent in error")
        assert (await process.row(EXTERNAL_PROJECT)).lane.state is LaneState.WAITING

    async def test_a_turn_decided_before_it_is_a_stale_writer(self, process: Process) -> None:
        await park(process, SHEET, "e1", "e2")
        seen = await process.row(SHEET)
        await process.acts.discard(SHEET, head=message("e1").ref, actor="ann", reason="sent in error")
        assert await process.commit(queued(seen, message("e3"))) == [Refused(Again.STALE_WRITER)]
