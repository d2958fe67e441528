"""Faults of processes: kill -9 at random and at named points, and a process that sleeps through its leases."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import Final

from gateway.heartbeat import SILENT_SECONDS
from tests.chaos.mischief import Act, Mischief
from tests.chaos.slots import Slot
from tests.chaos.world import World
from tests.checker.cells import (
    ACK,
    BEFORE_COMMIT,
    BROKER,
    COMMIT,
    COMMITTED,
    KILL,
    LEASED,
    LOST,
    RECORDING,
    REQUEST,
    TIMEOUT,
    ZOMBIE,
)
from tests.checker.evidence import Cell
from tests.proxy.dialects import Sight
from tests.proxy.proxy import Harm, Proxy, Trap

AT_RANDOM: Final = Cell("at random", KILL)
SILENT_BROKER: Final = Cell(BROKER, "connection half-open")
SLEEP_SECONDS: Final = SILENT_SECONDS + 3
SPRING_SECONDS: Final = 6.0
"""How long a trap stays set where nothing passes."""
FAR: Final = 6
"""A trap springs at the first to the sixth frame of its kind."""

POINTS: Final = (
    (BEFORE_COMMIT, Sight.COMMIT_ASKED, Harm.RESET_BEFORE),
    (COMMIT, Sight.COMMIT_ASKED, Harm.RESET_AFTER),
    (COMMIT, Sight.COMMIT_ANSWERED, Harm.RESET_BEFORE),
    (COMMITTED, Sight.ACK, Harm.RESET_BEFORE),
    (ACK, Sight.ACK, Harm.RESET_AFTER),
    (LEASED, Sight.CLAIM_ASKED, Harm.RESET_AFTER),
    (LEASED, Sight.CLAIM_ANSWERED, Harm.RESET_BEFORE),
    (REQUEST, Sight.POST_BEGAN, Harm.RESET_BEFORE),
    (REQUEST, Sight.POST_ASKED, Harm.RESET_AFTER),
    (REQUEST, Sight.POST_ANSWERED, Harm.RESET_BEFORE),
    (RECORDING, Sight.RECORD_ASKED, Harm.RESET_AFTER),
    (RECORDING, Sight.RECORD_ANSWERED, Harm.RESET_BEFORE),
)
"""Named points, each as the moment, what the proxy sees pass then, and what becomes of the connection."""


def processes(world: World, seed: int) -> Mischief:
    """Kills and sleeps."""
    chance = random.Random(f"which process {seed}")
    at_points = [
        Act(Cell(moment, KILL), partial(_at_point, world, chance, sight, harm, kills=True))
        for moment, sight, harm in POINTS
    ]
    acts = [
        *at_points,
        Act(AT_RANDOM, partial(_kill, world, chance), copies=4),
        Act(ZOMBIE, partial(_sleep, world, chance), is_owed=True),
    ]
    return Mischief("processes", acts, (0.5, 3.0))


def wires(world: World, seed: int) -> Mischief:
    """Connections cut at the same points, and answers of systems that never come."""
    chance = random.Random(f"which wire {seed}")
    cuts = [
        Act(
            Cell(moment, LOST), partial(_at_point, world, chance, sight, harm, kills=False),
            is_owed=sight is Sight.COMMIT_ANSWERED,
        )
        for moment, sight, harm in POINTS
    ]  # fmt: skip
    half_open = partial(_at_point, world, chance, Sight.POST_ANSWERED, Harm.HALF_OPEN, kills=False)
    lost_ack = partial(_at_point, world, chance, Sight.ACK, Harm.SWALLOW, kills=False)
    acts = [*cuts, Act(Cell(REQUEST, TIMEOUT), half_open, copies=2), Act(Cell(ACK, LOST), lost_ack)]
    return Mischief("wires", acts, (0.2, 2.0))


def stalls(world: World, seed: int) -> Mischief:
    """Requests to the database that nobody answers, until their time is up; and whole connections that fall silent."""
    chance = random.Random(f"which stall {seed}")
    acts = [
        Act(Cell(moment, TIMEOUT), partial(_at_point, world, chance, sight, Harm.HALF_OPEN, kills=False))
        for moment, sight in (
            (BEFORE_COMMIT, Sight.COMMIT_ASKED),
            (COMMIT, Sight.COMMIT_ANSWERED),
            (LEASED, Sight.CLAIM_ANSWERED),
            (RECORDING, Sight.RECORD_ANSWERED),
        )
    ]
    acts.append(Act(SILENT_BROKER, partial(_hush_broker, world, chance)))
    return Mischief("stalls", acts, (10.0, 30.0))


async def _hush_broker(world: World, chance: random.Random) -> int:
    """Only the heartbeats of AMQP can tell."""
    return int(chance.choice(world.slots).proxies.broker.hush() > 0)


async def _kill(world: World, chance: random.Random) -> int:
    slot = chance.choice(world.slots)
    if not slot.is_running:
        return 0
    slot.kill()
    return 1


async def _at_point(world: World, chance: random.Random, sight: Sight, harm: Harm, *, kills: bool) -> int:
    """Set the trap in every slot; the first that springs is the one."""
    nth = chance.randint(1, FAR)
    set_traps: list[tuple[Proxy, Trap]] = []
    hit: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()

    def spring(slot: Slot) -> None:
        for proxy, trap in set_traps:
            proxy.clear(trap)
        if kills:
            slot.kill()
        hit.set_result(slot)

    for slot in world.slots:
        then = partial(spring, slot)
        set_traps.extend((proxy, proxy.set(Trap(sight, harm, nth, then=then))) for proxy in _proxies(slot, sight))
    try:
        async with asyncio.timeout(SPRING_SECONDS):
            slot = await hit
    except TimeoutError:
        return 0
    finally:
        for proxy, trap in set_traps:
            proxy.clear(trap)
    if harm is Harm.SWALLOW:
        slot.proxies.broker.cut()  # what TCP lost, it lost with the connection
    return 1


def _proxies(slot: Slot, sight: Sight) -> tuple[Proxy, ...]:
    match sight:
        case Sight.ACK | Sight.CONFIRM | Sight.PUBLISH | Sight.DELIVER:
            return (slot.proxies.broker,)
        case Sight.POST_BEGAN | Sight.POST_ASKED | Sight.POST_ANSWERED:
            return tuple(slot.proxies.systems.values())
        case _:
            return (slot.proxies.database,)


async def _sleep(world: World, chance: random.Random) -> int:
    """Stop the busier process past its leases; its queues and its leases go to the other one; then it wakes up."""
    slot = max(world.slots, key=lambda slot: slot.proxies.broker.seen[Sight.DELIVER])
    if not slot.is_running:
        return 0
    slot.freeze()
    try:
        slot.proxies.broker.cut()
        await asyncio.sleep(SLEEP_SECONDS)
    finally:
        was_frozen = slot.is_frozen
        slot.thaw()
    return int(was_frozen)
