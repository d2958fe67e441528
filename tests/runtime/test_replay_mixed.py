"""Plans of mixed lanes, drawn at random: what they predict is what real committers come to, message by message."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from random import Random

import pytest

from adapters.memory.store import MemoryClients
from adapters.ports.replays import (
    Chosen,
    Item,
    Outcome,
    Phase,
    Planned,
    Prediction,
    Relied,
    Replay,
    Terms,
)
from adapters.ports.turns import Committed, Judged, Lane, Turn
from gateway.backoff import Backoff
from gateway.replay.asking import Asking
from gateway.replay.forecast import Forecast
from gateway.replay.planner import Planner
from gateway.replay.worker import Replayer
from gateway.rules import Numbering, Rules
from schemas.keys import ActorKey
from schemas.sequence import Cursor, SequenceKind
from schemas.verdicts import LaneState, Verdict
from tests.contracts.turns import batch
from tests.gateway.toy import Step, message_of
from tests.runtime.town import Process, Town, until
from tests.runtime.virtual import run

RULES = Rules({"hr": Numbering(SequenceKind.MONOTONIC, 60.0)})
SMALL, LARGE = 250, 1900
"""Lanes of a plan, of three messages each on average."""
STRANGER = ActorKey("job", "stranger")
WANTED = (Verdict.APPLIED, Verdict.IGNORED, Verdict.STALE, Verdict.WAITING, Verdict.PARKED, Verdict.QUEUED)


def key(number: int) -> ActorKey:
    return ActorKey("job", f"{number:04}")


def drawn(chance: Random, name: str, lanes: int) -> Step:
    """A step; it may need another lane of the plan, before it or behind it, or one that never does anything."""
    does = chance.choices(("accept", "ignore", "park", "raise"), (70, 15, 10, 2))[0]
    needs = chance.choice([None] * 6 + [key(chance.randrange(lanes)).id, STRANGER.id])
    return Step(name=name, does=does, needs=None if needs == name[:4] else needs)  # type: ignore[arg-type]


async def stand(town: Town, number: int, chance: Random, lanes: int) -> None:
    """A lane that stands parked."""
    clients = town.store.clients()
    row = (await clients.commits.load([key(number)]))[key(number)]
    steps = [drawn(chance, f"{key(number).id}.{place}", lanes) for place in range(chance.randint(1, 5))]
    turn = Turn(row, Lane(LaneState.PARKED, len(steps), len(steps) + 1, "no"), 0, cursors={"hr": Cursor(applied=5)})
    for place, step in enumerate(steps, 1):
        said = message_of(step.name, step, chance.choice(("psa", "hr")))
        if said.source == "hr":
            # A number that came already is stale: before the lane, or in it.
            number = 5 if place == 1 and chance.random() < 0.5 else 10 + place // 2
            said = said._replace(series="hr", sequence=number)
        turn.judged.append(
            Judged(said, Verdict.PARKED if place == 1 else Verdict.QUEUED, 0, position=place, attempts=1)
        )
    assert await clients.commits.commit(batch(turn)) == [Committed()]


def replayer(
    clients: MemoryClients, process: Process, town: Town, forecasts: Iterable[type[Forecast]] = repeat(Forecast)
) -> Replayer:
    """Whoever works on replays, beside the committers of a process; `forecasts` are of its plans, in their order."""
    world, rows, next_one = process.world, town.store.clients().commits, iter(forecasts)
    planner = Planner(
        clients.replay_work, lambda: next(next_one)(rows, clients.entities, world), lambda: Asking({}),
        world.policy_hash, town.ids,
    )  # fmt: skip
    return Replayer(
        clients.replay_work, clients.replay_work, planner, process.bus.poke, lambda *_: None, world,
        lambda *_: None, Backoff,
    )  # fmt: skip


async def reached(clients: MemoryClients, id: int, phase: Phase) -> Replay:
    for _ in range(5000):
        found = await clients.replays.replay(id)
        assert found is not None
        if found.phase is phase:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{id} does not come to {phase}")


def verdicts(items: list[Item]) -> Mapping[Verdict | None, int]:
    return Counter(None if item.prediction is None else item.prediction.verdict for item in items)


async def standing(lanes: int, seed: int) -> Town:
    """A town with lanes that stand still, drawn at random."""
    chance, town = Random(seed), Town(rules=RULES)
    for number in range(lanes):
        await stand(town, number, chance, lanes)
    return town


async def planned(clients: MemoryClients) -> Replay:
    """A plan of all that stands still, once it is ready."""
    plan = await clients.replays.plan(Chosen(), order=(), most=100_000, by="ann", reason="look", click="1")
    return await reached(clients, plan.id, Phase.READY)


async def replayed(clients: MemoryClients, plan: Replay) -> tuple[Replay, list[Item]]:
    """The replay of a plan, once it is over, with its messages."""
    terms = Terms("all", rate=5000, stop_share=None)
    await clients.replays.start(plan.token or "", terms, by="ann", reason="go")
    over = await reached(clients, plan.id, Phase.DONE)
    return over, await clients.replays.items(plan.id, outcome=None, predicted=None, after=0, limit=100_000)


@pytest.mark.parametrize(
    ("lanes", "least", "seed"),
    [(SMALL, 10, 0), (SMALL, 10, 1), (SMALL, 10, 2), (LARGE, 200, 0)],
)
def test_predictions_are_what_committers_come_to(
    lanes: int, least: int, seed: int, figures: Callable[[str], None]
) -> None:
    async def story() -> None:
        # Given many lanes that stand still, and a process whose committers work
        town = await standing(lanes, seed)
        messages = sum(town.store.tables.row(key(number)).lane.depth for number in range(lanes))
        process, clients = town.process(), town.store.clients()
        work = asyncio.create_task(replayer(clients, process, town).run())
        # When they are planned and replayed
        plan = await planned(clients)
        assert plan.messages == messages >= 2 * lanes
        over, items = await replayed(clients, plan)
        # Then each message has come to what was predicted, of every kind there were some, and nothing was done twice
        odd = [item for item in items if item.fate is None or item.fate.outcome is not Outcome.AS_PLANNED]
        assert odd == []
        assert over.progress.outcomes == {Outcome.AS_PLANNED: messages}
        found = verdicts(items)
        figures(f"{messages} messages as predicted: {', '.join(f'{found[each]} {each}' for each in WANTED)}")
        assert all(found[verdict] >= least for verdict in WANTED), found
        town.check_history()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await town.close()

    run(story())


@pytest.mark.parametrize(("lanes", "seed"), [(SMALL, 0), (SMALL, 1), (LARGE, 0)])
def test_what_other_traffic_makes_different_is_told_as_such(
    lanes: int, seed: int, figures: Callable[[str], None]
) -> None:
    async def story() -> None:
        # Given a plan, in which many messages would wait for a job that was never heard of
        town = await standing(lanes, seed)
        process, clients = town.process(), town.store.clients()
        work = asyncio.create_task(replayer(clients, process, town).run())
        plan = await planned(clients)
        # When that job comes before the plan is started
        process.deliver(STRANGER, "it is there now")
        await until(lambda: town.store.tables.row(STRANGER).entity_version == 1)
        over, items = await replayed(clients, plan)
        # Then what it has changed says so, and what those have changed; all else is as it was predicted
        outcomes = Counter(None if item.fate is None else item.fate.outcome for item in items)
        figures(f"{len(items)} messages beside other traffic: {dict(outcomes)}")
        assert outcomes.keys() == {Outcome.AS_PLANNED, Outcome.MOVED}
        assert over.progress.outcomes == outcomes
        for item in items:
            assert item.prediction is not None
            assert item.fate is not None
            is_same = item.fate.verdict is item.prediction.verdict
            if item.fate.outcome is Outcome.AS_PLANNED:
                assert is_same
            else:
                assert "was predicted before job/" in (item.fate.reason or "")
        told = [item for item in items if item.fate is not None and str(STRANGER) in (item.fate.reason or "")]
        assert len(told) >= lanes // 50
        town.check_history()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await town.close()

    run(story())


class Mistaken(Forecast):
    """Meets what nobody expected."""

    async def predict(self, page: Sequence[Planned]) -> tuple[dict[int, Prediction], list[Relied]]:
        raise KeyError(page[0].key)


class Slow(Forecast):
    """Never ends."""

    async def predict(self, page: Sequence[Planned]) -> tuple[dict[int, Prediction], list[Relied]]:
        await asyncio.Event().wait()
        raise AssertionError(page)


def test_a_plan_that_cannot_be_made_is_given_up_and_ends_nothing_else() -> None:
    async def story() -> None:
        town = await standing(SMALL, 0)
        process, clients = town.process(), town.store.clients()
        work = asyncio.create_task(replayer(clients, process, town, [Mistaken, Forecast]).run())
        plan = await clients.replays.plan(Chosen(), order=(), most=100_000, by="ann", reason="look", click="0")
        given_up = await reached(clients, plan.id, Phase.CANCELLED)
        assert given_up.reason == "it could not be decided: KeyError: report it"
        _, items = await replayed(clients, await planned(clients))
        assert {item.fate and item.fate.outcome for item in items} == {Outcome.AS_PLANNED}
        assert not work.done()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await town.close()

    run(story())


def test_a_plan_that_takes_its_time_keeps_no_replay_waiting() -> None:
    async def story() -> None:
        town = await standing(SMALL, 0)
        process, clients = town.process(), town.store.clients()
        work = asyncio.create_task(replayer(clients, process, town, [Forecast, Slow]).run())
        plan = await planned(clients)
        slow = await clients.replays.plan(Chosen(), order=(), most=100_000, by="ann", reason="look", click="2")
        over, _ = await replayed(clients, plan)
        assert over.progress.settled == plan.messages
        found = await clients.replays.replay(slow.id)
        assert found is not None
        assert found.phase is Phase.DECIDING
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await town.close()

    run(story())
