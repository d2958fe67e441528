"""Operators at work meanwhile: they retry and discard what is parked, through the API of either process."""

from __future__ import annotations

import random
from functools import partial
from typing import Final

import aiohttp
import asyncpg

from tests.chaos.mischief import Act, Mischief
from tests.chaos.slots import Slot
from tests.chaos.world import World
from tests.checker.evidence import Cell
from tests.integration.firm import API_TOKEN, Json

RETRIED: Final = Cell("operator", "retries what is parked")
DISCARDED: Final = Cell("operator", "discards what is parked")
PARKED: Final = """
    SELECT e.entity, e.key, (SELECT i.ref FROM tallystick.inbox i
                             WHERE i.entity = e.entity AND i.key = e.key AND i.position IS NOT NULL
                             ORDER BY i.position LIMIT 1)::text AS head
    FROM tallystick.entity e
    WHERE e.lane_state = 'parked' AND e.lane_depth > 0 AND e.entity = ANY ($1) ORDER BY e.entity, e.key
"""
DISCARDABLE: Final = ("customer",)
"""A sheet's revision adds to those before it, so its sum would no longer be known without one of them."""


def operators(world: World, seed: int) -> Mischief:
    """Mostly retries."""
    chance = random.Random(f"which lane {seed}")
    acts = [
        Act(RETRIED, partial(_act, world, chance, "retry", ("customer", "project", "timesheet")), copies=5),
        Act(DISCARDED, partial(_act, world, chance, "discard", DISCARDABLE)),
    ]
    return Mischief("operators", acts, (0.5, 3.0))


async def _act(world: World, chance: random.Random, action: str, entities: tuple[str, ...]) -> int:
    """Ask for it; a process that is being killed, a database that is away, or a moved lane may refuse."""
    slots = [slot for slot in world.slots if slot.is_ready]
    try:
        connection = await asyncpg.connect(world.postgres.url)
    except (OSError, asyncpg.PostgresError):
        return 0
    try:
        rows = await connection.fetch(PARKED, list(entities))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return 0
    finally:
        await connection.close()
    if not rows or not slots:
        return 0
    row = chance.choice(rows)
    asked: Json = {"reason": "chaos"} | ({"head": row["head"]} if action == "discard" else {})
    return await _post(world, chance.choice(slots), f"/v1/lanes/{row['entity']}/{row['key']}/{action}", asked)


async def _post(world: World, slot: Slot, path: str, body: Json) -> int:
    if slot.api is None:
        return 0
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    timeout = aiohttp.ClientTimeout(total=5)
    try:
        async with world.firm.session.post(f"{slot.api}{path}", json=body, headers=headers, timeout=timeout) as answer:
            return int(answer.ok)
    except (aiohttp.ClientError, TimeoutError):
        return 0
