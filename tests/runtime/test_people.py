"""What people do about cases, in virtual time: each act is decided once, by its key's actor, and answered."""

from __future__ import annotations

import asyncio

import pytest

from adapters.ports.cases import Closed
from adapters.ports.pauses import Scope
from gateway.people import SOURCE, ActedUpon, NotActedUpon
from gateway.readmission import NotTaking
from schemas.acts import Act, Acted
from schemas.keys import ActorKey
from schemas.verdicts import LaneState, Verdict
from tests.gateway.toy import A, Step
from tests.runtime.town import Town, until
from tests.runtime.virtual import run


def act(act: Act = Act.APPROVE, *, by: str = "frieda", roles: tuple[str, ...] = ("finance",)) -> Acted:
    return Acted(topic="approval:large", act=act, by=by, roles=roles, reason="it is in the budget")


def heard(found: ActedUpon) -> tuple[Verdict | None, str | None]:
    return found.verdict, found.reason


def test_an_act_is_decided_by_the_actor_and_answered_with_what_it_remarks() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        found = await process.people.act(A, act(), id="1")
        assert heard(found) == (Verdict.APPLIED, "the old price stays")
        assert town.steps(A) == ("approve by frieda",)
        assert found.ref is not None
        assert town.store.tables.inbox[found.ref].message.source == SOURCE
        await town.close()

    run(story())


def test_the_case_that_an_act_settles_names_who_acted() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        process.deliver(A, Step(name="a1", opens="approval:large"))
        await until(lambda: town.steps(A) == ("a1",))
        await process.people.act(A, act(), id="1")
        [case] = town.store.tables.cases
        assert case.closed == (Closed.SETTLED, "frieda")
        await town.close()

    run(story())


def test_an_act_that_may_not_be_is_ignored_and_says_why() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        found = await process.people.act(A, act(roles=("sales",)), id="1")
        assert heard(found) == (Verdict.IGNORED, "frieda may not approve this: it takes the role finance")
        assert town.steps(A) == ()
        await town.close()

    run(story())


def test_an_act_that_is_repeated_is_the_same_act() -> None:
    async def story() -> None:
        town = Town()
        one, other = town.process(), town.process()
        found = await asyncio.gather(
            one.people.act(A, act(), id="1"), one.people.act(A, act(), id="1"), other.people.act(A, act(), id="1")
        )
        assert len(set(found)) == 1
        assert town.steps(A) == ("approve by frieda",)
        await town.close()

    run(story())


@pytest.mark.parametrize(("seen", "version"), [(None, 1), ("90,000", 2)])
def test_an_act_is_told_by_the_oldest_version_that_says_it(seen: str | None, version: int) -> None:
    """So one that a release told before it knew a newer version is the same message when it is told again."""

    async def story() -> None:
        town = Town()
        found = await town.process().people.act(A, act().model_copy(update={"seen": seen}), id="1")
        assert found.ref is not None
        message = town.store.tables.inbox[found.ref].message
        assert (message.type, found.verdict) == (f"job.acted.v{version}", Verdict.APPLIED)
        await town.close()

    run(story())


def test_ids_are_each_persons_own() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        await process.people.act(A, act(by="anna"), id="1")
        await process.people.act(A, act(by="berta"), id="1")
        assert town.steps(A) == ("approve by anna", "approve by berta")
        await town.close()

    run(story())


@pytest.mark.parametrize("at_once", [False, True])
def test_an_id_that_was_used_for_another_act_is_a_conflict(*, at_once: bool) -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        first, second = act(), act(Act.REJECT)
        if at_once:
            both = [process.people.act(A, each, id="1") for each in (first, second)]
            found = list(await asyncio.gather(*both))
        else:
            found = [await process.people.act(A, each, id="1") for each in (first, second)]
        assert [each.verdict for each in found] == [Verdict.APPLIED, Verdict.CONFLICT]
        assert town.steps(A) == ("approve by frieda",)
        await town.close()

    run(story())


def test_an_act_on_a_key_that_stands_waits_in_its_lane() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        pauses = town.store.clients().pauses
        pause = await pauses.begin(Scope("job", "a"), actor="ann", reason="month end")
        await asyncio.sleep(1.5)
        found = await process.people.act(A, act(), id="1")
        assert (found.verdict, town.state_of(A)) == (Verdict.QUEUED, LaneState.PAUSED)
        await pauses.end(pause.id, actor="ann", reason="done")
        await until(lambda: town.steps(A) == ("approve by frieda",))
        assert (await process.people.act(A, act(), id="1")).verdict is Verdict.APPLIED
        await town.close()

    run(story())


def test_an_act_that_is_not_durable_in_time_may_still_be() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        town.outage.is_away = True
        assert await process.people.act(A, act(), id="1") == ActedUpon(None, None, None)
        town.outage.is_away = False
        await until(lambda: town.steps(A) == ("approve by frieda",))
        assert (await process.people.act(A, act(), id="1")).verdict is Verdict.APPLIED
        await town.close()

    run(story())


def test_who_cannot_be_acted_upon_and_who_takes_nothing_more() -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        process.deliver(A, Step(name="a1"))
        with pytest.raises(NotActedUpon, match="task has no cases to act on: retry or discard"):
            await process.people.act(ActorKey("task", "T"), act(), id="1")
        process.people.close()
        with pytest.raises(NotTaking, match="shutting down"):
            await process.people.act(A, act(), id="1")
        assert town.steps(A) in {(), ("a1",)}
        await town.close()

    run(story())
