"""The gateway inside this process, on the broker that is in here too; the rest is as in `tallystick serve`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import structlog

from actors.registry import ACTORS
from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.lane_acts import PostgresLaneActs
from adapters.postgres.lanes import PostgresLanes
from adapters.postgres.outbox import PostgresNotices, PostgresOutbox
from adapters.postgres.reads import PostgresReads
from gateway import telemetry
from gateway.app import systems
from gateway.demo.running import Place
from gateway.http.servers import serve_http
from gateway.ids import time_ordered_id
from gateway.metrics import Counts
from gateway.policy_file import PolicyFile, read_policy
from gateway.runtime import Ports, Runtime, Sources, Tuning
from gateway.settings import Settings, read_settings


@asynccontextmanager
async def gateway_inside(place: Place, broker: MemoryBroker) -> AsyncIterator[Path]:
    """Run it until the block ends. Gives its log."""
    settings = read_settings(place.environment)
    policy = read_policy(settings.policy)
    counts = Counts(version("tallystick"))
    log = place.folder / "gateway.log"
    with _logging_to(log, settings.log_level):
        async with _ports(settings, policy, broker) as outside:
            sources = Sources(lambda: datetime.now(UTC), time_ordered_id)
            runtime = Runtime(outside, ACTORS, policy, sources, counts, Tuning(prefetch=settings.prefetch))
            async with serve_http(settings, runtime.health, counts, outside.reads, outside.acts, runtime.look_at):
                await runtime.start()
                try:
                    yield log
                finally:
                    await runtime.drain(settings.grace_seconds)


@contextmanager
def _logging_to(log: Path, level: str) -> Iterator[None]:
    """Into a file, since the terminal shows the day; not cached, so that nobody writes there after it is closed."""
    before = structlog.get_config()
    with log.open("w", encoding="utf-8") as stream:
        telemetry.configure(level)
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(stream), cache_logger_on_first_use=False)
        try:
            yield
        finally:
            structlog.configure(**before)


@asynccontextmanager
async def _ports(settings: Settings, policy: PolicyFile, broker: MemoryBroker) -> AsyncIterator[Ports]:
    url = settings.database_url
    commits = [PostgresCommits(url) for _ in range(settings.committers)]
    lanes, acts, outbox = PostgresLanes(url), PostgresLaneActs(url), PostgresOutbox(url)
    notices = PostgresNotices(url)
    dead_letters, reads = PostgresDeadLetters(url), PostgresReads(url)
    consuming, publishing = MemoryConsuming(broker, on_error=_raised), MemoryPublishing(broker)
    found = systems(policy)
    closing: list[_Closes] = [
        consuming,
        publishing,
        *found.values(),
        *commits,
        lanes,
        acts,
        outbox,
        notices,
        dead_letters,
    ]
    try:
        yield Ports(commits, lanes, acts, outbox, notices, dead_letters, reads, consuming, publishing, found)
    finally:
        for each in [*closing, reads]:
            await each.close()


class _Closes(Protocol):
    async def close(self) -> None: ...


def _raised(queue: str, error: Exception) -> None:
    """Taking a delivery raised, which is our bug; the day will not add up, and the log says why."""
    telemetry.broker_changed("delivery_raised", f"{queue}: {error!r}")
