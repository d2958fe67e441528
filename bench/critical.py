"""Critical time: from published to applied, at loads that the gateway is not saturated by.

An event carries the moment at which it was handed to the publisher. The gateway's own metric takes the difference to
the moment after its commit has returned; here each value is kept. Both clocks are the one of this machine.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import Final

import asyncpg

from adapters.rabbitmq.publishing import RabbitPublishing
from bench import checks, load
from bench.checks import WrongRound
from bench.contenders import T
from bench.load import Sheet
from bench.part import Found, Say
from bench.rounds import finished, started
from bench.servers import Place, Servers, fresh
from bench.sizes import Sizes

TICK_SECONDS: Final = 0.001
WARM_SHARE: Final = 0.1
"""Of the messages, the first, which are left out: connections, plans, and references are cold."""
READY_SECONDS: Final = 60.0
TARGET_RATE: Final = 1_000
ENOUGH: Final = 0.95
"""Of the rate must have been reached, or its figures say nothing."""
COMMITS: Final = 200
COMMIT: Final = "smallest commit"
MEDIAN: Final = "p50"
TAIL: Final = "p99"
"""Names of the rounds: `500/s p50`."""


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Milliseconds at the median and the 99th percentile for each rate, beside those of the smallest commit."""
    rounds: dict[str, list[float]] = {COMMIT: []}
    notes: list[str] = []
    for number in range(1, sizes.rounds_apart + 1):
        for rate in sizes.rates:
            count = round(rate * sizes.seconds)
            async with fresh(servers) as place:
                reached, latencies = await one_round(place, rate, count, sizes.keys)
                commit = await commit_milliseconds(place)
            p50, p99 = percentiles(latencies)
            say(
                f"critical time, round {number} of {sizes.rounds_apart}, at {rate:,} messages/s ({reached:,.0f} "
                f"reached): p50 {p50:.1f} ms, p99 {p99:.1f} ms; the smallest commit {commit:.1f} ms"
            )
            rounds[COMMIT].append(commit)
            if reached < ENOUGH * rate:
                notes.append(f"critical time at {rate:,}/s: a round is left out, only {reached:,.0f}/s were published")
                continue
            rounds.setdefault(f"{rate}/s {MEDIAN}", []).append(p50)
            rounds.setdefault(f"{rate}/s {TAIL}", []).append(p99)
    target = {"critical p50": f"{TARGET_RATE}/s {MEDIAN}", "critical p99": f"{TARGET_RATE}/s {TAIL}"}
    figures = {name: median(rounds[of]) for name, of in target.items() if of in rounds}
    return Found(rounds, {**figures, "commit": median(rounds[COMMIT])}, notes)


async def commit_milliseconds(place: Place) -> float:
    """The median of what one row, committed alone, takes on this disk at this moment."""
    connection = await asyncpg.connect(place.database_url)
    try:
        await connection.execute("CREATE TABLE commits (n integer)")
        taken: list[float] = []
        for number in range(COMMITS):
            began = time.perf_counter()
            await connection.execute("INSERT INTO commits VALUES ($1)", number)
            taken.append((time.perf_counter() - began) * 1000)
        return round(median(taken), 2)
    finally:
        await connection.close()


def percentiles(latencies: tuple[float, ...]) -> tuple[float, float]:
    """The median and the 99th percentile of what is not warm-up."""
    warm = latencies[int(len(latencies) * WARM_SHARE) :]
    cuts = quantiles(warm, n=100, method="inclusive")
    return round(cuts[49], 2), round(cuts[98], 2)


async def one_round(place: Place, rate: int, count: int, keys: int) -> tuple[float, tuple[float, ...]]:
    """The rate that was reached, and the milliseconds of each message. Raises `WrongRound`."""
    exchange = await T.prepare(place)
    async with started(place, T, count, "latencies") as process:
        await ready(process)
        reached = await publish(place, exchange, rate, count, keys)
        taken = await finished(place, T, process)
    await checks.gateway(place, count, keys)
    if len(taken.latencies) != count:
        raise WrongRound(f"{len(taken.latencies)} durations for {count} messages")
    return reached, taken.latencies


async def ready(process: asyncio.subprocess.Process) -> None:
    """Wait until the gateway consumes. Raises `WrongRound`."""
    if process.stdout is None:
        raise WrongRound("the gateway's output is not read")
    async with asyncio.timeout(READY_SECONDS):
        said = await process.stdout.readline()
    if said.strip() != b"ready":
        raise WrongRound(f"the gateway did not become ready; it said {said!r}")


async def publish(place: Place, exchange: str, rate: int, count: int, keys: int) -> float:
    """Publish `count` messages, each when it is due, or as soon after that as the one before is confirmed."""
    publishing = RabbitPublishing(place.amqp_url, report=lambda _report: None)
    loop = asyncio.get_running_loop()
    try:
        sent, began = 0, loop.time()
        while sent < count:
            due = min(count, int((loop.time() - began) * rate))
            batch = [
                Sheet(f"{n:09d}", n % keys, f"L{n // keys}", time=datetime.now(UTC), day=n // keys)
                for n in range(sent, due)
            ]
            if batch:
                await load.publish(publishing, [load.message(exchange, sheet) for sheet in batch])
                sent = due
            await asyncio.sleep(TICK_SECONDS)
        return count / (loop.time() - began)
    finally:
        await publishing.close()
