"""Reports made by hand, for tests of what is written of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from bench.machine import Machine
from bench.part import Found
from bench.report import Report
from bench.sizes import Sizes
from bench.targets import Kind

IDLE: Final = Machine(
    cores=2,
    memory_mib=8_000,
    system="Linux x86_64",
    python="3.11.7",
    load=0.1,
    servers={"postgresql": "PostgreSQL 15", "rabbitmq": "RabbitMQ 3.10"},
    settings={"fsync": "on", "shared_buffers": "128MB"},
    libraries={"asyncpg": "0.32.0"},
)
THROUGHPUT: Final = Found(
    {"A": [300, 100, 200], "B": [90, 100, 80], "C": [50, 40, 60], "D": [10, 20, 30], "T": [120, 100, 140]},
    {"T/A": 0.6, "T/B": 120 / 90, "T/C": 2.4, "T/D": 6.0},
)
CRITICAL: Final = Found(
    {
        "smallest commit": [1.0, 1.5],
        "500/s p50": [2.0],
        "500/s p99": [9.5],
        "1000/s p50": [3.0, 3.5],
        "1000/s p99": [40.0, 42.0],
        "2000/s p50": [8.0],
        "2000/s p99": [120.0],
    },
    {"critical p50": 3.25, "critical p99": 41.0, "commit": 1.25},
)
BIG: Final = Found(
    {"empty": [100, 110], "random": [60], "1000 rows": [105], "10000 rows": [95]}, {"big": 0.9, "big random": 0.57}
)


def ordinary(*, is_full: bool = True, load: float = 0.1, minute: int = 0) -> Report:
    """A run of contenders and critical time; hot and poisoned keys were not measured."""
    sizes = Sizes() if is_full else Sizes().quick()
    at = datetime(2026, 5, 4, 12, minute, tzinfo=UTC)
    parts = {"throughput": THROUGHPUT, "critical": CRITICAL}
    return Report(at, Kind.ORDINARY, is_full, replace(IDLE, load=load), sizes, parts)


def large() -> Report:
    """A run of the size alone."""
    at = datetime(2026, 5, 4, 13, tzinfo=UTC)
    return Report(at, Kind.LARGE, False, IDLE, Sizes(), {"big": BIG})  # noqa: FBT003  # the field is named so
