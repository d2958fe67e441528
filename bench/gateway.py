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
from gateway.app import ports, rabbit
from gateway.garbage import spare_the_long_lived
from gateway.ids import time_ordered_id
from gateway.metrics import Counts
from gateway.policy_file import PolicyFile
from gateway.runtime import Runtime, Sources, Tuning
from gateway.settings import Settings, read_settings

POLICY = PolicyFile.model_validate(
    {
        "legal_entities": {"US01": {"currency": "USD", "erp": "erp", "psa": "erp", "crm": "erp"}},
        "sources": {"urn:example:psa": {"users": ["guest"], "types": ["timesheet.*"]}},
        "systems": {"erp": {"url": "http://127.0.0.1:1", "token": "unused", "operations": {}}},
    }
)


async def run(settings: Settings, count: int) -> float:
    """Consume `count` messages; the seconds from the first subscription to the last ack."""
    spare_the_long_lived()
    counts = Counts("bench")
    tuning = Tuning(prefetch=settings.prefetch, relays=False, notices=False)
    async with ports(settings, POLICY, *rabbit(settings)) as outside:
        sources = Sources(lambda: datetime.now(UTC), time_ordered_id)
        runtime = Runtime(replace(outside, upkeep=None), ACTORS, POLICY, sources, counts, tuning)
        began = time.perf_counter()
        await runtime.start()
        while sum(counts.messages.values()) < count:
            if not runtime.health.alive.ok:
                raise RuntimeError(runtime.health.alive.detail)
            await asyncio.sleep(0.005)
        seconds = time.perf_counter() - began
        await runtime.drain(10)
    return seconds


def main(arguments: Sequence[str]) -> None:
    """Run with a broker's URL, a database's URL, and a number of messages."""
    amqp_url, database_url, count = arguments
    settings = read_settings(
        {
            "TALLYSTICK_AMQP_URL": amqp_url,
            "TALLYSTICK_DATABASE_URL": database_url,
            "TALLYSTICK_POLICY": "unused",
        }
    )
    print(uvloop.run(run(settings, int(count))))


if __name__ == "__main__":
    main(sys.argv[1:])
