"""The contract of acts on one message: what comes back to its lane, what takes another's place, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from adapters.ports.cases import CaseFilter
from adapters.ports.message_acts import EditTaken, KeptMessage, MessageElsewhere, MessageNotFound, MessageOvertaken
from adapters.ports.turns import Again, Committed, Judged, Lane, Message, Opened, Refused, Turn
from schemas.facts import Case
from schemas.keys import ActorKey
from schemas.sequence import Cursor
from schemas.verdicts import Failure, FailureClass, LaneState, Verdict
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
    waiting,
)

BY: Final = {"actor": "ann", "reason": "a slip"}
UNMAPPED: Final = Failure(FailureClass.MAPPING, "rate_missing", "set a rate", "rate")


async def park(process: Process, key: ActorKey, *messages: Message) -> None:
    """A lane whose head is parked with a case."""
    turn = queued(await process.row(key), *messages, state=LaneState.PARKED)
    turn.judged[0] = turn.judged[0]._replace(verdict=Verdict.PARKED, attempts=1, reason="no rate")
    turn.opened.append(Opened(Case(UNMAPPED), messages[0].ref))
    assert await process.commit(turn) == [Committed()]


async def discard(process: Process, key: ActorKey, head: Message) -> None:
    await process.acts.discard(key, head=head.ref, **BY)


async def end(process: Process, key: ActorKey, ended: Message, verdict: Verdict) -> None:
    """A message of the mailbox that is final at once."""
    row = await process.row(key)
    turn = Turn(row, row.lane, row.entity_version)
    turn.judged.append(Judged(ended, verdict, row.entity_version, reason="so it is"))
    assert await process.commit(turn) == [Committed()]


async def lane(process: Process, key: ActorKey) -> list[tuple[str, Verdict]]:
    return [(each.message.id, each.verdict) for each in await process.lane(key)]


async def runnable(process: Process) -> list[ActorKey]:
    return [each.key for each in await process.lanes.runnable(after=None, limit=100)]


async def verdict(process: Process, of: Message) -> Verdict:
    kept = await process.message_acts.kept(of.ref)
    assert kept is not None
    return kept.verdict


async def timeline(process: Process, key: ActorKey) -> list[tuple[str, str | None]]:
    """What happened to a key, oldest first, and why."""
    return [(line.what, line.reason) for line in reversed(await process.entities.timeline(key, before=None, limit=99))]


class TestUndiscard:
    async def test_it_stands_before_all_others_and_may_run(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"), message("2"))
        await discard(process, SHEET, message("1"))
        row = await process.row(SHEET)
        turn = Turn(row, replace(row.lane, state=LaneState.PARKED, reason="no"), row.entity_version)
        turn.judged.append(Judged(message("2"), Verdict.PARKED, 0, was=Verdict.QUEUED, position=2, attempts=1))
        assert await process.commit(turn) == [Committed()]
        assert await process.message_acts.undiscard(message("1").ref, **BY) == SHEET
        assert await lane(process, SHEET) == [("1", Verdict.QUEUED), ("2", Verdict.PARKED)]
        now = (await process.row(SHEET)).lane
        assert (now.state, now.depth) == (LaneState.OPEN, 2)
        assert await runnable(process) == [SHEET]
        assert (await timeline(process, SHEET))[-1] == ("undiscarded", "ann: a slip")
        assert [act[1] for act in await store.acts()] == ["lane.discard", "message.undiscard"]

    async def test_it_stands_in_an_empty_lane_behind_which_others_line_up(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        await discard(process, SHEET, message("1"))
        await process.message_acts.undiscard(message("1").ref, **BY)
        assert await process.commit(queued(await process.row(SHEET), message("2"))) == [Committed()]
        assert await lane(process, SHEET) == [("1", Verdict.QUEUED), ("2", Verdict.QUEUED)]

    async def test_a_turn_that_was_decided_before_is_refused(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        await discard(process, SHEET, message("1"))
        turn = applied(await process.row(SHEET), message("2"))
        await process.message_acts.undiscard(message("1").ref, **BY)
        assert await process.commit(turn) == [Refused(Again.STALE_WRITER)]

    async def test_once_anything_later_was_applied_it_stays_away(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        await discard(process, SHEET, message("1"))
        await process.commit(applied(await process.row(SHEET), message("2")))
        with pytest.raises(MessageOvertaken):
            await process.message_acts.undiscard(message("1").ref, **BY)
        assert await verdict(process, message("1")) is Verdict.DISCARDED
        assert [act[1] for act in await store.acts()] == ["lane.discard"]

    async def test_what_was_applied_before_it_was_discarded_is_in_nobodys_way(self, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), message("0")))
        await park(process, SHEET, message("1"))
        await discard(process, SHEET, message("1"))
        await process.message_acts.undiscard(message("1").ref, **BY)
        assert await lane(process, SHEET) == [("1", Verdict.QUEUED)]

    async def test_a_smaller_number_that_came_meanwhile_stands_before_it(self, process: Process) -> None:
        turn = queued(await process.row(SHEET), numbered(5), state=LaneState.WAITING)
        turn.cursors = {"crm": Cursor(through=3)}
        assert await process.commit(turn) == [Committed()]
        await discard(process, SHEET, numbered(5))
        await process.commit(queued(await process.row(SHEET), numbered(4), state=LaneState.PARKED))
        await process.message_acts.undiscard(numbered(5).ref, **BY)
        assert [each for each, _ in await lane(process, SHEET)] == ["crm4", "crm5"]

    async def test_a_paused_lane_stays_so(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        await discard(process, SHEET, message("1"))
        await process.commit(queued(await process.row(SHEET), message("2"), state=LaneState.PAUSED))
        await process.message_acts.undiscard(message("1").ref, **BY)
        assert (await process.row(SHEET)).lane.state is LaneState.PAUSED
        assert [each for each, _ in await lane(process, SHEET)] == ["1", "2"]
        assert await runnable(process) == []

    async def test_only_what_is_discarded_comes_back_and_only_once(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        with pytest.raises(MessageElsewhere):
            await process.message_acts.undiscard(message("1").ref, **BY)
        await discard(process, SHEET, message("1"))
        await process.message_acts.undiscard(message("1").ref, **BY)
        with pytest.raises(MessageElsewhere):
            await process.message_acts.undiscard(message("1").ref, **BY)
        with pytest.raises(MessageNotFound):
            await process.message_acts.undiscard(message("9").ref, **BY)

    async def test_what_was_discarded_under_an_id_without_an_entity_does_not(self, process: Process) -> None:
        await process.commit(queued(await process.row(EXTERNAL_PROJECT), message("1"), state=LaneState.WAITING))
        await discard(process, EXTERNAL_PROJECT, message("1"))
        with pytest.raises(MessageElsewhere):
            await process.message_acts.undiscard(message("1").ref, **BY)


class TestForce:
    async def test_a_stale_one_is_to_be_decided_without_its_number(self, store: StoreStand, process: Process) -> None:
        await end(process, SHEET, numbered(1), Verdict.STALE)
        await process.commit(queued(await process.row(SHEET), numbered(3), state=LaneState.PARKED))
        assert await process.message_acts.force(numbered(1).ref, **BY) == SHEET
        [forced, other] = await process.lane(SHEET)
        assert (forced.message, forced.verdict) == (
            numbered(1)._replace(series=None, sequence=None), Verdict.QUEUED,
        )  # fmt: skip
        assert other.message == numbered(3)
        assert await runnable(process) == [SHEET]
        assert (await timeline(process, SHEET))[-1] == ("forced", "ann: a slip")
        assert await store.acts() == [("ann", "message.force", "a slip")]

    async def test_nothing_else_is_forced(self, process: Process) -> None:
        await end(process, SHEET, message("1"), Verdict.IGNORED)
        await park(process, OTHER_SHEET, message("2"))
        for each in ("1", "2"):
            with pytest.raises(MessageElsewhere):
                await process.message_acts.force(message(each).ref, **BY)


class TestEdit:
    NEW = message("1~mark", body=b'{"new": 1}')

    async def test_it_takes_place_and_number_and_the_lane_may_run(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, numbered(1), numbered(2))
        assert await process.message_acts.edit(numbered(1).ref, self.NEW, **BY) == SHEET
        [head, _] = await process.lane(SHEET)
        as_told = self.NEW._replace(source="crm", series="crm", sequence=1)
        assert (head.message, head.position, head.verdict, head.attempts) == (as_told, 1, Verdict.QUEUED, 0)
        now = (await process.row(SHEET)).lane
        assert (now.state, now.depth) == (LaneState.OPEN, 2)
        assert await verdict(process, numbered(1)) is Verdict.SUPERSEDED
        assert await store.open_cases() == 0
        why = "ann edited it, as 1~mark: a slip"
        assert (await timeline(process, SHEET))[-2:] == [("superseded", why), ("edited", why)]
        assert await store.acts() == [("ann", "message.edit", "as 1~mark: a slip")]
        assert await process.message_acts.kept(self.NEW.ref) == KeptMessage(as_told, SHEET, Verdict.QUEUED, True)  # noqa: FBT003

    async def test_the_same_once_more_does_nothing_more(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        for _ in range(2):
            assert await process.message_acts.edit(message("1").ref, self.NEW, **BY) == SHEET
        assert await lane(process, SHEET) == [("1~mark", Verdict.QUEUED)]
        assert len(await store.acts()) == 1
        # Also once it was applied
        [head], row = await process.lane(SHEET), await process.row(SHEET)
        turn = Turn(row, replace(row.lane, depth=0), row.entity_version + 1, b"{}", schema=1)
        turn.judged.append(Judged(head.message, Verdict.APPLIED, row.entity_version + 1, was=Verdict.QUEUED))
        assert await process.commit(turn) == [Committed()]
        assert await process.message_acts.edit(message("1").ref, self.NEW, **BY) == SHEET
        assert await lane(process, SHEET) == []

    async def test_an_edit_is_edited(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        again = message("1~more", body=b'{"new": 2}')
        await process.message_acts.edit(message("1").ref, self.NEW, **BY)
        await process.message_acts.edit(self.NEW.ref, again, **BY)
        assert await lane(process, SHEET) == [("1~more", Verdict.QUEUED)]

    async def test_behind_others_it_waits_for_them(self, process: Process) -> None:
        await park(process, SHEET, message("1"), message("2"), message("3"))
        await process.message_acts.edit(message("2").ref, self.NEW, **BY)
        assert [each for each, _ in await lane(process, SHEET)] == ["1", "1~mark", "3"]
        now = (await process.row(SHEET)).lane
        assert (now.state, now.depth) == (LaneState.PARKED, 3)
        [case] = await process.cases.find(CaseFilter(key="T-1"), after=0, limit=9)
        assert case.code == "rate_missing"

    async def test_what_waits_is_edited_and_waits_no_more(self, process: Process) -> None:
        turn = waiting(await process.row(SHEET), message("1"), PROJECT, 0)
        turn.relied = {PROJECT: 0}
        assert await process.commit(turn) == [Committed()]
        await process.message_acts.edit(message("1").ref, self.NEW, **BY)
        assert await runnable(process) == [SHEET]
        await process.commit(applied(await process.row(PROJECT), message("p")))
        assert await process.lanes.wake(page=9) == []

    async def test_a_turn_that_was_decided_before_is_refused(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        await process.acts.retry(SHEET, actor="ann", reason="a slip")
        row = await process.row(SHEET)
        turn = Turn(row, replace(row.lane, depth=0), row.entity_version + 1, b"{}", schema=1)
        turn.judged.append(Judged(message("1"), Verdict.APPLIED, 1, was=Verdict.QUEUED))
        await process.message_acts.edit(message("1").ref, self.NEW, **BY)
        assert await process.commit(turn) == [Refused(Again.STALE_WRITER)]

    async def test_only_what_stands_in_a_lane_is_edited(self, store: StoreStand, process: Process) -> None:
        await process.commit(applied(await process.row(SHEET), message("1")))
        await process.commit(queued(await process.row(EXTERNAL_PROJECT), message("2"), state=LaneState.WAITING))
        for each in ("1", "2"):
            with pytest.raises(MessageElsewhere):
                await process.message_acts.edit(message(each).ref, self.NEW, **BY)
        with pytest.raises(MessageNotFound):
            await process.message_acts.edit(message("9").ref, self.NEW, **BY)
        assert await store.acts() == []

    @pytest.mark.parametrize("was", [Verdict.DISCARDED, Verdict.REJECTED])
    async def test_of_one_that_has_ended_the_edit_stands_before_all_others(
        self, store: StoreStand, process: Process, was: Verdict
    ) -> None:
        await end(process, SHEET, numbered(1), was)
        await park(process, SHEET, numbered(3))
        assert await process.message_acts.edit(numbered(1).ref, self.NEW, **BY) == SHEET
        assert await lane(process, SHEET) == [("1~mark", Verdict.QUEUED), (numbered(3).id, Verdict.PARKED)]
        [head, _] = await process.lane(SHEET)
        assert (head.message.series, head.message.sequence) == ("crm", 1)
        now = (await process.row(SHEET)).lane
        assert (now.state, now.depth) == (LaneState.OPEN, 2)
        assert await verdict(process, numbered(1)) is Verdict.SUPERSEDED
        assert await process.message_acts.edit(numbered(1).ref, self.NEW, **BY) == SHEET
        assert len(await store.acts()) == 1

    async def test_of_a_stale_one_it_has_no_number(self, process: Process) -> None:
        await end(process, SHEET, numbered(1), Verdict.STALE)
        assert await process.message_acts.edit(numbered(1).ref, self.NEW, **BY) == SHEET
        [head] = await process.lane(SHEET)
        assert (head.message.id, head.message.series, head.message.sequence) == ("1~mark", None, None)
        assert (await process.row(SHEET)).lane == Lane(LaneState.OPEN, 1, 2)

    @pytest.mark.parametrize("was", [Verdict.DISCARDED, Verdict.REJECTED])
    async def test_once_anything_later_was_applied_what_has_ended_is_not_edited(
        self, process: Process, was: Verdict
    ) -> None:
        await end(process, SHEET, message("1"), was)
        await process.commit(applied(await process.row(SHEET), message("2")))
        with pytest.raises(MessageOvertaken):
            await process.message_acts.edit(message("1").ref, self.NEW, **BY)
        assert await lane(process, SHEET) == []
        assert await verdict(process, message("1")) is was

    @pytest.mark.parametrize("was", [Verdict.IGNORED, Verdict.SUPERSEDED])
    async def test_what_has_ended_otherwise_is_not_edited(self, process: Process, was: Verdict) -> None:
        await end(process, SHEET, message("1"), was)
        with pytest.raises(MessageElsewhere):
            await process.message_acts.edit(message("1").ref, self.NEW, **BY)

    async def test_an_id_that_is_taken_is_refused(self, process: Process) -> None:
        await process.commit(applied(await process.row(OTHER_SHEET), message("1~mark", delivery=2)))
        await park(process, SHEET, message("1"))
        with pytest.raises(EditTaken):
            await process.message_acts.edit(message("1").ref, self.NEW, **BY)
        assert await lane(process, SHEET) == [("1", Verdict.PARKED)]
