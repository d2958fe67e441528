"""Plans of mixed lanes, drawn at random: what they predict is what real committers come to, message by message."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest

from adapters.memory.store import MemoryClients
from adapters.ports.replays import Chosen, Item, Outcome, Phase, Replay, Terms
from adapters.ports.turns import Committed, Judged, Lane, Turn
from gateway.backoff import Backoff
from gateway.replay.forecast import Forecast
from gateway.replay.planner import Planner
from gateway.replay.worker import Replayer
from gateway.rules import Numbering, Rules
from schemas.keys import ActorKey
from schemas.sequence import Cursor, SequenceKind
from schemas.verdicts import LaneState, Verdict
from tests.contracts.turns import batch
from tests.gateway.toy import Step, message_of
from tests.runtime.town import Process, Town
from tests.runtime.virtual import run

RULES = Rules({"hr": Numbering(SequenceKind.MONOTONIC, 60.0)})
LANES = 250
WANTED = (Verdict.APPLIED, Verdict.IGNORED, Verdict.STALE, Verdict.WAITING, Verdict.PARKED, Verdict.QUEUED)


def key(number: int) -> ActorKey:
    return ActorKey("job", f"{number:03}")


def drawn(chance: Random, name: str) -> Step:
    """A step; it may need another lane of the plan, before it or behind it, or one that never does anything."""
    does = chance.choices(("accept", "ignore", "park", "raise"), (70, 15, 10, 2))[0]
    needs = chance.choice([None] * 6 + [f"{chance.randrange(LANES):03}", "stranger"])
    return Step(name=name, does=does, needs=None if needs == name[:3] else needs)  # type: ignore[arg-type]


async def stand(town: Town, number: int, chance: Random) -> None:
    """A lane that stands parked."""
    clients = town.store.clients()
    row = (await clients.commits.load([key(number)]))[key(number)]
    steps = [drawn(chance, f"{number:03}.{place}") for place in range(chance.randint(1, 5))]
    turn = Turn(row, Lane(LaneState.PARKED, len(steps), len(steps) + 1, "no"), 0, cursors={"hr": Cursor(applied=5)})
    for place, step in enumerate(steps, 1):
        said = message_of(step.name, step, chance.choice(("psa", "hr")))
        if said.source == "hr":
            said = said._replace(series="hr", sequence=10 + place // 2)  # a number that came already is stale
        turn.judged.append(
            Judged(said, Verdict.PARKED if place == 1 else Verdict.QUEUED, 0, position=place, attempts=1)
        )
    assert await clients.commits.commit(batch(turn)) == [Committed()]


def replayer(clients: MemoryClients, process: Process, town: Town) -> Replayer:
    """Whoever works on replays, beside the committers of a process."""
    world, rows = process.world, town.store.clients().commits
    planner = Planner(clients.replay_work, lambda: Forecast(rows, clients.entities, world), world.policy_hash, town.ids)
    return Replayer(
        clients.replay_work, clients.replay_work, planner, process.bus.poke, world.policy_hash, lambda *_: None,
        Backoff(),
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


@pytest.mark.parametrize("seed", range(3))
def test_predictions_are_what_committers_come_to(seed: int) -> None:
    async def story() -> None:
        # Given many lanes that stand still, and a process whose committers work
        chance, town = Random(seed), Town(rules=RULES)
        for number in range(LANES):
            await stand(town, number, chance)
        messages = sum(town.store.tables.row(key(number)).lane.depth for number in range(LANES))
        process, clients = town.process(), town.store.clients()
        work = asyncio.create_task(replayer(clients, process, town).run())
        # When they are planned and replayed
        plan = await clients.replays.plan(Chosen(), order=(), most=10_000, by="ann", reason="look", click="1")
        assert plan.messages == messages
        ready = await reached(clients, plan.id, Phase.READY)
        terms = Terms("all", rate=5000, stop_share=None)
        await clients.replays.start(ready.token or "", terms, by="ann", reason="go")
        over = await reached(clients, plan.id, Phase.DONE)
        # Then each message has come to what was predicted, of every kind there were some, and nothing was done twice
        items = await clients.replays.items(plan.id, outcome=None, predicted=None, after=0, limit=10_000)
        odd = [item for item in items if item.fate is None or item.fate.outcome is not Outcome.AS_PLANNED]
        assert odd == []
        assert over.progress.outcomes == {Outcome.AS_PLANNED: messages}
        found = verdicts(items)
        assert all(found[verdict] >= 10 for verdict in WANTED), found
        town.check_history()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await town.close()

    run(story())
