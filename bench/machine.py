"""What a run ran on: the machine, how busy it was, the versions, and the database's settings."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final, Self

import asyncpg

LIBRARIES: Final = ("aio-pika", "aiormq", "asyncpg", "faststream", "orjson", "pydantic", "uvloop")
SETTINGS: Final = (
    "autovacuum", "checkpoint_timeout", "effective_cache_size", "fsync", "full_page_writes", "max_wal_size",
    "random_page_cost", "shared_buffers", "synchronous_commit", "wal_compression", "work_mem",
)  # fmt: skip
MOST_LOAD: Final = 0.5
"""Load average of the minute before the run; above it something else was running."""


@dataclass(frozen=True, slots=True)
class Machine:
    """`servers` and `settings` are PostgreSQL's and RabbitMQ's; `load` is the load average before the run."""

    cores: int
    memory_mib: int
    system: str
    python: str
    load: float
    servers: Mapping[str, str]
    settings: Mapping[str, str]
    libraries: Mapping[str, str]

    @classmethod
    async def look(cls, load: float, database_url: str, servers: Mapping[str, str]) -> Self:
        """What this process runs on, and the servers."""
        connection = await asyncpg.connect(database_url)
        try:
            rows = await connection.fetch(
                "SELECT name, current_setting(name) AS value FROM pg_settings WHERE name = ANY ($1) ORDER BY name",
                SETTINGS,
            )
        finally:
            await connection.close()
        return cls(
            cores=os.cpu_count() or 0,
            memory_mib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            load=round(load, 2),
            servers=dict(servers),
            settings={row["name"]: row["value"] for row in rows},
            libraries={name: version(name) for name in LIBRARIES},
        )

    @property
    def warning(self) -> str | None:
        """Why the run's figures may not be trusted."""
        if self.load <= MOST_LOAD:
            return None
        return f"the load average was {self.load:.1f} before the run: end what else runs, or read ratios only with care"
