"""The gateway inside this process, on the broker that is in here too; the rest is as in `tallystick serve`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import structlog

from actors.registry import ACTORS
from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming
from adapters.memory.broker_keepsakes import MemoryKeepsakes
from gateway import telemetry
from gateway.app import listening, ports
from gateway.demo.running import Place
from gateway.ids import time_ordered_id
from gateway.metrics import Counts
from gateway.policy_file import read_policy
from gateway.runtime import Runtime, Sources, Tuning
from gateway.settings import read_settings


@asynccontextmanager
async def gateway_inside(place: Place, broker: MemoryBroker) -> AsyncIterator[Path]:
    """Run it until the block ends. Gives its log."""
    settings = read_settings(place.environment)
    policy = read_policy(settings.policy)
    counts = Counts(version("tallystick"))
    log = place.folder / "gateway.log"
    with _logging_to(log, settings.log_level):
        consuming, publishing = MemoryConsuming(broker, on_error=_raised), MemoryPublishing(broker)
        async with ports(settings, policy, consuming, publishing, MemoryKeepsakes(broker)) as outside:
            sources = Sources(lambda: datetime.now(UTC), time_ordered_id)
            runtime = Runtime(outside, ACTORS, policy, sources, counts, Tuning(prefetch=settings.prefetch))
            async with listening(settings, runtime, outside, counts):
                await runtime.start()
                try:
                    yield log
                finally:
                    await runtime.drain(settings.grace_seconds)


@contextmanager
def _logging_to(log: Path, level: str) -> Iterator[None]:
    """Into a file, since the terminal shows the play; not cached, so that nobody writes there after it is closed."""
    before = structlog.get_config()
    with log.open("w", encoding="utf-8") as stream:
        telemetry.configure(level)
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(stream), cache_logger_on_first_use=False)
        try:
            yield
        finally:
            structlog.configure(**before)


def _raised(queue: str, error: Exception) -> None:
    """Taking a delivery raised, which is our bug; the books will not add up, and the log says why."""
    telemetry.broker_changed("delivery_raised", f"{queue}: {error!r}")
