"""Faults of the two servers: backends that are terminated, a database that dies, a broker that goes and comes."""

from __future__ import annotations

import asyncio
import random
from functools import partial
from typing import Final

import asyncpg

from gateway.app import declare
from tests.chaos.mischief import Act, Mischief
from tests.chaos.sources import Sources
from tests.chaos.world import World
from tests.checker.cells import ALARM, AWAY, CUT, DELETED, READ_ONLY, STOPPED, STORE
from tests.checker.evidence import Cell

TERMINATED: Final = Cell(STORE, "backend terminated")
BACKENDS: Final = "pid FROM pg_stat_activity WHERE application_name = 'tallystick' ORDER BY state = 'active' DESC, pid"
FAILED: Final = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
ALARM_SECONDS: Final = (1.0, 4.0)
READ_ONLY_SECONDS: Final = (0.5, 3.0)
HIGH_WATERMARK: Final = "0.4"
"""RabbitMQ's own default."""
QUEUES: Final = ("customer", "project", "timesheet")


def database(world: World, seed: int) -> Mischief:
    """Terminations, restarts as after a crash, and times when nothing can be written."""
    chance = random.Random(f"which backend {seed}")
    acts = [
        Act(TERMINATED, partial(_terminate, world, chance), copies=8),
        Act(AWAY, partial(_restart, world)),
        Act(READ_ONLY, partial(_read_only, world, chance)),
    ]
    return Mischief("database", acts, (0.5, 4.5))


def broker(world: World, sources: Sources, seed: int) -> Mischief:
    """Connections closed, the node stopped and started, a memory alarm, a queue deleted and declared again."""
    chance = random.Random(f"which queue {seed}")
    acts = [
        Act(CUT, partial(_massacre, world), copies=2, is_owed=True),
        Act(STOPPED, partial(_stop_app, world)),
        Act(ALARM, partial(_alarm, world, chance), is_owed=True),
        Act(DELETED, partial(_delete_queue, world, sources, chance), is_owed=True),
    ]
    return Mischief("broker", acts, (1.0, 8.0))


async def _terminate(world: World, chance: random.Random) -> int:
    """One backend of the gateway, if there is one that works; at times all of them. Whether any was."""
    connection = await asyncpg.connect(world.postgres.url)
    try:
        pids = [row[0] for row in await connection.fetch(f"SELECT {BACKENDS}")]  # a constant
        chosen = pids if chance.random() < 0.2 else pids[:1]
        return int(any([await connection.fetchval("SELECT pg_terminate_backend($1)", pid) for pid in chosen]))
    finally:
        await connection.close()


async def _restart(world: World) -> int:
    """Whether there were connections to lose."""
    had = sum(slot.proxies.database.connections for slot in world.slots)
    await asyncio.to_thread(world.postgres.restart, immediate=True)
    return int(had > 0)


async def _read_only(world: World, chance: random.Random) -> int:
    """Whether a transaction of the gateway failed meanwhile."""
    connection = await asyncpg.connect(
        world.postgres.url, server_settings={"default_transaction_read_only": "off", "application_name": "chaos"}
    )
    try:
        before = await connection.fetchval(FAILED)
        await connection.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await connection.execute("SELECT pg_reload_conf()")
        await asyncio.sleep(chance.uniform(*READ_ONLY_SECONDS))
    finally:
        await connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await connection.execute("SELECT pg_reload_conf()")
        failed = await connection.fetchval(FAILED)
        await connection.close()
    return int(failed > before)


async def _control(world: World, *arguments: str) -> str:
    return await asyncio.to_thread(world.rabbitmq.control, *arguments)


async def _massacre(world: World) -> int:
    """Whether there were connections to lose."""
    had = _at_broker(world)
    await _control(world, "close_all_connections", "--vhost", "/", "chaos")
    return int(had > 0)


async def _stop_app(world: World) -> int:
    """Whether there were connections to lose."""
    had = _at_broker(world)
    await _control(world, "stop_app")
    await _control(world, "start_app")
    return int(had > 0)


def _at_broker(world: World) -> int:
    """Connections of the gateway to the broker."""
    return sum(slot.proxies.broker.connections for slot in world.slots)


async def _alarm(world: World, chance: random.Random) -> int:
    """Whether the broker held connections back."""
    await _control(world, "set_vm_memory_high_watermark", "0")
    try:
        await asyncio.sleep(chance.uniform(*ALARM_SECONDS))
        states = await _control(world, "-q", "list_connections", "state", "--no-table-headers")
    finally:
        await _control(world, "set_vm_memory_high_watermark", HIGH_WATERMARK)
    return int("block" in states)


async def _delete_queue(world: World, sources: Sources, chance: random.Random) -> int:
    """What was in it is gone for good, confirmed or not: so its sources are asked to publish it all again.

    Whether a process was consuming from it.
    """
    entity = chance.choice(QUEUES)
    async with sources.pause:
        told = await _control(world, "-q", "list_queues", "name", "consumers", "--no-table-headers")
        consumers = dict(line.split() for line in told.splitlines())
        await _control(world, "delete_queue", f"tallystick.{entity}")
        await declare(world.rabbitmq.url)
        await sources.again(entity)
    return int(consumers.get(f"tallystick.{entity}", "0") != "0")
