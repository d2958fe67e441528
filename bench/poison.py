"""Isolation, timed: when the last healthy message is applied, with 30 % of the keys poisoned and with none, in turn.

Both kinds of round have the same messages of the same keys. In a poisoned one the first message of three keys in ten is
parked, with all that follows it; in both the time of the other seven keys counts, from the first subscription to their
last commit.
"""

from __future__ import annotations

from typing import Final

from bench import load
from bench.checks import WrongRound
from bench.contenders import T
from bench.neighbours import in_turn, of_neighbours
from bench.part import Found, Say
from bench.rounds import filled
from bench.servers import Servers, fresh
from bench.sizes import Sizes

POISONED: Final = 3
"""Of every ten keys."""
HEALTHY: Final = """
    SELECT count(*) AS applied, EXTRACT(epoch FROM max(t.at)) AS last
    FROM tallystick.timeline t
    WHERE t.what = 'applied' AND t.entity = 'timesheet' AND substr(t.key, 4)::integer % 10 >= $1
"""
HELD: Final = "SELECT count(*) FROM tallystick.inbox WHERE verdict IN ('parked', 'queued')"


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """The seconds until the last healthy message was applied, with poison and without."""
    seconds: dict[str, list[float]] = {"none poisoned": [], "30 % poisoned": []}
    for number in range(1, sizes.rounds_apart + 1):
        for name, poisoned in in_turn(number, (("none poisoned", 0), ("30 % poisoned", POISONED))):
            taken = await one_round(servers, sizes.messages, sizes.keys, poisoned)
            seconds[name].append(round(taken, 3))
            say(f"poison, round {number} of {sizes.rounds_apart}: {name}: last healthy message after {taken:.2f} s")
    return Found(seconds, {"poison": of_neighbours(seconds["30 % poisoned"], seconds["none poisoned"])})


async def one_round(servers: Servers, count: int, keys: int, poisoned: int) -> float:
    """The seconds until the last message of the healthy keys was applied. Raises `WrongRound`."""
    async with fresh(servers) as place:
        taken = await filled(place, T, load.events(count, keys, poisoned), count)
        row = (await place.fetch(HEALTHY, POISONED))[0]
        held = await place.number(HELD)
    healthy = sum(number % keys % 10 >= POISONED for number in range(count))
    expected = count - healthy if poisoned else 0
    if row["applied"] != healthy or held != expected:
        raise WrongRound(f"{row}, and {held:.0f} held: not {healthy} applied and {expected} held")
    return float(row["last"]) - taken.began
