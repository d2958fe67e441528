"""Contender T, the gateway as shipped; the relay is off, so that each message leaves its command in the outbox."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import uvloop

from actors.registry import ACTORS
from bench.taken import Taken, tell
from gateway import telemetry
from gateway.app import ports, rabbit
from gateway.garbage import spare_the_long_lived
from gateway.ids import time_ordered_id
from gateway.metrics import Counts, Histogram
from gateway.policy_file import PolicyFile
from gateway.runtime import Runtime, Sources, Tuning
from gateway.settings import Settings, read_settings

POLICY = PolicyFile.model_validate(
    {
        "legal_entities": {
            "US01": {"currency": "USD", "erp": "erp", "psa": "erp", "crm": "erp", "operations": {"cost.post": None}}
        },
        "sources": {"urn:example:psa": {"users": ["guest"], "types": ["timesheet.*"]}},
        "systems": {"erp": {"url": "http://127.0.0.1:1", "token": "unused", "operations": {}}},
    }
)


class Exact(Histogram):
    """Keeps each duration beside the count of its bucket, in milliseconds."""

    def __init__(self) -> None:
        super().__init__()
        self.milliseconds: list[float] = []

    def observe(self, seconds: float, *labels: str) -> None:
        super().observe(seconds, *labels)
        self.milliseconds.append(round(seconds * 1000, 3))


async def run(settings: Settings, count: int, exact: Exact | None = None) -> Taken:
    """Consume `count` messages. Prints `ready` once it consumes; durations from published to applied go to `exact`."""
    spare_the_long_lived()
    counts = Counts("bench")
    if exact is not None:
        counts.message_seconds = exact
    tuning = Tuning(prefetch=settings.prefetch, relays=False, notices=False)
    async with ports(settings, POLICY, *rabbit(settings)) as outside:
        sources = Sources(lambda: datetime.now(UTC), time_ordered_id)
        runtime = Runtime(replace(outside, upkeep=None), ACTORS, POLICY, sources, counts, tuning)
        began_at, began = time.time(), time.perf_counter()
        await runtime.start()
        print("ready", flush=True)
        while sum(counts.messages.values()) < count:
            if not runtime.health.alive.ok:
                raise RuntimeError(runtime.health.alive.detail)
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - began
        await runtime.drain(10)
    return Taken(seconds, sum(counts.duplicates.values()), tuple(exact.milliseconds) if exact else (), began_at)


def main(arguments: Sequence[str]) -> None:
    """Run with a broker's URL, a database's URL, a number of messages, and, if they are wanted, `latencies`."""
    telemetry.configure("warning")
    amqp_url, database_url, count, *wanted = arguments
    settings = read_settings(
        {
            "TALLYSTICK_AMQP_URL": amqp_url,
            "TALLYSTICK_DATABASE_URL": database_url,
            "TALLYSTICK_POLICY": "unused",
        }
    )
    tell(uvloop.run(run(settings, int(count), Exact() if "latencies" in wanted else None)))


if __name__ == "__main__":
    main(sys.argv[1:])
