"""The contract of replay of what was done: what is kept of confirmed commands, and how they are sent again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from adapters.ports.outbox import Ended, Ending, Leased
from adapters.ports.replays import (
    Chosen,
    Fate,
    Landed,
    Mode,
    NothingChosen,
    Outcome,
    Outlook,
    Phase,
    Prediction,
    Progress,
    Replay,
    ReplayTooLarge,
    Terms,
)
from adapters.ports.retention import Old
from adapters.ports.turns import Committed, Settlement
from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass, Verdict
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import OTHER_SHEET, SHEET, applied, asking, command, message, send_lane, settled, uuid

ORDER = ("customer", "timesheet")
ONE, TWO = command(line="1"), command(line="2")
OTHER = command(OTHER_SHEET)
ANN = uuid("process ann")
LONG_AGO = timedelta(seconds=1e6)


async def ask(process: Process, *commands: Command) -> None:
    key = commands[0].key
    row = await process.row(key)
    turn = asking(applied(row, message(f"{key.id}/{row.entity_version}")), *commands)
    assert await process.commit(turn) == [Committed()]


async def leased(process: Process, token: str, key: ActorKey = SHEET) -> Leased:
    [found] = (await process.outbox.claim([send_lane(key)], holder=ANN, token=uuid(token))).leased
    return found


async def end(process: Process, of: Leased, ending: Ending = Ending.CONFIRMED, id: str | None = "X-1") -> None:
    refused = ending is Ending.REJECTED
    failure = (FailureClass.BUSINESS_RULE, "closed", "the books are closed") if refused else (None, None, None)
    external_id = None if refused else id
    await process.outbox.record([Ended(of.command, of.token, of.attempt, ending, external_id, *failure)])


async def settle(process: Process, of: Leased, settlement: Settlement = Settlement.DONE) -> None:
    row = await process.row(of.command.key)
    assert await process.commit(settled(row, (of.command, of.token), settlement=settlement)) == [Committed()]


async def done(process: Process, *commands: Command) -> None:
    """Commands that their system has confirmed."""
    await ask(process, *commands)
    for each in commands:
        found = await leased(process, f"first {each.reference}", each.key)
        await end(process, found, id=f"X-{each.line}")
        await settle(process, found)


async def plan(process: Process, store: StoreStand, most: int = 100, since: datetime | None = None) -> Replay:
    chosen = Chosen(system="erp", since=since or await store.now() - LONG_AGO, mode=Mode.SENT)
    return await process.replays.plan(chosen, order=ORDER, most=most, by="ann", reason="restored", click="1")


GONE = Prediction(Verdict.APPLIED, "it is gone")
THERE = Prediction(Verdict.IGNORED, "it is there")


async def begun(process: Process, store: StoreStand, *predictions: Prediction) -> Replay:
    made = await plan(process, store)
    kept = await process.replay_work.predicted(made, dict(enumerate(predictions, 1)), [], decided=len(predictions))
    assert kept is not None
    ready = await process.replay_work.ready(kept, Outlook(), policy=None, token="t", seconds=60)
    assert ready is not None
    return await process.replays.start("t", Terms("again", 50, None), by="bob", reason="restored")


async def released(process: Process, replay: Replay) -> Replay:
    found = await process.replay_work.release(replay, allow=100, most=100, moving=False)
    assert found is not None
    return found.replay


async def landed(process: Process, replay: Replay) -> list[Landed]:
    return list((await process.replay_work.look(replay, limit=100, final=False)).landed)


class TestPlan:
    async def test_it_has_what_was_confirmed_in_the_order_in_which_it_was_asked_for(
        self, process: Process, store: StoreStand
    ) -> None:
        await done(process, OTHER)
        await done(process, ONE, TWO)
        made = await plan(process, store)
        assert (made.phase, made.keys, made.messages, made.matched) == (Phase.DECIDING, 2, 3, 3)
        found = await process.replay_work.sent(made.id, after=0, limit=100)
        in_order = [ONE, TWO, OTHER] if SHEET < OTHER_SHEET else [OTHER, ONE, TWO]
        assert [(each.number, each.command, each.is_kept) for each in found] == [
            (number, each, True) for number, each in enumerate(in_order, 1)
        ]
        assert [item.ref for item in await process.replays.items(
            made.id, outcome=None, predicted=None, after=0, limit=10
        )] == [each.id for each in in_order]  # fmt: skip

    async def test_pages_are_of_whole_keys(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE, TWO)
        await done(process, OTHER)
        made = await plan(process, store)
        pages, after = [], 0
        while page := await process.replay_work.sent(made.id, after=after, limit=1):
            pages.append(len(page))
            after = page[-1].number
        assert sorted(pages) == [1, 2]

    async def test_what_was_refused_or_is_open_is_no_part_of_it(self, process: Process, store: StoreStand) -> None:
        await ask(process, ONE, TWO)
        refused = await leased(process, "t1")
        await end(process, refused, Ending.REJECTED)
        await settle(process, refused)
        with pytest.raises(NothingChosen):
            await plan(process, store)

    async def test_it_begins_at_a_moment(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE)
        await store.pass_time(100)
        with pytest.raises(NothingChosen):
            await plan(process, store, since=await store.now() - timedelta(seconds=50))

    async def test_it_may_be_too_large(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE, TWO)
        with pytest.raises(ReplayTooLarge):
            await plan(process, store, most=1)

    async def test_what_is_old_is_not_kept(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE, TWO)
        made = await plan(process, store)
        await store.pass_time(100)
        assert [await process.retention.remove(Old.SENT, age=50, limit=1) for _ in range(3)] == [1, 1, 0]
        assert [each.is_kept for each in await process.replay_work.sent(made.id, after=0, limit=9)] == [False, False]


class TestRelease:
    async def test_what_is_gone_is_sent_again_as_it_was_and_asked_for_first(
        self, process: Process, store: StoreStand
    ) -> None:
        await done(process, ONE, TWO)
        await store.pass_time(100)
        replay = await begun(process, store, THERE, GONE)
        await released(process, replay)
        again = await leased(process, "again")
        assert (again.command, again.is_resent, again.earlier) == (TWO, True, ())
        assert again.attempt == 2
        assert again.lost is not None
        assert again.lost.ended_for == pytest.approx(100, abs=30)

    async def test_an_attempt_since_then_counts(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE)
        await released(process, await begun(process, store, GONE))
        first = await leased(process, "a1")
        await process.outbox.record([Ended(ONE, first.token, first.attempt, Ending.UNKNOWN, hold=0.0)])
        again = await leased(process, "a2")
        assert [(each.number, each.ending) for each in again.earlier] == [(2, Ending.UNKNOWN)]

    async def test_once_it_is_there_its_result_is_told(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE, TWO)
        replay = await released(process, await begun(process, store, THERE, GONE))
        look = await process.replay_work.look(replay, limit=100, final=False)
        assert (look.landed, look.moving) == ([], 2)
        again = await leased(process, "again")
        await end(process, again, id="X-2")
        await settle(process, again, Settlement.RESENT)
        assert [each[:4] for each in await landed(process, replay)] == [
            (1, Verdict.IGNORED, None, Verdict.IGNORED), (2, Verdict.APPLIED, None, Verdict.APPLIED),
        ]  # fmt: skip
        fates = [Fate(1, Outcome.AS_PLANNED, Verdict.IGNORED), Fate(2, Outcome.AS_PLANNED, Verdict.APPLIED)]
        assert await process.replay_work.record(replay, fates, Progress(2, 2, 0)) is not None
        assert await landed(process, replay) == []
        # And it can be sent again another time.
        assert (await process.replays.plan(
            Chosen(system="erp", since=await store.now() - LONG_AGO, mode=Mode.SENT), order=ORDER, most=9, by="ann",
            reason="restored once more", click="2",
        )).messages == 2  # fmt: skip

    async def test_another_id_is_told(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE)
        replay = await released(process, await begun(process, store, GONE))
        again = await leased(process, "again")
        await end(process, again, id="Y-1")
        await settle(process, again, Settlement.RESENT)
        [one] = await landed(process, replay)
        assert (one.verdict, one.code) == (Verdict.APPLIED, "id_changed")
        assert one.reason == "its id is Y-1 now, and was X-1: what names the old one must be told"

    async def test_a_refusal_is_told(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE)
        replay = await released(process, await begun(process, store, GONE))
        again = await leased(process, "again")
        await end(process, again, Ending.REJECTED)
        await settle(process, again, Settlement.RESENT)
        [one] = await landed(process, replay)
        assert (one.verdict, one.code, one.reason) == (Verdict.REJECTED, "closed", "the books are closed")

    async def test_one_that_is_parked_holds_those_behind_it(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE, TWO)
        replay = await released(process, await begun(process, store, GONE, GONE))
        again = await leased(process, "again")
        await end(process, again, Ending.UNKNOWN)
        await settle(process, again, Settlement.PARKED)
        found = await landed(process, replay)
        assert [each.verdict for each in found] == [Verdict.PARKED, Verdict.QUEUED]

    async def test_a_key_with_open_commands_is_left_alone(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE)
        replay = await begun(process, store, GONE)
        await ask(process, TWO)
        [one] = await landed(process, await released(process, replay))
        assert one.why == "commands of its key are open: see that they are settled, and plan again"
        assert (await leased(process, "t2")).command == TWO

    async def test_a_key_of_which_something_was_confirmed_since_is_left_alone(
        self, process: Process, store: StoreStand
    ) -> None:
        await done(process, ONE)
        replay = await begun(process, store, GONE)
        await done(process, TWO)
        [one] = await landed(process, await released(process, replay))
        assert one.why == "the system has confirmed a command of its key since the plan was made: plan again"
        assert not (await process.outbox.claim([send_lane()], holder=ANN, token=uuid("t3"))).leased

    async def test_what_is_not_kept_any_more_is_left_alone(self, process: Process, store: StoreStand) -> None:
        await done(process, ONE)
        await store.pass_time(100)
        replay = await begun(process, store, GONE)
        await process.retention.remove(Old.SENT, age=50, limit=9)
        [one] = await landed(process, await released(process, replay))
        assert one.why == "what was sent is not kept any more"
