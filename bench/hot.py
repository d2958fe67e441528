"""The hot key: all messages of one sheet, beside the same messages spread over all sheets.

A sheet that grew by a line with each message would measure its size. So each message is a revision of a whole sheet:
one bills its only line, the next takes it back, and as cost it goes nowhere. That makes one command for each message.
The state still grows a little, by what its line was billed as before: an invoice that comes late may bill that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bench import checks
from bench.contenders import T
from bench.load import Sheet
from bench.neighbours import in_turn, of_neighbours
from bench.part import Found, Say
from bench.rounds import filled
from bench.servers import Servers, fresh
from bench.sizes import Sizes

MISPLACED: Final = """
    SELECT count(*) FROM (
        SELECT line, row_number() OVER (PARTITION BY key ORDER BY entity_version) - 1 AS place FROM tallystick.outbox
    ) ordered WHERE line <> 'L0.r' || (place - place % 2 + 1)
"""
"""Commands that are not: bill revision 1, take it back, bill revision 3, take it back, …"""


def revisions(count: int, keys: int) -> Iterator[Sheet]:
    """`count` events over `keys` sheets in turn."""
    for number in range(count):
        step, key = divmod(number, keys)
        yield Sheet(f"{number:09d}", key, "L0", revision=step + 1, partial=False, billable=step % 2 == 0)


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Messages per second with one key and with all of them."""
    speeds: dict[str, list[float]] = {"all keys": [], "one key": []}
    for number in range(1, sizes.rounds_apart + 1):
        for name, keys in in_turn(number, (("all keys", sizes.keys), ("one key", 1))):
            async with fresh(servers) as place:
                taken = await filled(place, T, revisions(sizes.messages, keys), sizes.messages)
                await checks.gateway(place, sizes.messages, keys, MISPLACED)
            speeds[name].append(round(sizes.messages / taken.seconds))
            say(f"hot key, round {number} of {sizes.rounds_apart}: {name} {speeds[name][-1]:,} messages/s")
    return Found(speeds, {"hot": of_neighbours(speeds["one key"], speeds["all keys"])})
