"""The composition root: what its parts share, and what each has for itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg

from actors.registry import ACTORS
from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming
from adapters.memory.broker_keepsakes import MemoryKeepsakes
from adapters.ports.overdue import Looked, Term
from gateway.app import listening, ports
from gateway.ids import time_ordered_id
from gateway.local.ports import free_port
from gateway.metrics import Counts
from gateway.policy_file import read_policy
from gateway.runtime import Runtime, Sources, Tuning
from gateway.settings import Settings
from tests.gateway.http.stand import until

POLICY = Path(__file__).parents[2] / "examples" / "policy.yaml"
WAITING = """
    SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE d.datname = current_database() AND NOT l.granted
"""


async def test_metrics_do_not_wait_for_a_slow_look_at_overdue_commands(database_url: str) -> None:
    settings = Settings(
        database_url=database_url, amqp_url="", policy=POLICY, api_bind=f"127.0.0.1:{free_port()}",
        ops_bind=f"127.0.0.1:{free_port()}",
    )  # fmt: skip
    policy, counts, broker = read_policy(POLICY), Counts("1.2.3"), MemoryBroker()
    consuming = MemoryConsuming(broker, on_error=_raise)
    publishing, keepsakes = MemoryPublishing(broker), MemoryKeepsakes(broker)
    blocker = await asyncpg.connect(database_url)
    try:
        async with ports(settings, policy, consuming, publishing, keepsakes) as outside:
            sources = Sources(lambda: datetime.now(UTC), time_ordered_id)
            runtime = Runtime(outside, ACTORS, policy, sources, counts, Tuning())
            async with listening(settings, runtime, outside, counts):
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
