"""Isolation, timed: when the last healthy message is applied, with 30 % of the keys poisoned and with none, in turn.

Both kinds of round have the same messages of the same keys. In a poisoned one the first message of three keys in ten is
parked, with all that follows it; in both the time of the other seven keys counts, from the first commit to their last.
"""

from __future__ import annotations

import os
from statistics import median
from typing import Final

import asyncpg

from bench import load
from bench.rounds import Servers, WrongRound, fresh, prepare_gateway, run_contender
from gateway.local.postgres import LocalPostgres
from gateway.local.rabbitmq import LocalRabbitMQ

POISONED: Final = 3
"""Of every ten keys."""
MOST: Final = 1.10
"""How much later the last healthy message may be."""
HEALTHY: Final = """
    SELECT count(*) AS applied, EXTRACT(epoch FROM max(t.at) - (SELECT min(at) FROM tallystick.timeline)) AS seconds
    FROM tallystick.timeline t
    WHERE t.what = 'applied' AND t.entity = 'timesheet' AND substr(t.key, 4)::integer % 10 >= $1
"""
HELD: Final = "SELECT count(*) FROM tallystick.inbox WHERE verdict IN ('parked', 'queued')"


async def run(count: int, keys: int, rounds: int) -> None:
    """Measure, and print each round and the ratio of the medians."""
    seconds: dict[int, list[float]] = {0: [], POISONED: []}
    with LocalPostgres(durable=True) as postgres, LocalRabbitMQ() as rabbitmq:
        servers = Servers(postgres, rabbitmq)
        for number in range(1, rounds + 1):
            for poisoned, taken in seconds.items():
                taken.append(await one_round(servers, count, keys, poisoned))
                name = f"{10 * poisoned} % of keys poisoned" if poisoned else "none poisoned"
                print(
                    f"round {number} of {rounds}: {name}: last healthy message after {taken[-1]:.2f} s "
                    f"(load average {os.getloadavg()[0]:.1f})",
                    flush=True,
                )
    none, some = median(seconds[0]), median(seconds[POISONED])
    verdict = "kept" if some / none <= MOST else "MISSED"
    print(f"poisoned / none: {some:.2f} / {none:.2f} s = {some / none:.2f} (at most {MOST:.2f}: {verdict})")


async def one_round(servers: Servers, count: int, keys: int, poisoned: int) -> float:
    """The seconds until the last message of the healthy keys was applied. Raises `WrongRound`."""
    async with fresh(servers) as (amqp_url, database_url):
        await load.fill(amqp_url, await prepare_gateway(amqp_url, database_url), count, keys, poisoned)
        await run_contender("bench.gateway", amqp_url, database_url, count)
        connection = await asyncpg.connect(database_url)
        try:
            row = await connection.fetchrow(HEALTHY, POISONED)
            held = await connection.fetchval(HELD)
        finally:
            await connection.close()
    healthy = sum(number % keys % 10 >= POISONED for number in range(count))
    expected = count - healthy if poisoned else 0
    if row is None or row["applied"] != healthy or held != expected:
        raise WrongRound(f"{row}, and {held} held: not {healthy} applied and {expected} held")
    return float(row["seconds"])
