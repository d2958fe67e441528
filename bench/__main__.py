"""`make bench` and `make bench-large`: the parts of a run one after the other, on private servers, and the report.

QUICK=1 in the environment makes the ordinary run short. ARGS: `--scale 0.01`, `--only PART`, `--postgres NAME=VALUE`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import uvloop

from bench import options, results
from bench.machine import Machine
from bench.options import Asked
from bench.part import Found
from bench.report import Report
from bench.servers import Servers
from bench.stolen import Ticks
from bench.table import table
from gateway.local.postgres import LocalPostgres
from gateway.local.rabbitmq import LocalRabbitMQ


async def run(asked: Asked) -> Report:
    """Measure each part in turn."""
    load = os.getloadavg()[0]
    say(f"load average before the run: {load:.2f}")
    with LocalPostgres(durable=True, settings=asked.postgres) as postgres, LocalRabbitMQ() as rabbitmq:
        origins = {"postgresql": postgres.origin, "rabbitmq": rabbitmq.origin}
        machine = await Machine.look(load, postgres.url, origins)
        if machine.warning:
            say(f"WARNING: {machine.warning}")
        servers = Servers(postgres.url, rabbitmq)
        found: dict[str, Found] = {}
        before = Ticks.read()
        for name, measure in asked.parts.items():
            found[name] = await measure(servers, asked.sizes, say)
            say(f"load average after {name}, ours included: {os.getloadavg()[0]:.2f}")
        stolen = Ticks.read().share_since(before)
    return Report(datetime.now(UTC), asked.kind, asked.is_full, machine, asked.sizes, found, stolen)


def say(line: str) -> None:
    """What goes on now."""
    print(line, flush=True)


def main(arguments: Sequence[str]) -> None:
    """Run what is asked for, print the tables, write the results; a full ordinary run renews the README."""
    asked = options.read(arguments, is_quick=bool(os.environ.get("QUICK")))
    # Ended by a signal, it must end the programs that it started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    report = uvloop.run(run(asked))
    say(table(report))
    say(f"written to {results.write(report, asked.folder)}")
    if results.is_shown(report, asked.folder):
        results.show()
        say(f"{results.README.name} shows it now")


if __name__ == "__main__":
    main(sys.argv[1:])
