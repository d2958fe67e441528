"""The contract of replays: what a plan freezes, when lanes are let go on, and what is told of them afterwards."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest

from adapters.ports.cases import CaseFilter
from adapters.ports.replays import (
    PAUSED,
    Asked,
    Change,
    Chosen,
    Fate,
    Kind,
    Landed,
    NothingChosen,
    Outcome,
    Outlook,
    Phase,
    PlanExpired,
    Prediction,
    Progress,
    Relied,
    Replay,
    ReplayClickReused,
    ReplayElsewhere,
    ReplayNotFound,
    ReplayTooLarge,
    Steer,
    Terms,
    Total,
)
from adapters.ports.retention import Old
from adapters.ports.turns import Committed, Judged, Lane, Message, Opened, Turn
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

ORDER: Final = ("customer", "project", "timesheet")
TERMS: Final = Terms("again", 50, 0.25)
UNMAPPED: Final = Failure(FailureClass.MAPPING, "rate_missing", "set a rate", "rate")
OUTLOOK: Final = Outlook(
    {Verdict.APPLIED: 2}, {"rate_missing": 1}, {Kind("erp", "billable.post", "EUR"): Total(2, Decimal("941.25"))}
)


def parked(turn: Turn, failure: Failure = UNMAPPED) -> Turn:
    """The same turn, whose first message is parked with a case."""
    first = turn.judged[0]
    turn.judged[0] = first._replace(verdict=Verdict.PARKED, attempts=1, reason=failure.reason)
    turn.lane = replace(turn.lane, state=LaneState.PARKED, reason=failure.reason)
    turn.opened.append(Opened(Case(failure), first.message.ref))
    return turn


async def park(process: Process, key: ActorKey, *messages: Message, failure: Failure = UNMAPPED) -> None:
    assert await process.commit(parked(queued(await process.row(key), *messages), failure)) == [Committed()]


async def wait(process: Process, key: ActorKey, waits: Message, target: ActorKey = PROJECT) -> None:
    turn = waiting(await process.row(key), waits, target, 0)
    turn.relied = {target: 0}
    assert await process.commit(turn) == [Committed()]


async def plan(process: Process, most: int = 100, click: str = "1", **chosen: Any) -> Replay:
    return await process.replays.plan(
        Chosen(**chosen), order=ORDER, most=most, by="ann", reason="vendor was down", click=click
    )


async def ready(process: Process, click: str = "1", **chosen: Any) -> Replay:
    """A plan whose messages would all be applied."""
    made = await plan(process, click=click, **chosen)
    found = await process.replay_work.planned(made.id, after=0, keys=None, limit=100)
    relied = [
        Relied(key, {key: (await process.row(key)).entity_version, PROJECT: 0})
        for key in dict.fromkeys(each.key for each in found)
    ]
    predictions = {each.number: Prediction(Verdict.APPLIED) for each in found}
    kept = await process.replay_work.predicted(made, predictions, relied, decided=len(found))
    assert kept is not None
    end = await process.replay_work.ready(kept, OUTLOOK, policy="p1", token=f"token-{click}", seconds=60)
    assert end is not None
    return end


async def begun(process: Process, click: str = "1", terms: Terms = TERMS, **chosen: Any) -> Replay:
    made = await ready(process, click, **chosen)
    return await process.replays.start(made.token or "", terms, by="bob", reason="rates are set")


async def names(process: Process, replay: Replay) -> list[str]:
    """Its messages in order, the chosen ones with a star."""
    items = await process.replays.items(replay.id, outcome=None, predicted=None, after=0, limit=100)
    return [f"{item.key.id} {item.id}{'*' if item.is_chosen else ''}" for item in items]


async def run_lane(process: Process, key: ActorKey) -> None:
    """Apply all that stands in a lane."""
    lane = await process.lane(key)
    assert await process.commit(drained(await process.row(key), *lane)) == [Committed()]


class TestPlan:
    async def test_it_freezes_whole_lanes_in_the_order_of_entities(self, process: Process) -> None:
        await park(process, OTHER_SHEET, message("1"))
        await park(process, SHEET, message("2"), message("3"))
        await park(process, PROJECT, message("4"))
        made = await plan(process, failure_class=FailureClass.MAPPING)
        assert await names(process, made) == ["P-1 4*", "T-1 2*", "T-1 3", "T-2 1*"]
        assert (made.phase, made.keys, made.messages, made.matched, made.by) == (Phase.DECIDING, 3, 4, 3, "ann")

    @pytest.mark.parametrize(
        ("chosen", "found"),
        [
            ({}, ["T-1", "T-2"]),
            ({"entity": "timesheet", "key": "T-1"}, ["T-1"]),
            ({"entity": "project"}, []),
            ({"type": "timesheet.approved.v1"}, ["T-1", "T-2"]),
            ({"type": "timesheet.rejected.v1"}, []),
            ({"verdict": Verdict.WAITING}, ["T-2"]),
            ({"verdict": Verdict.QUEUED}, ["T-1"]),
            ({"failure_class": FailureClass.MAPPING}, ["T-1"]),
            ({"code": "rate_missing"}, ["T-1"]),
            ({"code": "rate_missing", "failure_class": FailureClass.SCHEMA}, []),
            ({"source": "crm"}, ["T-2"]),
            ({"correlation": "c-1"}, ["T-1"]),
            ({"system": "erp"}, []),
        ],
    )
    async def test_messages_are_chosen_by(self, process: Process, chosen: dict[str, Any], found: list[str]) -> None:
        await park(process, SHEET, message("1", body=b'{"correlationid": "c-1"}'), message("2"))
        await wait(process, OTHER_SHEET, message("3", source="crm"))
        if not found:
            with pytest.raises(NothingChosen):
                await plan(process, **chosen)
            return
        items = await names(process, await plan(process, **chosen))
        assert sorted({item.split()[0] for item in items}) == found

    async def test_messages_are_chosen_by_time_and_case(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        await store.pass_time(100)
        now = await store.now()
        await park(process, OTHER_SHEET, message("2"))
        middle = now - timedelta(seconds=50)
        assert await names(process, await plan(process, click="1", until=middle)) == ["T-1 1*"]
        assert await names(process, await plan(process, click="2", since=middle)) == ["T-2 2*"]
        [case] = await process.cases.find(CaseFilter(key="T-2"), after=0, limit=9)
        assert await names(process, await plan(process, click="3", case=case.id)) == ["T-2 2*"]

    async def test_lanes_that_run_or_are_paused_and_ids_without_an_entity_are_left_out(self, process: Process) -> None:
        await process.commit(queued(await process.row(SHEET), message("1")))
        await process.commit(queued(await process.row(OTHER_SHEET), message("2"), state=LaneState.PAUSED))
        await process.commit(queued(await process.row(EXTERNAL_PROJECT), message("3"), state=LaneState.WAITING))
        with pytest.raises(NothingChosen):
            await plan(process)

    async def test_it_is_refused_when_it_is_too_large(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"), message("2"), message("3"))
        with pytest.raises(ReplayTooLarge) as refused:
            await plan(process, most=2, verdict=Verdict.PARKED)
        assert (refused.value.messages, refused.value.most) == (3, 2)
        assert await process.replays.page(plans=True, before=None, limit=9) == []
        assert await store.acts() == []

    async def test_the_same_click_is_the_same_plan(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        first = await plan(process)
        assert await plan(process) == first
        with pytest.raises(ReplayClickReused):
            await plan(process, entity="timesheet")
        assert await store.acts() == [("ann", "replay.plan", f"replay {first.id}: 1 messages: vendor was down")]

    async def test_predictions_are_kept_and_shown(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        made = await plan(process)
        [planned] = await process.replay_work.planned(made.id, after=0, keys=None, limit=9)
        assert (planned.number, planned.key, planned.kills) == (1, SHEET, False)
        assert (planned.message.message.id, planned.message.verdict) == ("1", Verdict.QUEUED)
        prediction = Prediction(
            Verdict.APPLIED, "as it is", "odd", (Asked("erp", "billable.post", "r/1", Decimal("1.50"), "EUR"),),
            (Change("status", None, '"open"'),),
        )  # fmt: skip
        kept = await process.replay_work.predicted(made, {1: prediction}, [], decided=1)
        assert kept is not None
        [item] = await process.replays.items(made.id, outcome=None, predicted=Verdict.APPLIED, after=0, limit=9)
        assert (item.prediction, item.was, item.fate) == (prediction, Verdict.PARKED, None)
        assert await process.replays.items(made.id, outcome=None, predicted=Verdict.PARKED, after=0, limit=9) == []
        # What was read before is written no more
        assert await process.replay_work.predicted(made, {1: prediction}, [], decided=1) is None
        end = await process.replay_work.ready(kept, OUTLOOK, policy="p1", token="t", seconds=60)
        assert end == await process.replays.replay(made.id)
        assert end is not None
        assert (end.phase, end.outlook, end.policy, end.token, end.decided) == (Phase.READY, OUTLOOK, "p1", "t", 1)
        assert await process.replay_work.deciding() is None

    async def test_pages_of_messages_by_keys_and_only_those_that_still_stand(self, process: Process) -> None:
        await park(process, SHEET, message("1"), message("2"))
        await park(process, OTHER_SHEET, message("3"))
        made = await plan(process)

        async def numbers(after: int, *keys: ActorKey) -> list[int]:
            found = await process.replay_work.planned(made.id, after=after, keys=keys or None, limit=2)
            return [each.number for each in found]

        assert [await numbers(0), await numbers(2), await numbers(0, OTHER_SHEET)] == [[1, 2], [3], [3]]
        await run_lane(process, SHEET)
        assert await numbers(0) == [3]

    async def test_pages_are_bounded_by_their_bytes(self, process: Process) -> None:
        await park(process, SHEET, *(message(str(number), body=b"{}" + b" " * 998) for number in range(5)))
        made = await plan(process)

        async def numbers(after: int, room: int) -> list[int]:
            found = await process.replay_work.planned(made.id, after=after, keys=None, limit=9, room=room)
            return [each.number for each in found]

        assert [await numbers(0, 1), await numbers(0, 1500), await numbers(2, 1 << 20)] == [[1], [1, 2], [3, 4, 5]]


class TestStart:
    async def test_a_token_starts_its_plan_once(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        made = await ready(process)
        found = await process.replays.of_token("token-1")
        assert (found and found.phase, await process.replays.of_token("token-2")) == (Phase.READY, None)
        begun = await process.replays.start("token-1", TERMS, by="bob", reason="rates are set")
        assert (begun.phase, begun.terms, begun.started_by, begun.reason) == (
            Phase.RUNNING, TERMS, "bob", "rates are set",
        )  # fmt: skip
        assert await process.replays.start("token-1", TERMS, by="bob", reason="rates are set") == begun
        with pytest.raises(ReplayElsewhere):
            await process.replays.start("token-1", TERMS, by="cid", reason="again")
        with pytest.raises(ReplayNotFound):
            await process.replays.start("token-2", TERMS, by="bob", reason="x")
        assert [act[1] for act in await store.acts()] == ["replay.plan", "replay.start"]
        assert [each.id for each in await process.replays.page(plans=False, before=None, limit=9)] == [made.id]
        assert await process.replays.page(plans=True, before=None, limit=9) == []

    async def test_a_plan_expires(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        await ready(process)
        await store.pass_time(61)
        with pytest.raises(PlanExpired):
            await process.replays.of_token("token-1")
        with pytest.raises(PlanExpired):
            await process.replays.start("token-1", TERMS, by="bob", reason="x")

    async def test_what_was_started_does_not_expire(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        replay = await begun(process)
        await store.pass_time(61)
        found = await process.replays.of_token("token-1")
        assert found is not None
        assert found.id == replay.id

    async def test_it_is_resumed_under_another_policy(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        replay = await begun(process)
        assert [replay.goes_by(each) for each in ("p1", "p2", None)] == [True, False, False]
        for policy, under in (("p2", "p2"), (None, "p2"), ("p1", "p1")):
            await process.replays.steer(replay.id, Steer.PAUSE, by="cid", reason="look")
            again = await process.replays.steer(replay.id, Steer.RESUME, by="cid", reason="go on", policy=policy)
            assert (again.policy, again.resumed_under) == ("p1", under)
            # That of its plan it may go by always
            assert [again.goes_by(each) for each in ("p1", "p2", "p3", None)] == [True, under == "p2", False, False]
        told = [reason for _, act, _, reason in await store.audit() if act == "replay.resume"]
        assert told == [f"replay {replay.id}: {under}go on" for under in ("under policy p2: ", "", "under policy p1: ")]

    async def test_what_was_not_paused_when_it_was_looked_at_is_not_resumed(
        self, store: StoreStand, process: Process
    ) -> None:
        await park(process, SHEET, message("1"))
        replay = await begun(process)

        async def resumed(seen: Phase) -> Replay:
            steer = process.replays.steer
            return await steer(replay.id, Steer.RESUME, by="cid", reason="go on", policy="p2", seen=seen)

        await process.replays.steer(replay.id, Steer.PAUSE, by="cid", reason="look")
        with pytest.raises(ReplayElsewhere):
            await resumed(Phase.RUNNING)
        again = await resumed(Phase.PAUSED)
        assert (again.phase, again.resumed_under) == (Phase.RUNNING, "p2")
        assert await resumed(Phase.PAUSED) == again, "it is so already"

    async def test_one_process_works(self, store: StoreStand) -> None:
        ann, bob = store.process(), store.process()
        assert (await ann.replay_work.hold(), await bob.replay_work.hold()) == (True, False)
        assert await ann.replay_work.hold()
        await ann.replay_work.close()
        assert await bob.replay_work.hold()

    async def test_it_is_paused_resumed_and_cancelled(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        replay = await begun(process)

        async def steered(steer: Steer) -> Phase:
            return (await process.replays.steer(replay.id, steer, by="cid", reason="close")).phase

        assert [await steered(steer) for steer in (Steer.PAUSE, Steer.PAUSE, Steer.RESUME, Steer.CANCEL)] == [
            Phase.PAUSED, Phase.PAUSED, Phase.RUNNING, Phase.CANCELLING,
        ]  # fmt: skip
        with pytest.raises(ReplayElsewhere):
            await steered(Steer.RESUME)
        with pytest.raises(ReplayNotFound):
            await process.replays.steer(replay.id + 1, Steer.PAUSE, by="cid", reason="x")
        assert [act[1] for act in await store.acts()][2:] == ["replay.pause", "replay.resume", "replay.cancel"]
        # A process that read it before writes nothing
        assert await process.replay_work.release(replay, allow=9, most=9, moving=False) is None
        [now] = await process.replay_work.started()
        await process.replay_work.end(now)
        over = await process.replays.replay(replay.id)
        assert over is not None
        assert (over.phase, over.ended_at is not None) == (Phase.CANCELLED, True)
        assert await process.replay_work.started() == []

    async def test_a_plan_is_cancelled_at_once_and_never_started(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        made = await ready(process)
        for steer in (Steer.PAUSE, Steer.RESUME):
            with pytest.raises(ReplayNotFound):
                await process.replays.steer(made.id, steer, by="cid", reason="x")
        for _ in range(2):
            over = await process.replays.steer(made.id, Steer.CANCEL, by="cid", reason="too broad")
            assert (over.phase, over.reason, over.is_plan, over.ended_at is not None) == (
                Phase.CANCELLED, "too broad", True, True,
            )  # fmt: skip
        with pytest.raises(ReplayElsewhere):
            await process.replays.start("token-1", TERMS, by="bob", reason="x")
        assert [act[1] for act in await store.acts()] == ["replay.plan", "replay.cancel"]
        assert [each.id for each in await process.replays.page(plans=True, before=None, limit=9)] == [made.id]
        assert await process.replay_work.started() == []

    async def test_a_plan_that_cannot_be_made_is_given_up(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"))
        made = await plan(process)
        await process.replays.steer(made.id, Steer.CANCEL, by="cid", reason="too broad")
        await process.replay_work.give_up(made, "somebody was quicker")
        other = await plan(process, click="2")
        await process.replay_work.give_up(other, "it could not be decided")
        assert await process.replay_work.deciding() is None
        found = [await process.replays.replay(each.id) for each in (made, other)]
        assert [each and (each.phase, each.reason) for each in found] == [
            (Phase.CANCELLED, "too broad"), (Phase.CANCELLED, "it could not be decided"),
        ]  # fmt: skip
        assert [act[:2] for act in await store.acts()][-1] == ("gateway", "replay.cancel")

    async def test_a_resumed_one_is_counted_anew(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        replay = await begun(process)
        released = await process.replay_work.release(replay, allow=9, most=9, moving=False)
        assert released is not None
        await process.replay_work.stop(released.replay, "too much fails")
        stopped = await process.replays.replay(replay.id)
        assert stopped is not None
        assert (stopped.phase, stopped.reason) == (Phase.PAUSED, "too much fails")
        again = await process.replays.steer(replay.id, Steer.RESUME, by="cid", reason="go on")
        assert again.progress == Progress(released=1, released_before=1)


class TestRelease:
    async def test_lanes_go_on_in_order_until_they_hold_enough(self, store: StoreStand, process: Process) -> None:
        await park(process, PROJECT, message("1"), message("2"), message("3"))
        await park(process, SHEET, message("4"))
        await park(process, OTHER_SHEET, message("5"))
        replay = await begun(process)
        first = await process.replay_work.release(replay, allow=2, most=9, moving=False)
        assert first is not None
        assert (first.keys, first.replay.progress.released) == ([PROJECT], 3)
        lane = (await process.row(PROJECT)).lane
        assert (lane.state, lane.depth) == (LaneState.OPEN, 3)
        assert [each.verdict for each in await process.lane(PROJECT)] == [Verdict.QUEUED] * 3
        assert await store.open_cases() == 2
        rest = await process.replay_work.release(first.replay, allow=9, most=1, moving=False)
        assert rest is not None
        assert (rest.keys, rest.replay.progress.released) == ([SHEET], 4)
        assert await process.replay_work.release(first.replay, allow=9, most=9, moving=False) is None

    async def test_what_others_refer_to_comes_to_rest_first(self, process: Process) -> None:
        await park(process, PROJECT, message("1"))
        await park(process, SHEET, message("2"))
        await park(process, OTHER_SHEET, message("3"))
        first = await process.replay_work.release(await begun(process), allow=9, most=9, moving=False)
        assert first is not None
        assert first.keys == [PROJECT]
        assert await process.replay_work.release(first.replay, allow=9, most=9, moving=True) is None
        sheet = await process.replay_work.release(first.replay, allow=1, most=9, moving=False)
        assert sheet is not None
        assert sheet.keys == [SHEET]
        other = await process.replay_work.release(sheet.replay, allow=1, most=9, moving=True)
        assert other is not None
        assert other.keys == [OTHER_SHEET]

    async def test_a_lane_with_another_head_is_left_alone(self, process: Process) -> None:
        await park(process, SHEET, message("1"), message("2"))
        replay = await begun(process)
        await process.acts.discard(SHEET, head=message("1").ref, actor="cid", reason="wrong")
        turn = Turn(await process.row(SHEET), Lane(LaneState.PARKED, 1, 3), 0)
        turn.judged.append(Judged(message("2"), Verdict.PARKED, 0, was=Verdict.QUEUED, position=2))
        assert await process.commit(turn) == [Committed()]
        released = await process.replay_work.release(replay, allow=9, most=9, moving=False)
        assert released is not None
        assert (released.keys, released.replay.progress.released) == ([], 2)
        look = await process.replay_work.look(released.replay, limit=9, final=False)
        assert {each.why for each in look.landed} == {"the head of its lane is another message now"}
        assert [each.verdict for each in look.landed] == [Verdict.DISCARDED, Verdict.PARKED]

    async def test_a_lane_that_runs_already_is_left_alone(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        replay = await begun(process)
        await process.acts.retry(SHEET, actor="cid", reason="quicker")
        released = await process.replay_work.release(replay, allow=9, most=9, moving=False)
        assert released is not None
        assert released.keys == []
        [landed] = (await process.replay_work.look(released.replay, limit=9, final=False)).landed
        assert landed.why == "its lane is open already"

    async def test_what_has_ended_the_process_runs_by_force_alone(self, process: Process) -> None:
        await park(process, SHEET, message("1"), failure=replace(UNMAPPED, code="kills_process"))
        [planned] = await process.replay_work.planned((await plan(process)).id, after=0, keys=None, limit=9)
        assert planned.kills
        released = await process.replay_work.release(await begun(process, "2"), allow=9, most=9, moving=False)
        assert released is not None
        assert released.keys == []

    async def test_messages_that_came_later_do_not_change_a_lane(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        replay = await begun(process)
        await process.commit(queued(await process.row(SHEET), message("2"), state=LaneState.PARKED))
        released = await process.replay_work.release(replay, allow=9, most=9, moving=False)
        assert released is not None
        assert released.keys == [SHEET]


class TestLook:
    async def test_a_lane_lands_when_its_messages_have_left_it(self, process: Process) -> None:
        await park(process, SHEET, message("1"), message("2"))
        released = await process.replay_work.release(await begun(process), allow=9, most=9, moving=False)
        assert released is not None
        look = await process.replay_work.look(released.replay, limit=9, final=False)
        assert (look.landed, look.moving, look.resting) == ([], 2, 0)
        await run_lane(process, SHEET)
        look = await process.replay_work.look(released.replay, limit=9, final=False)
        assert (look.moving, look.resting) == (0, 0)
        assert look.landed == [
            Landed(number, Verdict.APPLIED, None, Verdict.APPLIED, None, None, None) for number in (1, 2)
        ]

    async def test_a_lane_that_is_parked_again_lands_with_the_code_of_its_case(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        released = await process.replay_work.release(await begun(process), allow=9, most=9, moving=False)
        assert released is not None
        [head], row = await process.lane(SHEET), await process.row(SHEET)
        turn = Turn(row, replace(row.lane, state=LaneState.PARKED, reason="no"), 0)
        turn.judged.append(
            Judged(head.message, Verdict.PARKED, 0, was=Verdict.QUEUED, position=1, attempts=1, reason="no")
        )
        turn.opened.append(Opened(Case(UNMAPPED), head.message.ref))
        assert await process.commit(turn) == [Committed()]
        [landed] = (await process.replay_work.look(released.replay, limit=9, final=False)).landed
        assert (landed.verdict, landed.code, landed.reason) == (Verdict.PARKED, "rate_missing", "no")

    async def test_what_waits_lands_at_the_end_unless_it_is_about_to_be_woken(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        released = await process.replay_work.release(await begun(process), allow=9, most=9, moving=False)
        assert released is not None
        [head], row = await process.lane(SHEET), await process.row(SHEET)
        turn = Turn(row, replace(row.lane, state=LaneState.WAITING, reason="waits", target=PROJECT, seen=0), 0)
        turn.relied = {PROJECT: 0}
        turn.judged.append(Judged(head.message, Verdict.WAITING, 0, was=Verdict.QUEUED, position=1))
        assert await process.commit(turn) == [Committed()]

        async def look(*, final: bool) -> tuple[int, int, int]:
            found = await process.replay_work.look(released.replay, limit=9, final=final)
            return len(found.landed), found.moving, found.resting

        assert (await look(final=False), await look(final=True)) == ((0, 0, 1), (1, 0, 0))
        await process.commit(applied(await process.row(PROJECT), message("p")))
        assert (await look(final=False), await look(final=True)) == ((0, 1, 0), (0, 1, 0))

    async def test_what_a_pause_holds_lands_as_just_that(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        released = await process.replay_work.release(await begun(process), allow=9, most=9, moving=False)
        assert released is not None
        [head], row = await process.lane(SHEET), await process.row(SHEET)
        turn = Turn(row, replace(row.lane, state=LaneState.PAUSED, reason="everything is paused"), 0)
        turn.judged.append(Judged(head.message, Verdict.QUEUED, 0, was=Verdict.QUEUED, position=1))
        assert await process.commit(turn) == [Committed()]
        [landed] = (await process.replay_work.look(released.replay, limit=9, final=False)).landed
        assert (landed.verdict, landed.why) == (Verdict.QUEUED, PAUSED)

    async def test_what_waits_is_counted_and_landed_in_turns(self, process: Process) -> None:
        keys = [ActorKey("timesheet", f"W-{number}") for number in range(5)]
        for key in keys:
            await wait(process, key, message(key.id), ActorKey("project", "P-9"))
        released = await process.replay_work.release(await begun(process), allow=9, most=9, moving=False)
        assert released is not None
        for key in keys:
            [head], row = await process.lane(key), await process.row(key)
            lane = replace(row.lane, state=LaneState.WAITING, reason="waits", target=PROJECT, seen=0)
            turn = Turn(row, lane, 0)
            turn.relied = {PROJECT: 0}
            turn.judged.append(Judged(head.message, Verdict.WAITING, 0, was=Verdict.QUEUED, position=1))
            assert await process.commit(turn) == [Committed()]

        async def look(*, final: bool = False) -> tuple[int, int, int]:
            found = await process.replay_work.look(released.replay, limit=2, final=final)
            return len(found.landed), found.moving, found.resting

        assert [await look() for _ in range(4)] == [(0, 0, 5)] * 4
        await process.acts.retry(keys[4], actor="cid", reason="quicker")
        assert (0, 1, 4) in [await look() for _ in range(3)]
        await run_lane(process, keys[4])
        seen = [await look() for _ in range(3)]
        assert (1, 0, 4) in seen
        found = await process.replay_work.look(released.replay, limit=2, final=True)
        assert (len(found.landed), found.moving, found.resting) == (2, 0, 0)
        fates = [Fate(each.number, Outcome.OTHERWISE, Verdict.WAITING) for each in found.landed]
        replay = await process.replay_work.record(released.replay, fates, Progress(5, 2, 0))
        assert replay is not None
        rest = await process.replay_work.look(replay, limit=9, final=False)
        assert (len(rest.landed), rest.resting) == (1, 2)

    async def test_it_names_what_has_moved_since_the_plan(self, process: Process) -> None:
        await park(process, SHEET, message("1"))
        replay = await begun(process)
        await process.commit(applied(await process.row(PROJECT), message("p")))
        released = await process.replay_work.release(replay, allow=9, most=9, moving=False)
        assert released is not None
        await run_lane(process, SHEET)
        [landed] = (await process.replay_work.look(released.replay, limit=9, final=False)).landed
        assert landed.moved == ("project/P-1",)

    async def test_results_are_kept_with_the_counts(self, process: Process) -> None:
        await park(process, SHEET, message("1"), message("2"))
        released = await process.replay_work.release(await begun(process), allow=9, most=9, moving=False)
        assert released is not None
        await run_lane(process, SHEET)
        fates = [
            Fate(1, Outcome.AS_PLANNED, Verdict.APPLIED),
            Fate(2, Outcome.OTHERWISE, Verdict.PARKED, "rate_missing", "set a rate"),
        ]
        progress = Progress(2, 2, 1, {Outcome.AS_PLANNED: 1, Outcome.OTHERWISE: 1})
        recorded = await process.replay_work.record(released.replay, fates, progress)
        assert recorded is not None
        assert recorded.progress == progress
        assert await process.replay_work.record(released.replay, fates, progress) is None
        assert (await process.replay_work.look(recorded, limit=9, final=True)).landed == []
        items = await process.replays.items(recorded.id, outcome=None, predicted=None, after=0, limit=9)
        assert [item.fate for item in items] == fates
        [odd] = await process.replays.items(recorded.id, outcome=Outcome.OTHERWISE, predicted=None, after=0, limit=9)
        assert odd == items[1]
        await process.replay_work.end(recorded)
        over = await process.replays.replay(recorded.id)
        assert over is not None
        assert over.phase is Phase.DONE


class TestRetention:
    async def test_what_is_over_and_old_goes_its_messages_first(self, store: StoreStand, process: Process) -> None:
        await park(process, SHEET, message("1"), message("2"), message("3"))
        await process.replay_work.end(await begun(process))
        await ready(process, "2")
        await store.pass_time(100)
        left = [await process.retention.remove(Old.REPLAYS, age=50, limit=2) for _ in range(4)]
        assert left == [2, 1, 1, 0]
        # A plan that nobody has started goes a day after it has expired
        await store.pass_time(90_000)
        assert [await process.retention.remove(Old.REPLAYS, age=1e9, limit=9) for _ in range(3)] == [3, 1, 0]
