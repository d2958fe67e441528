"""Retention: whether old rows go as fast as the gateway writes new ones, and what that costs it.

T runs alone, then beside a cleaner that removes old messages, and beside one that removes old lines of the timeline: T
writes one row of each for each message. A cleaner takes one kind after the other, so the times for both add up.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from statistics import median
from time import perf_counter
from typing import Final

from adapters.ports.retention import Old
from adapters.postgres.retention import PostgresRetention
from bench import load, seed
from bench.checks import WrongRound, expect
from bench.contenders import T
from bench.critical import ready
from bench.part import Found, Say
from bench.rounds import finished, started
from bench.servers import Place, Servers, fresh
from bench.sizes import Sizes
from gateway.retention import Cleaner

AGE: Final = 3600.0
"""Seconds: what was seeded is older, and what T writes is not."""
SEEDED: Final = {Old.INBOX: seed.OLD_MESSAGES, Old.TIMELINE: seed.OLD_TIMELINE}


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Messages per second with and without a cleaner, and rows per second that it removed."""
    rounds: dict[str, list[float]] = {"alone": []}
    for number in range(1, sizes.rounds_apart + 1):
        say(f"retention, round {number} of {sizes.rounds_apart}")
        async with fresh(servers) as place:
            speed, _ = await _round(place, sizes, await seed.prepare(place), None)
        rounds["alone"].append(speed)
        say(f"retention: alone {speed:,} messages/s")
        for old, rows in SEEDED.items():
            async with fresh(servers) as place:
                exchange = await seed.prepare(place)
                await seed.copied(place, rows, 0, sizes.old_rows)
                await seed.tidied(place)
                speed, removed = await _round(place, sizes, exchange, old)
            rounds.setdefault(f"beside {old}", []).append(speed)
            rounds.setdefault(f"{old} rows", []).append(removed)
            say(f"retention: {speed:,} messages/s while {removed:,} old rows/s of {old} go")
    beside = median(speed for old in SEEDED for speed in rounds[f"beside {old}"])
    busy = sum(beside / median(rounds[f"{old} rows"]) for old in SEEDED)
    return Found(rounds, {"retention": 1 / busy, "retention cost": beside / median(rounds["alone"])})


async def _round(place: Place, sizes: Sizes, exchange: str, old: Old | None) -> tuple[int, int]:
    """Messages per second of T, and rows per second that a cleaner removed beside it. Raises `WrongRound`."""
    gone: Counter[Old] = Counter()
    await load.fill(place.amqp_url, exchange, load.events(sizes.messages, sizes.keys))
    async with started(place, T, sizes.messages) as process:
        await ready(process)
        began = perf_counter()
        async with _cleaning(place, old, gone):
            taken = await finished(place, T, process)
        elapsed = perf_counter() - began
    await expect(place, "SELECT count(*) FROM tallystick.outbox", 1 + sizes.messages)
    if old is not None and not gone[old]:
        raise WrongRound(f"no old row of {old} went")
    return round(sizes.messages / taken.seconds), round(gone.total() / elapsed)


@asynccontextmanager
async def _cleaning(place: Place, old: Old | None, gone: Counter[Old]) -> AsyncIterator[None]:
    """A cleaner of this kind for as long as the block runs; `gone` counts its rows."""
    if old is None:
        yield
        return
    retention = PostgresRetention(place.database_url)

    def observed(kind: Old, rows: int) -> None:
        gone[kind] += rows

    cleaning = asyncio.create_task(Cleaner(retention, {old: AGE}, observed).run())
    try:
        yield
    finally:
        cleaning.cancel()
        with suppress(asyncio.CancelledError):
            await cleaning
        await retention.close()
