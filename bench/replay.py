"""The replay: messages that were all parked for one cause, let go on by a plan once it is mended, beside T.

Each of them is parked in a lane of its own, and opens a case, so nothing is decided together; T has as many messages of
its usual keys. The time is that of the replay; its plan is made before, and said beside it.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from typing import Final

from bench import checks, load, seed
from bench.checks import expect
from bench.contenders import T
from bench.part import Found, Say
from bench.rounds import emptied, filled
from bench.servers import Servers, fresh
from bench.sizes import Sizes

REPLAYER: Final = replace(T, name="replay", module="bench.replaying")
STATUS: Final = """
    UPDATE tallystick.entity SET
        state = (state::jsonb || jsonb_build_object('status', $1::text))::json,
        entity_version = entity_version + 1, row_version = row_version + 1
    WHERE entity = 'project'
"""
"""What the sheets refer to is closed, and open again."""
PLANNING: Final = "SELECT EXTRACT(epoch FROM started_at - planned_at) FROM tallystick.replay"


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Messages per second of a replay, and of T."""
    count = sizes.replayed
    async with fresh(servers) as place:
        taken = await filled(place, T, load.events(count, sizes.keys), count)
        await checks.gateway(place, count, sizes.keys)
    speed = count / taken.seconds
    async with fresh(servers) as place:
        exchange = await T.prepare(place)
        await place.fetch(STATUS, "closed")
        await load.fill(place.amqp_url, exchange, load.events(count, count))
        await emptied(place, T, count)
        await expect(place, "SELECT count(*) FROM tallystick.entity WHERE lane_state = 'parked'", count)
        say(f"replay: {count:,} messages are parked; T takes {speed:,.0f} messages/s")
        await place.fetch(STATUS, "active")
        await seed.tidied(place)
        await asyncio.to_thread(os.sync)
        replayed = await emptied(place, REPLAYER, count)
        for query, expected in (
            ("SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied'", count),
            ("SELECT count(*) FROM tallystick.outbox", count),
            ("SELECT count(*) FROM tallystick.timeline WHERE what = 'applied'", count),
            ("SELECT count(*) FROM tallystick.cases WHERE closed_at IS NULL", 0),
        ):
            await expect(place, query, expected)
        planning = await place.number(PLANNING)
    reached = count / replayed.seconds
    say(f"replay: {reached:,.0f} messages/s, after {planning:.1f} s for the plan")
    return Found(
        {"T": [round(speed)], "replayed": [round(reached)], "planned": [round(count / planning)]},
        {"replay": reached / speed},
        [f"the plan of {count:,} messages was made in {planning:.0f} s, before the replay began"],
    )
