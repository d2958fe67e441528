"""`make bench`: rounds of each contender in turn on private servers, and the report.

`make bench ARGS=--poison` measures something else: whether poisoned keys make the others late.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import uvloop

from bench import poison
from bench.report import report, table, write
from bench.rounds import CONTENDERS, Servers, one_round
from gateway.local.postgres import LocalPostgres
from gateway.local.rabbitmq import LocalRabbitMQ

KEYS = 5000
RESULTS = Path(__file__).with_name("results")


async def run(count: int, rounds: int) -> None:
    """Measure and report."""
    with LocalPostgres(durable=True) as postgres, LocalRabbitMQ() as rabbitmq:
        servers = Servers(postgres, rabbitmq)
        origins = {"postgresql": postgres.origin, "rabbitmq": rabbitmq.origin}
        speeds: dict[str, list[float]] = {contender.name: [] for contender in CONTENDERS}
        for number in range(1, rounds + 1):
            for contender in CONTENDERS:
                speed = await one_round(servers, contender, count, KEYS)
                speeds[contender.name].append(speed)
                print(f"round {number} of {rounds}: {contender.name} {speed:,.0f} messages/s", flush=True)
    found = report(speeds, count, KEYS, origins)
    print(table(found))
    print(f"written to {write(found, RESULTS)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make bench ARGS=…")
    parser.add_argument("--poison", action="store_true", help="time the healthy keys with and without poisoned ones")
    asked = parser.parse_args()
    quick = bool(os.environ.get("QUICK"))
    count, rounds = (10_000, 1) if quick else (30_000, 3)
    uvloop.run(poison.run(count, KEYS, rounds) if asked.poison else run(count, rounds))
