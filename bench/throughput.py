"""The contenders in turn, several rounds in one run, so that each figure is a ratio of neighbours."""

from __future__ import annotations

from statistics import median

from bench.contenders import CONTENDERS
from bench.part import Found, Say
from bench.rounds import one_round
from bench.servers import Servers
from bench.sizes import Sizes


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Messages per second of each contender, and T's ratio to each other one."""
    speeds: dict[str, list[float]] = {contender.name: [] for contender in CONTENDERS}
    for number in range(1, sizes.rounds + 1):
        for contender in CONTENDERS:
            speed = await one_round(servers, contender, sizes.messages, sizes.keys)
            speeds[contender.name].append(round(speed))
            say(f"round {number} of {sizes.rounds}: {contender.name} {speed:,.0f} messages/s")
    medians = {name: median(values) for name, values in speeds.items()}
    return Found(speeds, {f"T/{name}": medians["T"] / medians[name] for name in medians if name != "T"})
