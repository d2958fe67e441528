"""Faults of the outside systems, by the sandboxes' own table of them."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import Final

from tests.chaos.mischief import Act, Mischief
from tests.chaos.world import World
from tests.checker.cells import (
    APPLIED_UNKNOWN,
    DOWN,
    HALF_A_BATCH,
    IGNORES_KEY,
    LATE,
    LEFT_OUT,
    NO_ANSWER,
    SYSTEM,
    THROTTLED,
)
from tests.checker.evidence import Cell
from tests.integration.firm import Json

SLOW: Final = Cell(SYSTEM, "answers late")
OF_THE_ERP: Final = frozenset({IGNORES_KEY, HALF_A_BATCH, LEFT_OUT})
SHARE: Final = 0.5
SECONDS: Final = (1.0, 4.0)
PATIENCE: Final = 12.0
"""Seconds that a fault waits at the ERP for its first request; while the database is away nobody sends any."""
BRIEFLY: Final = 2.0
"""The same elsewhere, where few commands go: then it moves on to the ERP."""
LOOK: Final = 0.25
FAULTS: Final[tuple[tuple[Cell, Json], ...]] = (
    (THROTTLED, {"fault": "throttle", "seconds": 1}),
    (NO_ANSWER, {"fault": "error"}),
    (APPLIED_UNKNOWN, {"fault": "apply_then_500"}),
    (SLOW, {"fault": "slow", "seconds": 1.5}),
    (LATE, {"fault": "late_apply", "seconds": 2}),
    (DOWN, {"fault": "down", "seconds": 1}),
    (DOWN, {"fault": "down", "reset": True}),
    (IGNORES_KEY, {"fault": "ignore_key"}),
    (HALF_A_BATCH, {"fault": "half_applied", "seconds": 1}),
    (LEFT_OUT, {"fault": "lines_left_out"}),
)
"""Each kind with its cell.

The ERP alone has batches, and it alone ignores keys, for it promises a unique reference besides.
"""
OWED: Final = frozenset({THROTTLED, NO_ANSWER, APPLIED_UNKNOWN, SLOW, LATE})
"""What a run of any length begins with."""
ERP: Final = "erp"


def systems(world: World, seed: int) -> Mischief:
    """One kind at one system for a while, at half of its requests."""
    chance = random.Random(f"which system {seed}")
    acts = [Act(cell, partial(_misbehave, world, chance, cell, fault), is_owed=cell in OWED) for cell, fault in FAULTS]
    return Mischief("systems", acts, (0.2, 3.0))


async def _misbehave(world: World, chance: random.Random, cell: Cell, fault: Json) -> int:
    """How many requests were hit."""
    system = ERP if cell in OF_THE_ERP else chance.choice([*world.firm.sandboxes, *[ERP] * 5])
    told = {"share": SHARE, "seed": chance.randrange(1 << 30), **fault}
    seconds = chance.uniform(*SECONDS)
    hits = await _plays(world, system, told, seconds, PATIENCE if system == ERP else BRIEFLY)
    return hits or (0 if system == ERP else await _plays(world, ERP, told, seconds, PATIENCE))


async def _plays(world: World, system: str, fault: Json, seconds: float, patience: float) -> int:
    """A fault at one system for a while, and then until it hits, or nobody comes."""
    await world.firm.faults(system, fault)
    await asyncio.sleep(seconds)
    for _ in range(int(patience / LOOK)):
        if await _hits(world, system):
            break
        await asyncio.sleep(LOOK)
    hits = await _hits(world, system)
    await world.firm.faults(system)
    return hits


async def _hits(world: World, system: str) -> int:
    """How many requests the present fault of a system has hit."""
    async with world.firm.session.get(f"{world.firm.sandboxes[system]}/faults") as response:
        active: list[dict[str, int]] = await response.json()
    return sum(each["hits"] for each in active)
