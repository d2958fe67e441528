"""Memory: of a process that works through a long queue, while many lanes are parked. It must be small and stay flat."""

from __future__ import annotations

import asyncio
from statistics import median
from typing import Final

from bench import load, seed
from bench.checks import WrongRound
from bench.part import Found, Say
from bench.served import Running, sandbox_erp, served
from bench.servers import Place, Servers, fresh
from bench.sizes import Sizes

MIB: Final = 2**20
SAMPLES: Final = 200
BEGIN_SECONDS: Final = 120.0
APPLIED: Final = "SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied'"
INSERTED: Final = """
    SELECT pg_stat_get_tuples_inserted('tallystick.inbox'::regclass)
"""
"""Rows that ever came into the inbox, a second late: a count of millions at each look would be a load of its own."""
FEWEST: Final = 8
"""Samples, for quarters to be compared."""


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """The most memory in MiB, and how much more of it there is in the end than early on."""
    async with fresh(servers) as place, sandbox_erp() as erp:
        exchange = await seed.prepare(place)
        await seed.parked(place, sizes.parked, say)
        # As many lines a sheet as in the ordinary run: sheets that grow for ever would measure themselves.
        keys = max(sizes.keys, sizes.waiting * sizes.keys // sizes.messages)
        await load.fill(place.amqp_url, exchange, load.events(sizes.waiting, keys))
        say(f"memory: {sizes.waiting:,} messages wait in the broker")
        await seed.tidied(place)
        async with served(place, erp) as gateway:
            samples = await _samples(place, gateway, sizes)
        applied = await place.number(APPLIED) - 1
    if not applied:
        raise WrongRound("nothing was applied while memory was looked at")
    say(f"memory: at most {max(samples):.0f} MiB, {samples[-1]:.0f} in the end; {applied:,.0f} messages were applied")
    figures = {"memory": max(samples)}
    notes = [f"memory was looked at while {applied:,.0f} of {sizes.waiting:,} waiting messages were applied"]
    if len(samples) >= FEWEST:
        quarter = len(samples) // 4
        figures["memory growth"] = median(samples[-quarter:]) / median(samples[quarter : 2 * quarter])
    else:
        notes.append(f"{len(samples)} samples say nothing about growth: the queue was empty too soon")
    return Found({"MiB": samples}, figures, notes)


async def _samples(place: Place, gateway: Running, sizes: Sizes) -> list[float]:
    """MiB at equal distances, from the first message applied until the last one or the end of the time."""
    before = await place.number(INSERTED)

    async def has_begun() -> bool:
        return await place.number(INSERTED) > before

    await gateway.until(has_begun, BEGIN_SECONDS, "the first message was applied")
    samples: list[float] = []
    for _ in range(SAMPLES):
        if gateway.process.returncode is not None:
            raise WrongRound(f"the gateway ended with {gateway.process.returncode} while its memory was looked at")
        samples.append(round(gateway.memory / MIB, 1))
        if await place.number(INSERTED) >= before + sizes.waiting:
            break
        await asyncio.sleep(sizes.memory_seconds / SAMPLES)
    return samples
