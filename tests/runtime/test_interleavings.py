"""Many small histories in which everything goes wrong at once; each can be told again by its seed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from adapters.memory.commits import MemoryCommits
from gateway.committer import Committer
from schemas.keys import ActorKey
from tests.gateway.toy import Step, theirs
from tests.runtime.town import SMALL, Town, until
from tests.runtime.troubles import Trouble, some_seconds
from tests.runtime.vendor import LOOKED_UP, Mood, Vendor
from tests.runtime.virtual import run
from tests.runtime.wire import Wire
from tests.runtime.wrong import AcksFirst, BelievesVersions, SpillsBeside, SpillsTheNewest

SEEDS = range(24)
KEYS = [ActorKey("job", name) for name in "abcd"]
BOUND = theirs("7")
"""The ERP's id of the first job, from the moment on when its first command is done."""
NICE = [Mood.WELL] * 6
BAD_MOODS = [Mood.BUSY, Mood.TIMES_OUT, Mood.APPLIES_THEN_TIMES_OUT, Mood.APPLIES_LATE, Mood.RAISES]


def plan(chance: Random) -> Iterator[tuple[ActorKey, Step]]:
    """Steps of each job in order; some need an earlier job, some ask the ERP, some are repeated."""
    waiting = {key: [f"{key.id}{n}" for n in range(chance.randint(4, 14))] for key in KEYS}
    sent: list[tuple[ActorKey, Step]] = [(KEYS[0], Step(name="a-bind", asks=("bind=7",)))]
    yield sent[0]
    while any(waiting.values()):
        key = chance.choice([key for key, left in waiting.items() if left])
        name = waiting[key].pop(0)
        earlier = [other.id for other in KEYS if other < key]
        step = Step(
            name=name,
            needs=chance.choice([*earlier, "erp:7"]) if earlier and chance.random() < 0.3 else None,
            asks=(name,) if chance.random() < 0.4 else (),
            does="ignore" if chance.random() < 0.1 else "accept",
        )
        sent.append((key, step))
        yield sent[-1]
        if chance.random() < 0.25:
            yield chance.choice(sent)


async def misfortune(town: Town, wire: Wire, chance: Random) -> None:
    """Something goes wrong every now and then, until this is cancelled."""
    while True:
        await asyncio.sleep(chance.expovariate(8))
        process = chance.choice(town.processes)
        match chance.choice(["kill", "cut", "cut", "away", "commit", "commit", "commit", "moods", "claim"]):
            case "kill":
                for channel in [channel for channel in wire.channels if channel.process is process]:
                    wire.cut(channel)
                await process.kill()
                town.processes.remove(process)
                wire.attach(town.process())
            case "cut" if wire.channels:
                channel = wire.channels[0]
                wire.cut(channel)
                await asyncio.sleep(chance.uniform(0, 0.5))
                if channel.process in town.processes:
                    wire.notice(channel)
            case "away":
                town.outage.is_away = True
                await asyncio.sleep(chance.uniform(0, 3))
                town.outage.is_away = False
            case "commit":
                connection = chance.choice(process.connections)
                connection.troubles.append(chance.choice([*Trouble]))
                connection.lost_answers_to_resolve = chance.randint(0, 2)
            case "moods":
                town.vendor.moods.extend(chance.choices(BAD_MOODS + NICE, k=3))
            case _:
                process.outbox.lost_claims = 1


def is_by_their_id(key: ActorKey, step: Step) -> bool:
    """Whether a step comes by the ERP's id: every second one of the first job."""
    return key == KEYS[0] and step.name != "a-bind" and int(step.name[1:]) % 2 == 1


