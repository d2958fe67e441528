"""Operators at work meanwhile, through the API of either process: they retry, discard, pause, and act on cases."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from functools import partial
from typing import Final

import aiohttp
import asyncpg

from tests.chaos.mischief import Act, Mischief
from tests.chaos.world import World
from tests.checker.cells import PAUSED
from tests.checker.evidence import Cell
from tests.integration.firm import API_TOKEN, Json, until

RETRIED: Final = Cell("operator", "retries what is parked")
DISCARDED: Final = Cell("operator", "discards what is parked")
ACTED: Final = Cell("operator", "acts on a blocked deal")
PARKED: Final = """
    SELECT e.entity, e.key, (SELECT i.ref FROM tallystick.inbox i
                             WHERE i.entity = e.entity AND i.key = e.key AND i.position IS NOT NULL
                             ORDER BY i.position LIMIT 1)::text AS head
    FROM tallystick.entity e
    WHERE e.lane_state = 'parked' AND e.lane_depth > 0 AND e.entity = ANY ($1) ORDER BY e.entity, e.key
"""
HELD: Final = """
    SELECT FROM tallystick.entity e JOIN tallystick.pause p ON p.id = e.paused_by
    UNION ALL SELECT FROM tallystick.outbox o WHERE tallystick.is_paused(o.entity, o.key, o.body)
"""
BLOCKED: Final = """
    SELECT id, version FROM tallystick.cases
    WHERE closed_at IS NULL AND entity = 'engagement' AND topic = 'validate' ORDER BY id
"""
TAKEN: Final = "SELECT FROM tallystick.case_act WHERE click = $1 AND outcome IN ('done', 'ignored')"
MENDED: Final[Json] = {"customer": {"id": "C1"}}
"""The edit that lets a deal run whose customer has a tax profile that nobody knows: the first has one that is known."""
LANES: Final = ("customer", "engagement", "project", "timesheet")
ON_DEALS: Final[tuple[tuple[str, Json], ...]] = (
    ("retry", {}), ("edit-retry", {"changes": MENDED}), ("cancel", {}),
)  # fmt: skip
DISCARDABLE: Final = ("customer",)
"""A sheet's revision adds to those before it, so its sum would no longer be known without one of them."""


PAUSE_SECONDS: Final = (0.5, 2.0)
RESUME_SECONDS: Final = 60.0
NO_MORE: Final[Mapping[str, str]] = {}
KEYS: Final = "SELECT entity, key FROM tallystick.entity WHERE entity <> 'external' ORDER BY turn DESC LIMIT 50"


def operators(world: World, seed: int) -> Mischief:
    """Mostly retries."""
    chance = random.Random(f"which lane {seed}")
    acts = [
        Act(RETRIED, partial(_act, world, chance, "retry", LANES), copies=5),
        Act(DISCARDED, partial(_act, world, chance, "discard", DISCARDABLE)),
    ]
    return Mischief("operators", acts, (0.5, 3.0))


def people(world: World, seed: int) -> Mischief:
    """Acts on deals that are blocked, whenever there are any."""
    chance = random.Random(f"which deal {seed}")
    return Mischief("people", [Act(ACTED, partial(_decide, world, chance))], (0.5, 3.0))


def pauses(world: World, seed: int) -> Mischief:
    """Pauses of a key, an entity, or everything, each ended after a while, or by `resume_all` if that is refused."""
    chance = random.Random(f"which pause {seed}")
    acts = [
        Act(PAUSED, partial(_pause, world, chance, "key"), copies=4),
        Act(PAUSED, partial(_pause, world, chance, "entity"), copies=2),
        Act(PAUSED, partial(_pause, world, chance, "everything")),
    ]
    return Mischief("pauses", acts, (3.0, 8.0))


