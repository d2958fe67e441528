"""Plays the story of one seed from its first event to the verdict of the checker."""

from __future__ import annotations

import asyncio
import random
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from random import Random
from typing import Final

import structlog

from tests.checker.check import check
from tests.checker.report import Report
from tests.runtime.virtual import Spins
from tests.sim.cast import Cast
from tests.sim.collector import collected_once
from tests.sim.gather import gather
from tests.sim.numbered import Numbered
from tests.sim.owner import Owner, SimLoop
from tests.sim.pals import chats
from tests.sim.planted.plant import Plant
from tests.sim.story import Story
from tests.sim.world import Happening, World

SETTLING: Final = 600.0
"""Seconds of virtual time in which the world comes to rest, or it never does."""


CLOSING_ROUNDS: Final = 5


@dataclass(frozen=True, slots=True)
class Played:
    """What became of a seed: the checker's report, and the trace."""

    seed: int
    report: Report
    trace: Sequence[Happening]

    @property
    def digest(self) -> str:
        """Two plays of a seed have the same, or one of them was hit by real chance."""
        return sha256("\n".join(map(str, self.trace)).encode()).hexdigest()


def play(seed: int, plant: Plant | None = None) -> Played:
    """Play `seed`; `plant` replaces parts by wrong ones."""
    # The story's own frame is gone when its garbage is looked for: nothing but the answer is kept.
    with collected_once():
        return _played(seed, plant or Plant())


def _played(seed: int, plant: Plant) -> Played:
    before = structlog.get_config()
    structlog.configure(processors=[_say_nothing])
    was = random.getstate()
    random.seed(seed)
    loop = SimLoop()
    owners: list[Owner] = []
    worlds: list[World] = []
    try:
        is_settled = loop.run_until_complete(_told(seed, plant, owners, worlds))
        return _judged(seed, worlds[0], is_settled=is_settled)
    except Spins as error:
        return _judged(seed, worlds[0], is_settled=False, why=str(error))
    finally:
        _close(loop, owners)
        random.setstate(was)
        structlog.configure(**before)


def _say_nothing(_logger: object, _method: str, _event: MutableMapping[str, object]) -> str:
    raise structlog.DropEvent


def _judged(seed: int, world: World, *, is_settled: bool, why: str = "the world has not settled") -> Played:
    evidence = gather(world)
    if not is_settled:
        evidence = replace(evidence, deaths=(*evidence.deaths, why))
    return Played(seed, check(evidence), world.trace)


async def _told(seed: int, plant: Plant, owners: list[Owner], worlds: list[World]) -> bool:
    """Whether the world has come to rest in the end. The world is left in `worlds`, whatever happens."""
    chance = Random(seed)
    restoring = Random(f"{seed} restore")
    world = World(seed, plant, chance, owners, is_restored=restoring.random() < 0.25)
    worlds.append(world)
    # Two sources of one key come in another order the second time: a customer's states are numbered in that order, and
    # a project's milestones are asked for in it.
    story = Story(chance, by_one=world.is_restored)
    numbered = Numbered(Random(f"{seed} numbers"), story)
    told = [story.crm, story.psa, numbered.clocks, *([] if world.is_restored else [numbered.ledger])]
    told.append(chats(Random(f"{seed} pals")))
    cast = Cast(world, chance, restoring)
    await world.open(cast.processes)
    await cast.play(told, chance)
    if cast.restoration.has_base:
        await cast.play_again(told, chance)
    is_settled = await _settle(world)
    if cast.restoration.has_base:
        await cast.restoration.end()
    for _ in range(2):
        await cast.operators.retry_parked()
        is_settled = await _settle(world) and is_settled
    await cast.closing.close_some()
    is_settled = await _settle(world) and is_settled
    await cast.closing.let_pass()
    return await _settle(world) and is_settled


async def _settle(world: World) -> bool:
    """Wait until nothing is left to do, and look again after a while."""
    quiet = held = 0
    for _ in range(int(SETTLING / 0.5)):
        quiet = quiet + 1 if world.is_settled() else 0
        held = held + 1 if world.is_held() else 0
        if quiet == 4:
            return True
        if held == 4:
            held = 0
            world.wait_for_gates()
        await asyncio.sleep(0.5)
    return False


def _close(loop: SimLoop, owners: Sequence[Owner]) -> None:
    """Let go of what still stands, dead processes too."""
    loop.set_exception_handler(lambda _loop, _context: None)
    for _ in range(CLOSING_ROUNDS):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            break
        for task in tasks:
            task.cancel()
        for owner in owners:
            owner.go_on(loop)
        ended = asyncio.gather(*tasks, return_exceptions=True)
        loop.run_until_complete(ended)
    loop.close()
