"""Replay on the whole runtime: a plan says what comes of messages that stand still, and then exactly that comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import orjson
import pytest

from adapters.ports.pauses import Scope
from adapters.ports.replays import PAUSED, Chosen, Item, Outcome, Phase, Replay, Steer, Terms
from gateway.editing import edited
from gateway.policy_file import PolicyFile
from gateway.replay.order import ORDER
from schemas.keys import ActorKey
from schemas.values import Reference
from schemas.verdicts import FailureClass, Verdict
from schemas.vocabulary import VOCABULARY
from tests.actors.firm import approved, line
from tests.runtime.firm import POLICY, PSA, Firm, event
from tests.runtime.test_firm import sheet
from tests.runtime.test_trial import running, standing
from tests.runtime.town import until
from tests.runtime.virtual import run

PROJECT = ActorKey("project", "P1")
FAST = Terms("again", rate=1000, stop_share=None)


def key(number: int) -> ActorKey:
    return ActorKey("timesheet", f"S{number}")


async def unpriced(firm: Firm, *numbers: int, revision: int = 1) -> None:
    """Sheets with hours of a role that has no price, which park."""
    for number in numbers:
        data = approved(line("L1", role="nobody"), revision=revision, project=Reference(id="P1"))
        await firm.publish(event(PSA, f"S{number}-r{revision}", key(number), data))


async def parked(firm: Firm, count: int) -> None:
    """Until so many stand parked, and nothing else is under way."""
    rows = firm.store.tables.inbox
    await until(lambda: sum(row.verdict is Verdict.PARKED for row in rows.values()) == count)
    await until(lambda: not firm.store.tables.outbox)


def contract(firm: Firm) -> ActorKey:
    """The contract of the project."""
    return ActorKey("contract", orjson.loads(firm.store.tables.row(PROJECT).state or b"")["contract"])


def price(firm: Firm, price: str | None) -> None:
    """Somebody has changed the contract: an hour of `nobody` has this price, or none."""
    row = firm.store.tables.row(contract(firm))
    state = orjson.loads(row.state or b"")
    rates = next(each["rates"] for each in state["history"] if each.get("rates"))
    rates.pop("nobody", None)
    rates |= {} if price is None else {"nobody": price}
    changed = replace(row, state=orjson.dumps(state), row_version=row.row_version + 1)
    firm.store.tables.write(replace(changed, entity_version=row.entity_version + 1))


def hint(firm: Firm) -> None:
    for gateway in firm.gateways:
        assert gateway.runtime.replayer is not None
        gateway.runtime.replayer.hint()


async def now(firm: Firm, id: int) -> Replay:
    found = await firm.store.clients().replays.replay(id)
    assert found is not None
    return found


async def reached(firm: Firm, id: int, *phases: Phase) -> Replay:
    """The replay once it is in one of these phases."""
    hint(firm)
    for _ in range(2000):
        found = await now(firm, id)
        if found.phase in phases:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(await now(firm, id))


async def rested(firm: Firm, id: int) -> None:
    """Until all that was let go on is recorded."""
    for _ in range(2000):
        progress = (await now(firm, id)).progress
        if progress.settled == progress.released:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{id} does not come to rest")


async def planned(firm: Firm, click: str = "1", chosen: Chosen = Chosen()) -> Replay:  # noqa: B008  # it is frozen
    """A plan that is ready, with a look that all is as it was."""
    before = standing(firm)
    made = await firm.store.clients().replays.plan(chosen, order=ORDER, most=1000, by="ann", reason="look", click=click)
    ready = await reached(firm, made.id, Phase.READY)
    assert standing(firm) == before
    return ready


async def started(firm: Firm, plan: Replay, terms: Terms = FAST) -> Replay:
    assert plan.token is not None
    return await firm.store.clients().replays.start(plan.token, terms, by="ann", reason="mended")


async def done(firm: Firm, plan: Replay, terms: Terms = FAST) -> Replay:
    """The replay of a plan, once it is over."""
    return await reached(firm, (await started(firm, plan, terms)).id, Phase.DONE)


async def items(firm: Firm, replay: Replay) -> list[Item]:
    return await firm.store.clients().replays.items(replay.id, outcome=None, predicted=None, after=0, limit=1000)


def predicted(found: list[Item]) -> list[Verdict | None]:
    return [None if item.prediction is None else item.prediction.verdict for item in found]


def outcomes(found: list[Item]) -> Mapping[Outcome | None, int]:
    return Counter(None if item.fate is None else item.fate.outcome for item in found)


def test_what_is_predicted_is_what_comes_of_it() -> None:
    async def story() -> None:
        # Given sheets that are parked for want of a price, one with two revisions, and one that waits for a project
        firm = await running(Firm())
        await unpriced(firm, 1, 2)
        await unpriced(firm, 1, revision=2)
        await firm.publish(sheet("S3", Reference(id="P9"), 1, "1.00"))
        await parked(firm, 2)
        # When it is planned while nothing is mended, then all would stand as it does
        nothing = await items(firm, await planned(firm))
        assert predicted(nothing) == [Verdict.PARKED, Verdict.QUEUED, Verdict.PARKED, Verdict.WAITING]
        assert nothing[0].prediction is not None
        assert nothing[0].prediction.code == "rate_missing"
        # When it is mended and planned again, then each revision does what it does after the one before
        price(firm, "100.00")
        plan = await planned(firm, "2")
        found = await items(firm, plan)
        assert predicted(found) == [Verdict.APPLIED, Verdict.APPLIED, Verdict.APPLIED, Verdict.WAITING]
        assert found[0].prediction is not None
        assert {each.operation for each in found[0].prediction.commands} >= {"billable.post"}
        assert any(change.path == "revision" for change in found[0].prediction.changes)
        assert plan.outlook.verdicts == {Verdict.APPLIED: 3, Verdict.WAITING: 1}
        asked = [each for item in found if item.prediction for each in item.prediction.commands]
        references = {each.reference for each in asked if each.system in firm.books}
        # And that comes of it
        over = await done(firm, plan)
        assert outcomes(await items(firm, over)) == {Outcome.AS_PLANNED: 4}
        assert (over.progress.released, over.progress.settled, over.progress.failed) == (4, 4, 0)
        await until(lambda: not firm.store.tables.outbox)
        booked = {reference for books in firm.books.values() for _, reference in books.entries}
        assert references <= booked
        assert all(books.repeated == [] for books in firm.books.values())
        assert firm.cases() == []

    run(story())


def test_what_is_not_mended_is_parked_again_as_it_was_predicted() -> None:
    async def story() -> None:
        firm = await running(Firm())
        await unpriced(firm, 1, 2, 3)
        await parked(firm, 3)
        over = await done(firm, await planned(firm, chosen=Chosen(failure_class=FailureClass.MAPPING)))
        assert over.progress.outcomes == {Outcome.AS_PLANNED: 3}
        assert over.progress.failed == 0
        assert firm.cases() == ["rate_missing"] * 3

    run(story())


def test_a_difference_that_other_traffic_made_is_told_as_such() -> None:
    async def story() -> None:
        # Given a plan by which sheets are applied
        firm = await running(Firm())
        await unpriced(firm, 1, 2)
        await parked(firm, 2)
        price(firm, "100.00")
        plan = await planned(firm)
        # When the price is taken back before it is started
        price(firm, None)
        over = await done(firm, plan)
        # Then they are parked, and each says why the plan was wrong
        found = await items(firm, over)
        assert outcomes(found) == {Outcome.MOVED: 2}
        assert all(item.fate is not None and str(contract(firm)) in (item.fate.reason or "") for item in found)
        assert over.progress.failed == 2

    run(story())


def test_a_message_that_was_edited_since_the_plan_is_told_as_changed() -> None:
    async def story() -> None:
        # Given a plan by which two sheets stay parked for want of a price
        firm = await running(Firm())
        await unpriced(firm, 1, 2)
        await parked(firm, 2)
        plan = await planned(firm)
        # When one of them is corrected before it is started
        acts, tables = firm.store.clients().message_acts, firm.store.tables
        [original] = [row.message for row in tables.lane(key(1))]
        [wrong] = orjson.loads(original.body)["data"]["lines"]
        new = edited(original, {"lines": [wrong | {"role": "consultant"}]}, VOCABULARY).message
        await acts.edit(original.ref, new, actor="ann", reason="a slip")
        await until(lambda: tables.inbox[new.ref].verdict is Verdict.APPLIED)
        over = await done(firm, plan)
        # Then its effect is there, and the replay has left it alone
        [changed, other] = await items(firm, over)
        assert changed.fate is not None
        assert (changed.fate.outcome, changed.fate.verdict) == (Outcome.CHANGED, Verdict.SUPERSEDED)
        assert other.fate is not None
        assert (other.fate.outcome, other.fate.verdict) == (Outcome.AS_PLANNED, Verdict.PARKED)
        await until(lambda: not tables.outbox)
        posted = [place for place in firm.books["erp"].entries if place[0] == "billable.post"]
        assert len(posted) == 1
        assert firm.cases() == ["rate_missing"]

    run(story())


def test_it_stops_on_a_share_of_failures_and_goes_on_when_it_is_resumed() -> None:
    async def story() -> None:
        firm = await running(Firm())
        await unpriced(firm, *range(1, 31))
        await parked(firm, 30)
        price(firm, "100.00")
        plan = await planned(firm)
        price(firm, None)
        # When all of it fails
        replay = await started(firm, plan, Terms("again", rate=100, stop_share=0.5))
        stopped = await reached(firm, replay.id, Phase.PAUSED)
        # Then it has stopped within its ramp
        assert stopped.progress.released <= 18
        assert "failed" in stopped.reason
        await until(lambda: not firm.store.tables.outbox)
        await rested(firm, replay.id)
        stopped = await now(firm, replay.id)
        # And goes on once it is mended and resumed
        price(firm, "100.00")
        await firm.store.clients().replays.steer(replay.id, Steer.RESUME, by="bob", reason="mended now")
        over = await reached(firm, replay.id, Phase.DONE)
        assert over.progress.settled == 30
        assert over.progress.failed == stopped.progress.failed

    run(story())


def test_it_stops_where_all_is_paused_and_goes_on_once_that_is_over() -> None:
    async def story() -> None:
        # Given a replay of many sheets
        firm = await running(Firm())
        await unpriced(firm, *range(1, 31))
        await parked(firm, 30)
        price(firm, "100.00")
        plan, pauses = await planned(firm), firm.store.clients().pauses
        # When somebody pauses their entity
        pause = await pauses.begin(Scope("timesheet"), actor="cid", reason="month end")
        await asyncio.sleep(2)  # in no time: the process reads the pauses every second
        replay = await started(firm, plan)
        stopped = await reached(firm, replay.id, Phase.PAUSED)
        # Then it stops, and what was let go on says why it did not run
        assert stopped.reason == "entity timesheet is paused by cid: month end: end that, then resume"
        assert stopped.progress.released <= 18
        held = [item.fate for item in await items(firm, stopped) if item.fate is not None]
        assert {(fate.outcome, fate.verdict, fate.reason) for fate in held} == {
            (Outcome.CHANGED, Verdict.QUEUED, f"{PAUSED}; entity timesheet is paused by cid: month end")
        }  # fmt: skip
        # And goes on with the rest once that is over
        await pauses.end(pause.id, actor="cid", reason="over")
        await asyncio.sleep(2)
        await firm.store.clients().replays.steer(replay.id, Steer.RESUME, by="bob", reason="go on")
        over = await reached(firm, replay.id, Phase.DONE)
        assert over.progress.outcomes == {Outcome.CHANGED: len(held), Outcome.AS_PLANNED: 30 - len(held)}

    run(story())


def test_a_pause_of_one_key_stops_nothing_else() -> None:
    async def story() -> None:
        firm = await running(Firm())
        await unpriced(firm, *range(1, 11))
        await parked(firm, 10)
        price(firm, "100.00")
        plan = await planned(firm)
        await firm.store.clients().pauses.begin(Scope("timesheet", key(3).id), actor="cid", reason="this one")
        await asyncio.sleep(2)
        over = await done(firm, plan)
        assert over.progress.outcomes == {Outcome.CHANGED: 1, Outcome.AS_PLANNED: 9}

    run(story())


def test_a_cancelled_one_lets_nothing_more_go_on() -> None:
    async def story() -> None:
        firm = await running(Firm())
        await unpriced(firm, *range(1, 11))
        await parked(firm, 10)
        price(firm, "100.00")
        replay = await started(firm, await planned(firm), Terms("again", rate=1, stop_share=None))
        await until(lambda: firm.store.tables.row(key(1)).entity_version > 0)
        await firm.store.clients().replays.steer(replay.id, Steer.CANCEL, by="bob", reason="no")
        over = await reached(firm, replay.id, Phase.CANCELLED)
        assert 0 < over.progress.released < 10
        found = outcomes(await items(firm, over))
        assert found == {Outcome.AS_PLANNED: over.progress.released, None: 10 - over.progress.released}

    run(story())


def test_a_killed_process_leaves_it_to_another_and_nothing_is_done_twice() -> None:
    async def story() -> None:
        # Given two processes, and sheets that stand still
        firm = await running(Firm())
        await firm.start()
        await unpriced(firm, *range(1, 41))
        await parked(firm, 40)
        price(firm, "100.00")
        plan = await planned(firm)
        replay = await started(firm, plan, Terms("again", rate=50, stop_share=None))
        # When whoever works on the replay is killed in the middle of it, again and again
        for _ in range(3):
            before = (await now(firm, replay.id)).progress.released
            await asyncio.sleep(0.7)
            held = [g for g in firm.gateways if firm.store._replays.worker in g._locks]
            for gateway in held:
                firm.gateways.remove(gateway)
                await gateway.kill()
                await firm.start()
            assert (await now(firm, replay.id)).progress.released >= before
        # Then it is done, each message has its result, and each effect is there once
        over = await reached(firm, replay.id, Phase.DONE)
        assert over.progress.outcomes == {Outcome.AS_PLANNED: 40}
        await until(lambda: not firm.store.tables.outbox)
        assert all(books.repeated == [] for books in firm.books.values())
        posted = [place for place in firm.books["erp"].entries if place[0] == "billable.post"]
        assert len(posted) == 40
        assert firm.cases() == []

    run(story())


@pytest.mark.parametrize("is_back", [False, True])
def test_it_stops_where_another_policy_comes_into_force_and_goes_on_under_that_knowingly(*, is_back: bool) -> None:
    async def story() -> None:
        # Given a replay of many sheets, slow enough to be under way
        firm = await running(Firm())
        await firm.open(1)
        await unpriced(firm, *range(1, 31))
        await parked(firm, 30)
        price(firm, "100.00")
        replay = await started(firm, await planned(firm), Terms("slow", rate=2, stop_share=None))
        await until(lambda: bool(firm.books["erp"].entries))
        # When another policy comes into force
        firm.desk.file = other = PolicyFile.model_validate(orjson.loads(POLICY.text) | {"wait_seconds": 4711})
        await firm.gateways[1].runtime.policies.reload(actor="cid", reason="the new catalogue", retries=False)
        stopped = await reached(firm, replay.id, Phase.PAUSED)
        # Then it stops, and says how to go on
        assert stopped.left > 0
        assert stopped.reason == (
            f"policy {other.hash} is in force, and its plan was made under {POLICY.hash}, so it does not say what the"
            f" {stopped.left} messages that are left would do: cancel it and plan anew, or resume it knowing that, with"
            f" `policy` {other.hash} (--policy)"
        )
        # And goes on once somebody has named that policy, and not before
        steer = firm.store.clients().replays.steer
        await steer(replay.id, Steer.RESUME, by="bob", reason="go on")
        again = await reached(firm, replay.id, Phase.PAUSED)
        assert again.left == stopped.left
        await steer(replay.id, Steer.RESUME, by="bob", reason="its prices are the same", policy=other.hash)
        if is_back:
            # Nor does it stop again where that of its plan comes back
            await firm.gateways[1].runtime.policies.roll_back(POLICY.hash, actor="cid", reason="back", retries=False)
        over = await reached(firm, replay.id, Phase.DONE)
        assert over.progress.outcomes == {Outcome.AS_PLANNED: 30}

    run(story())