async def resume_all(world: World) -> None:
    """End the pauses in force, whoever made them."""
    chance = random.Random("who resumes")

    async def none_is_left() -> bool:
        for row in await _rows(world, "SELECT id FROM tallystick.pause ORDER BY id"):
            await _ask(world, chance, "DELETE", f"/v1/pauses/{row['id']}?reason=chaos")
        left = await _rows(world, "SELECT count(*) FROM tallystick.pause")
        return bool(left) and left[0][0] == 0

    await until(none_is_left, RESUME_SECONDS, "all pauses have ended")


async def _pause(world: World, chance: random.Random, kind: str) -> int:
    """Pause, wait, and resume at another process perhaps. It hit if a lane or a command stood still for it."""
    path = "/v1/pauses"
    asked: Json = {"reason": "chaos"} | ({"everything": True} if kind == "everything" else {})
    if kind == "key":
        rows = await _rows(world, KEYS)
        if not rows:
            return 0
        row = chance.choice(rows)
        path = f"/v1/lanes/{row['entity']}/{row['key']}/pause"
    elif kind == "entity":
        asked["entity"] = chance.choice(LANES)
    begun = await _ask(world, chance, "POST", path, asked)
    await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))
    held = await _rows(world, HELD)
    if begun and kind == "key":
        await _ask(world, chance, "POST", path.removesuffix("pause") + "resume", {"reason": "chaos"})
    else:
        for row in await _rows(world, "SELECT id FROM tallystick.pause"):
            await _ask(world, chance, "DELETE", f"/v1/pauses/{row['id']}?reason=chaos")
    return int(begun and len(held) > 0)


async def _act(world: World, chance: random.Random, action: str, entities: tuple[str, ...]) -> int:
    """Ask for it; a process that is being killed, a database that is away, or a moved lane may refuse."""
    rows = await _rows(world, PARKED, list(entities))
    if not rows:
        return 0
    row = chance.choice(rows)
    asked: Json = {"reason": "chaos"} | ({"head": row["head"]} if action == "discard" else {})
    path = f"/v1/lanes/{row['entity']}/{row['key']}/{action}"
    return int(await _ask(world, chance, "POST", path, asked))


async def _decide(world: World, chance: random.Random) -> int:
    """Act on a deal that is blocked, and click a second time, perhaps at another process: that must change nothing.

    It hit if the deal has decided on it, whether it may be or not.
    """
    rows = await _rows(world, BLOCKED)
    if not rows:
        return 0
    id, version = chance.choice(rows)
    act, body = chance.choice(ON_DEALS)
    click = f"chaos-{id}-{chance.randrange(1 << 30)}"
    asked: Json = {"reason": "chaos", **body}
    headers = {"Idempotency-Key": click, "If-Match": f'"{version}"'}
    for _ in range(2):
        await _ask(world, chance, "POST", f"/v1/cases/{id}/{act}", asked, headers)
    return len(await _rows(world, TAKEN, click))


async def _rows(world: World, query: str, *arguments: object) -> list[asyncpg.Record]:
    """The answer, or none while the database is away."""
    try:
        connection = await asyncpg.connect(world.postgres.url)
    except (OSError, asyncpg.PostgresError):
        return []
    try:
        return await connection.fetch(query, *arguments)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return []
    finally:
        await connection.close()


async def _ask(
    world: World,
    chance: random.Random,
    method: str,
    path: str,
    body: Json | None = None,
    more: Mapping[str, str] = NO_MORE,
) -> bool:
    """Whether some ready process did it; one that is being killed, or a database that is away, may refuse."""
    slots = [slot for slot in world.slots if slot.is_ready and slot.api is not None]
    if not slots:
        return False
    headers = {"Authorization": f"Bearer {API_TOKEN}", **more}
    timeout = aiohttp.ClientTimeout(total=5)
    url = f"{chance.choice(slots).api}{path}"
    try:
        async with world.firm.session.request(method, url, json=body, headers=headers, timeout=timeout) as answer:
            return answer.ok
    except (aiohttp.ClientError, TimeoutError):
        return False
