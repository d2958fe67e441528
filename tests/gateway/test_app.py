"""The composition root: what its parts share, and what each has for itself."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg

from actors.registry import ACTORS
from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming
from adapters.memory.broker_keepsakes import MemoryKeepsakes
from adapters.ports.overdue import Looked, Term
from adapters.postgres.connection import Link
from gateway.app import listening, ports
from gateway.ids import time_ordered_id
from gateway.local.ports import free_port
from gateway.metrics import Counts
from gateway.policy_file import read_policy
from gateway.runtime import Ports, Runtime, Sources, Tuning
from gateway.settings import Settings
from tests.gateway.http.stand import until

POLICY = Path(__file__).parents[2] / "examples" / "policy.yaml"
WAITING = """
    SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND NOT l.granted
"""


@asynccontextmanager
async def listener(settings: Settings) -> AsyncIterator[Ports]:
    """A process that listens and has not begun."""
    policy, counts = read_policy(POLICY), Counts("1.2.3")
    async with ports_of(settings) as outside:
        sources = Sources(lambda: datetime.now(UTC), time_ordered_id)
        runtime = Runtime(outside, ACTORS, policy, sources, counts, Tuning())
        async with listening(settings, runtime, outside, counts):
            yield outside


@asynccontextmanager
async def ports_of(settings: Settings) -> AsyncIterator[Ports]:
    """What a process reaches, but for its listeners."""
    broker = MemoryBroker()
    consuming = MemoryConsuming(broker, on_error=_raise)
    publishing, keepsakes = MemoryPublishing(broker), MemoryKeepsakes(broker)
    async with ports(settings, read_policy(POLICY), consuming, publishing, keepsakes) as outside:
        yield outside


def settings_of(database_url: str) -> Settings:
    return Settings(
        database_url=database_url, amqp_url="", policy=POLICY, api_bind=f"127.0.0.1:{free_port()}",
        ops_bind=f"127.0.0.1:{free_port()}",
    )  # fmt: skip


def links() -> list[Link]:
    """What may become a connection to PostgreSQL, in this process."""
    return [each for each in gc.get_objects() if isinstance(each, Link)]


async def test_it_has_as_many_connections_as_the_page_says() -> None:
    settings, before = settings_of("postgresql:///nowhere"), links()
    page = (POLICY.parents[1] / "docs" / "postgresql.md").read_text(encoding="utf-8").split()
    told = re.search(
        r"more than (\d+) and one for each of `TALLYSTICK_COMMITTERS` \((\d+)\), so (\d+). "
        r"Of these (\d+) are for the work and (\d+) for the API",
        " ".join(page),
    )
    assert told is not None
    async with ports_of(settings):
        work, committers = len(links()) - len(before), settings.committers
    gc.collect()
    before = links()
    async with listener(settings):
        most = len([each for each in links() if each not in before])
        assert [int(number) for number in told.groups()] == [most - committers, committers, most, work, most - work]


async def test_every_system_can_be_asked_about_itself() -> None:
    async with ports_of(settings_of("postgresql:///nowhere")) as outside:
        assert outside.inspected.keys() == outside.systems.keys() != set()


async def test_metrics_do_not_wait_for_a_slow_look_at_overdue_commands(database_url: str) -> None:
    settings = settings_of(database_url)
    blocker = await asyncpg.connect(database_url)
    try:
        async with listener(settings) as outside:
            async with blocker.transaction():
                # Nobody can open a case now, and everybody can read.
                await blocker.execute("LOCK TABLE tallystick.cases IN SHARE MODE")
                look = asyncio.create_task(outside.overdue.open_cases("erp", Term(60.0), after=None, page=9))
                await until(lambda: _is_waiting(blocker), 15)
                page = await _metrics(settings)
                assert not look.done()
            assert await look == Looked(0, None)
        assert "tallystick_open_work_known 1.0" in page
        assert 'tallystick_system_held{reason="paused",system="erp"} 0.0' in page
        assert 'tallystick_system_held{reason="paused",system="self"} 0.0' in page
    finally:
        await blocker.close()


async def _is_waiting(connection: asyncpg.Connection[asyncpg.Record]) -> bool:
    return bool(await connection.fetchval(WAITING))


async def _metrics(settings: Settings) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://{settings.ops_bind}/metrics") as answer:
        return await answer.text()


def _raise(_: str, error: Exception) -> None:
    raise error
