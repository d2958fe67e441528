"""Numbered messages take their places in a lane, superseded ones end, and cursors move with what ends: both stores.

Longer than a file should be, so that the contract stays one list, and nobody runs half of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

import pytest

from adapters.ports.store import LaneChanged, LaneNotFound
from adapters.ports.turns import Committed, Judged, Lane, Message, Row, Turn
from schemas.keys import ActorKey
from schemas.sequence import Cursor
from schemas.verdicts import LaneState, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import (
    EXTERNAL_PROJECT,
    OTHER_SHEET,
    PROJECT,
    SHEET,
    applied,
    message,
    numbered,
    queued,
)  # fmt: skip

GAP = "a number is missing"
FRESH = {"crm": Cursor(through=0)}


def stopped(row: Row, head: Message, *behind: Message, state: LaneState = LaneState.WAITING) -> Turn:
    """A turn whose first message stops the key, and the others stand behind it."""
    turn = queued(row, head, *behind)
    turn.lane = replace(turn.lane, state=state, reason=GAP, patience=60.0 if state is LaneState.WAITING else None)
    verdict = Verdict.WAITING if state is LaneState.WAITING else Verdict.PARKED
    turn.judged[0] = turn.judged[0]._replace(verdict=verdict)
    turn.cursors = {**row.cursors, **FRESH} if not row.cursors else None
    return turn


def superseding(turn: Turn) -> Turn:
    """The same turn, its messages of a type whose newer ones end the older."""
    turn.judged = [judged._replace(supersedes=judged.was is None) for judged in turn.judged]
    return turn


async def ids(process: Process, key: ActorKey = SHEET) -> list[str]:
    """What stands in a lane, in order."""
    return [standing.message.id for standing in await process.lane(key)]


async def cursors(process: Process, key: ActorKey = SHEET) -> Mapping[str, Cursor]:
    """How far the numbers of a key have come."""
    return (await process.row(key)).cursors


class TestPlaces:
    async def test_a_lower_number_goes_before_the_first_higher_one_of_its_source(self, process: Process) -> None:
        row = await process.row(SHEET)
        await process.commit(queued(row, message("x"), numbered(5), message("y"), numbered(7)))
        await process.commit(queued(await process.row(SHEET), numbered(6), numbered(2), numbered(9)))
        assert await ids(process) == ["x", "crm2", "crm5", "y", "crm6", "crm7", "crm9"]

    async def test_numbers_of_another_source_are_no_concern(self, process: Process) -> None:
        row = await process.row(SHEET)
        await process.commit(queued(row, numbered(5, source="hr"), numbered(5)))
        await process.commit(queued(await process.row(SHEET), numbered(4)))
        assert await ids(process) == ["hr5", "crm4", "crm5"]

    async def test_within_one_turn_too(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), numbered(3), message("x"), numbered(1), numbered(2)))
        assert await ids(process) == ["crm1", "crm2", "crm3", "x"]

    @pytest.mark.parametrize("seed", range(12))
    async def test_any_lane_keeps_the_arrival_of_what_has_no_number(self, process: Process, seed: int) -> None:
        chance = Random(seed)
        expected: list[Message] = []
        numbers = {source: chance.sample(range(1, 60), 10) for source in ("crm", "hr")}
        coming = [message(f"x{n}") for n in range(6)]
        coming += [numbered(n, source=source) for source, some in numbers.items() for n in some]
        chance.shuffle(coming)
        while coming:
            some, coming = coming[: (size := chance.randint(1, 5))], coming[size:]
            await process.commit(queued(await process.row(SHEET), *some))
            for one in some:
                place = next(
                    (
                        index
                        for index, other in enumerate(expected)
                        if one.series == other.series and (one.sequence or 0) < (other.sequence or 0)
                    ),
                    len(expected),
                )
                expected.insert(place, one)
            assert await ids(process) == [one.id for one in expected]


class TestHeads:
    async def test_a_missing_number_that_arrives_opens_the_lane(self, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(2)))
        before = await process.row(SHEET)
        late = queued(before, numbered(1))
        late.lane = replace(before.lane, depth=2, tail=before.lane.tail + 1)
        assert await process.commit(late) == [Committed()]
        row = await process.row(SHEET)
        assert (row.lane.state, row.lane.depth, row.lane.reason) == (LaneState.OPEN, 2, None)
        assert row.row_version > before.row_version + 1, "who remembers the lane as the turn left it looks again"
        assert [lane.key for lane in await process.lanes.runnable(after=None, limit=9)] == [SHEET]

    async def test_a_passed_head_that_waited_is_queued(self, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(2)))
        before = await process.row(SHEET)
        late = queued(before, numbered(1))
        late.lane = replace(before.lane, depth=2, tail=before.lane.tail + 1)
        await process.commit(late)
        assert [standing.verdict for standing in await process.lane(SHEET)] == [Verdict.QUEUED, Verdict.QUEUED]

    async def test_under_an_external_id_the_head_waits_whoever_it_is(self, process: Process) -> None:
        await process.commit(stopped(await process.row(EXTERNAL_PROJECT), numbered(2)))
        before = await process.row(EXTERNAL_PROJECT)
        late = queued(before, numbered(1))
        late.lane = replace(before.lane, depth=2, tail=before.lane.tail + 1)
        await process.commit(late)
        standing = await process.lane(EXTERNAL_PROJECT)
        assert [one.message.id for one in standing] == ["crm1", "crm2"]
        assert [one.verdict for one in standing] == [Verdict.WAITING, Verdict.QUEUED]

    async def test_one_that_goes_behind_the_head_leaves_the_lane_as_it_is(self, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(2), state=LaneState.PARKED))
        before = await process.row(SHEET)
        later = queued(before, numbered(4), numbered(3))
        later.lane = replace(before.lane, depth=3, tail=before.lane.tail + 2)
        await process.commit(later)
        row = await process.row(SHEET)
        assert (row.lane.state, row.lane.reason, row.lane.depth) == (LaneState.PARKED, GAP, 3)
        assert await ids(process) == ["crm2", "crm3", "crm4"]

    async def test_a_paused_lane_stays_paused(self, process: Process) -> None:
        turn = queued(await process.row(SHEET), numbered(2), state=LaneState.PAUSED)
        turn.lane = replace(turn.lane, reason="paused by ann", paused_by=7)
        await process.commit(turn)
        before = await process.row(SHEET)
        late = queued(before, numbered(1), state=LaneState.PAUSED)
        late.lane = replace(before.lane, depth=2, tail=before.lane.tail + 1)
        await process.commit(late)
        lane = (await process.row(SHEET)).lane
        assert (lane.state, lane.reason, lane.paused_by) == (LaneState.PAUSED, "paused by ann", 7)
        assert await ids(process) == ["crm1", "crm2"]

    async def test_the_reason_of_a_passed_head_can_still_be_read(self, process: Process) -> None:
        turn = stopped(await process.row(SHEET), numbered(2), state=LaneState.PARKED)
        turn.judged[0] = turn.judged[0]._replace(reason="wrong")
        await process.commit(turn)
        before = await process.row(SHEET)
        late = queued(before, numbered(1))
        late.lane = replace(before.lane, depth=2, tail=before.lane.tail + 1)
        await process.commit(late)
        first, second = await process.lane(SHEET)
        assert (first.verdict, second.verdict, second.reason) == (Verdict.QUEUED, Verdict.PARKED, "wrong")


class TestSupersede:
    async def test_a_newer_one_ends_the_parked_head_and_its_case(self, process: Process, store: StoreStand) -> None:
        await process.commit(superseding(stopped(await process.row(SHEET), message("old"), state=LaneState.PARKED)))
        before = await process.row(SHEET)
        newer = superseding(queued(before, message("new")))
        newer.lane = replace(before.lane, depth=2, tail=before.lane.tail + 1)
        await process.commit(newer)
        row = await process.row(SHEET)
        assert await ids(process) == ["new"]
        assert (row.lane.state, row.lane.depth) == (LaneState.OPEN, 1)
        assert await store.open_cases() == 0

    async def test_others_of_the_lane_stay(self, process: Process) -> None:
        await process.commit(
            superseding(
                stopped(
                    await process.row(SHEET), message("old"), message("other", source="crm"), state=LaneState.PARKED
                )
            )
        )
        before = await process.row(SHEET)
        newer = superseding(queued(before, message("new")))
        newer.lane = replace(before.lane, depth=3, tail=before.lane.tail + 1)
        await process.commit(newer)
        assert await ids(process) == ["other", "new"]

    async def test_by_number_the_late_older_one_ends_itself(self, process: Process) -> None:
        await process.commit(superseding(stopped(await process.row(SHEET), numbered(4))))
        before = await process.row(SHEET)
        late = superseding(queued(before, numbered(2)))
        late.lane = replace(before.lane, depth=2, tail=before.lane.tail + 1)
        await process.commit(late)
        row = await process.row(SHEET)
        assert await ids(process) == ["crm4"]
        assert row.lane.state is LaneState.WAITING, "number 1 is still missing"
        assert row.cursors == {"crm": Cursor(through=0, beyond=(2,))}

    async def test_the_last_of_a_lane_leaves_it_open(self, process: Process) -> None:
        turn = superseding(queued(await process.row(SHEET), message("old"), message("new")))
        await process.commit(turn)
        assert await ids(process) == ["new"]
        assert (await process.row(SHEET)).lane.depth == 1

    async def test_of_many_the_newest_stays(self, process: Process) -> None:
        first = superseding(queued(await process.row(SHEET), *(message(f"old{n}") for n in range(4))))
        await process.commit(first)
        assert await ids(process) == ["old3"]
        turn = superseding(queued(await process.row(SHEET), numbered(5), numbered(3), numbered(9), numbered(7)))
        await process.commit(turn)
        assert await ids(process) == ["old3", "crm9"]


class TestCursors:
    async def test_they_are_kept_with_the_state(self, process: Process) -> None:
        turn = applied(await process.row(SHEET), numbered(1))
        turn.cursors = {"crm": Cursor(1, (3, 5), 1), "hr": Cursor(None, (), 9)}
        await process.commit(turn)
        assert await cursors(process) == turn.cursors
        await process.commit(applied(await process.row(SHEET), message("x")))
        assert await cursors(process) == turn.cursors, "a turn that does not move them leaves them"

    async def test_a_discard_closes_the_number_and_what_follows_on_it(self, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(2), numbered(4), numbered(6)))
        for number in (2, 4):
            await process.acts.discard(SHEET, head=numbered(number).ref, actor="ann", reason="sent in error")
        assert await cursors(process) == {"crm": Cursor(through=0, beyond=(2, 4))}
        await process.acts.close_gap(SHEET, series="crm", through=1, actor="ann", reason="never sent")
        assert await cursors(process) == {"crm": Cursor(through=2, beyond=(4,))}

    async def test_a_monotonic_series_has_no_gaps_to_close(self, process: Process) -> None:
        turn = queued(await process.row(SHEET), numbered(7))
        turn.cursors = {"crm": Cursor(applied=3)}
        await process.commit(turn)
        await process.acts.discard(SHEET, head=numbered(7).ref, actor="ann", reason="sent in error")
        assert await cursors(process) == {"crm": Cursor(applied=3)}
        with pytest.raises(LaneNotFound):
            await process.acts.close_gap(SHEET, series="crm", through=9, actor="ann", reason="never sent")

    async def test_closing_a_gap_lets_the_head_run(self, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(3)))
        await process.acts.close_gap(SHEET, series="crm", through=2, actor="ann", reason="never sent")
        row = await process.row(SHEET)
        assert (row.lane.state, row.cursors) == (LaneState.OPEN, {"crm": Cursor(through=2)})

    async def test_a_gap_is_closed_once_and_where_there_is_one(self, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(3)))
        await process.acts.close_gap(SHEET, series="crm", through=2, actor="ann", reason="never sent")
        with pytest.raises(LaneChanged):
            await process.acts.close_gap(SHEET, series="crm", through=2, actor="ann", reason="never sent")
        for key, series in ((SHEET, "hr"), (OTHER_SHEET, "crm")):
            with pytest.raises(LaneNotFound):
                await process.acts.close_gap(key, series=series, through=2, actor="ann", reason="never sent")

    @pytest.mark.parametrize("through", [3, 4, 2**63 - 1])
    async def test_only_what_is_missing_below_a_waiting_number_is_closed(self, process: Process, through: int) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(3), numbered(7)))
        with pytest.raises(LaneChanged, match="below the first that waits"):
            await process.acts.close_gap(SHEET, series="crm", through=through, actor="ann", reason="a slip of the hand")
        await process.acts.discard(SHEET, head=numbered(3).ref, actor="ann", reason="sent in error")
        await process.acts.discard(SHEET, head=numbered(7).ref, actor="ann", reason="sent in error")
        with pytest.raises(LaneChanged, match="below the first that waits"):
            await process.acts.close_gap(SHEET, series="crm", through=1, actor="ann", reason="nobody waits")

    async def test_the_highest_number_can_be_discarded(self, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(2**63 - 1)))
        await process.acts.close_gap(SHEET, series="crm", through=2**63 - 2, actor="ann", reason="a strange source")
        await process.acts.discard(SHEET, head=numbered(2**63 - 1).ref, actor="ann", reason="sent in error")
        assert await cursors(process) == {"crm": Cursor(through=2**63 - 1)}

    async def test_closing_a_gap_does_not_open_a_parked_lane(self, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(3), state=LaneState.PARKED))
        await process.acts.close_gap(SHEET, series="crm", through=2, actor="ann", reason="never sent")
        assert (await process.row(SHEET)).lane.state is LaneState.PARKED

    async def test_a_binding_brings_numbers_and_cursors_to_the_key(self, process: Process) -> None:
        held = queued(await process.row(EXTERNAL_PROJECT), numbered(3), numbered(2), state=LaneState.WAITING)
        held.cursors = {"crm": Cursor(through=0, beyond=(5,))}
        await process.commit(held)
        await process.commit(queued(await process.row(PROJECT), message("x"), numbered(1)))
        binding = applied(await process.row(PROJECT), message("p"))
        binding.lane = (await process.row(PROJECT)).lane
        binding.binds = [EXTERNAL_PROJECT]
        assert await process.commit(binding) == [Committed()]
        assert await ids(process, PROJECT) == ["x", "crm1", "crm2", "crm3"]
        assert await cursors(process, PROJECT) == {"crm": Cursor(through=0, beyond=(5,))}


class TestLongWaits:
    async def test_a_case_is_opened_once_when_the_patience_ends(self, store: StoreStand, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(2)))
        assert await process.lanes.open_overdue(page=9) == 0
        await store.pass_time(61)
        assert await process.lanes.open_overdue(page=9) == 1
        assert await process.lanes.open_overdue(page=9) == 0
        assert await store.open_cases() == 1
        assert (await process.row(SHEET)).lane.state is LaneState.WAITING

    async def test_it_is_closed_when_the_message_ends(self, store: StoreStand, process: Process) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(2)))
        await store.pass_time(61)
        await process.lanes.open_overdue(page=9)
        [head] = await process.lane(SHEET)
        row = await process.row(SHEET)
        done = Turn(row, Lane(LaneState.OPEN, 0, row.lane.tail), 1, b"{}", 1)
        done.judged = [Judged(head.message, Verdict.APPLIED, 1, head.verdict)]
        await process.commit(done)
        assert await store.open_cases() == 0

    async def test_it_is_not_opened_again_while_the_same_head_waits_on(
        self, store: StoreStand, process: Process
    ) -> None:
        await process.commit(stopped(await process.row(SHEET), numbered(2)))
        await store.pass_time(61)
        await process.lanes.open_overdue(page=9)
        row = await process.row(SHEET)
        [head] = await process.lane(SHEET)
        again = Turn(row, replace(row.lane, patience=60.0), row.entity_version)
        again.judged = [Judged(head.message, Verdict.WAITING, 0, head.verdict, head.position)]
        await process.commit(again)
        await store.pass_time(61)
        assert await process.lanes.open_overdue(page=9) == 0
        assert await store.open_cases() == 1

    async def test_a_page_at_a_time(self, store: StoreStand, process: Process) -> None:
        for key in (SHEET, OTHER_SHEET):
            waiting = stopped(
                await process.row(key), numbered(2)._replace(ref=numbered(2, source=key.id).ref, id=key.id)
            )
            await process.commit(waiting)
        await store.pass_time(61)
        assert [await process.lanes.open_overdue(page=1) for _ in range(3)] == [1, 1, 0]