async def live_through(town: Town, chance: Random) -> list[tuple[ActorKey, Step]]:
    """Publish everything amid misfortunes, and then wait until the queue is empty; what was published."""
    wire = Wire(town, prefetch=chance.choice([1, 3, 20]))
    for _ in range(2):
        wire.attach(town.process())
    happening = asyncio.create_task(misfortune(town, wire, chance))
    published = list(plan(chance))
    for key, step in published:
        wire.publish(BOUND if is_by_their_id(key, step) else key, step)
        await asyncio.sleep(chance.choice((0.0, 0.0, chance.uniform(0, 0.2))))
    await asyncio.sleep(chance.uniform(0, 5))
    happening.cancel()
    await asyncio.gather(happening, return_exceptions=True)
    town.outage.is_away = False
    town.vendor.moods.clear()
    for process in town.processes:
        if process not in [channel.process for channel in wire.channels]:
            wire.attach(process)
    await until(lambda: wire.is_empty)
    return published


def in_order(published: list[tuple[ActorKey, Step]], key: ActorKey, *, by_their_id: bool) -> tuple[str, ...]:
    """What is to be applied to a job of what came by one of its ids: each once, in the order of its first coming."""
    return tuple(
        dict.fromkeys(
            step.name
            for whose, step in published
            if whose == key and step.does == "accept" and is_by_their_id(key, step) == by_their_id
        )
    )


async def history(
    seed: int, committer: type[Committer] = Committer, commits: type[MemoryCommits] | None = None
) -> None:
    """One history, and what must be so at its end."""
    chance = Random(seed)
    bounds = replace(SMALL, fold=chance.choice([1, 2, 10]), mailbox=chance.choice([1, 3, 50]))
    town = Town(bounds, seconds=lambda chance: some_seconds(chance, 0.3), committer=committer, commits=commits)
    published = await live_through(town, chance)
    applied = {(key, ours): in_order(published, key, by_their_id=ours) for key in KEYS for ours in (False, True)}
    asking = [(key, step) for key, step in published if step.does == "accept"]
    asked = {f"job/{key.id}/{ask.partition('=')[0]}/1" for key, step in asking for ask in step.asks}
    await until(lambda: sum(map(len, map(town.steps, KEYS))) == len(asked) + sum(map(len, applied.values())))
    for (key, ours), names in applied.items():
        assert tuple(name for name in town.events(key) if is_by_their_id(key, Step(name=name)) == ours) == names
    await asyncio.sleep(60)
    assert sorted(town.vendor.effects) == sorted(asked)
    assert town.cases() == []
    assert not town.store.tables.outbox
    town.check_history()
    await town.close()


@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_is_applied_once_in_order_and_every_command_has_one_effect(seed: int) -> None:
    run(history(seed))


@pytest.mark.parametrize(
    ("committer", "commits"),
    [(AcksFirst, None), (SpillsTheNewest, None), (SpillsBeside, None), (Committer, BelievesVersions)],
    ids=["acks first", "spills the newest", "spills beside a turn", "believes versions"],
)
def test_the_histories_find_a_wrong_design(committer: type[Committer], commits: type[MemoryCommits] | None) -> None:
    assert any(goes_wrong(seed, committer, commits) for seed in range(60))


def goes_wrong(seed: int, committer: type[Committer], commits: type[MemoryCommits] | None) -> bool:
    """Whether a history ends badly."""
    try:
        run(history(seed, committer, commits))
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("seed", SEEDS)
def test_where_only_a_look_up_tells_there_is_one_effect_or_a_case(seed: int) -> None:
    async def story() -> None:
        town = Town(vendor=Vendor(LOOKED_UP), seconds=lambda chance: some_seconds(chance, 0.3))
        await live_through(town, Random(seed + 1000))
        await asyncio.sleep(300)
        assert len(set(town.vendor.effects)) == len(town.vendor.effects)
        standing = town.store.tables.outbox.values()
        parked = {each.command.key for each in standing if each.is_parked}
        assert {each.command.key for each in standing} <= parked, "what is left is parked, or held behind it"
        assert set(town.cases()) <= {"outcome_unknown", "outcome_unprovable"}
        town.check_history()
        await town.close()

    run(story())
