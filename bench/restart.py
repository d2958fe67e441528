"""The restart: from the start of a process to the first message applied, with much that is parked and open."""

from __future__ import annotations

import time
from typing import Final

import asyncpg

from bench import load, seed
from bench.checks import expect
from bench.load import Sheet
from bench.part import Found, Say
from bench.served import sandbox_erp, served
from bench.servers import Servers, fresh
from bench.sizes import Sizes

WAITING: Final = 100
"""Messages that wait in the broker when it starts."""
EVERY_SECONDS: Final = 0.01
"""How finely the moment is seen."""
LONGEST_SECONDS: Final = 120.0
APPLIED: Final = """
    SELECT count(*) FROM tallystick.inbox
    WHERE source = $1 AND event_id >= 'restart-' AND event_id < 'restart.' AND verdict = 'applied'
"""
"""By the index: a look must not cost what it measures."""


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Seconds until the first message was applied, as seen from outside, and until the last of those that waited."""
    async with fresh(servers) as place, sandbox_erp() as erp:
        exchange = await seed.prepare(place)
        await seed.parked(place, sizes.parked, say)
        await seed.open_commands(place, sizes.open_commands, say)
        await seed.tidied(place)
        waiting = (Sheet(f"restart-{number}", f"RESTART-{number}", "L0") for number in range(WAITING))
        await load.fill(place.amqp_url, exchange, waiting)

        # One connection for all looks: new ones would cost the database what is measured.
        looking = await asyncpg.connect(place.database_url)

        async def applied() -> int:
            found: int = await looking.fetchval(APPLIED, load.SOURCE)
            return found

        async def is_first() -> bool:
            return await applied() > 0

        async def is_all() -> bool:
            return await applied() == WAITING

        try:
            began = time.perf_counter()
            async with served(place, erp) as gateway:
                await gateway.until(is_first, LONGEST_SECONDS, "the first message was applied", EVERY_SECONDS)
                first = time.perf_counter() - began
                await gateway.until(is_all, LONGEST_SECONDS, "all that waited was applied", EVERY_SECONDS)
                last = time.perf_counter() - began
        finally:
            await looking.close()
        await expect(place, "SELECT count(*) FROM tallystick.inbox WHERE verdict = 'parked'", sizes.parked + 1)
    say(f"restart: first message applied after {first:.2f} s, all {WAITING} after {last:.2f} s")
    return Found({"first message": [round(first, 3)], "all that waited": [round(last, 3)]}, {"restart": first})
