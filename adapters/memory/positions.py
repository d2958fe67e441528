"""How far systems are read, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from adapters.memory.tables import Clock, Tables
from adapters.ports.changes import NotHeld, Position, ReaderRow, Version


class MemoryPositions:
    """Port `Positions`. Times are the clock's, read as seconds since 1970. `reader` names this process to people."""

    def __init__(self, tables: Tables, clock: Clock, reader: str) -> None:
        self._tables = tables
        self._clock = clock
        self._reader = reader

    async def hold(self, system: str) -> bool:
        return self._tables.reading.setdefault(system, self) is self

    async def position(self, system: str, record: str) -> Position:
        self._expect_held(system)
        now, rows = self._now(), self._tables.readers
        row = rows.get((system, record)) or ReaderRow(now, system, record, self._reader, None, None, None, None)
        rows[system, record] = replace(row, reader=self._reader)
        return Position(system, record, row.read_until, row.looked_at, now)

    async def unseen(self, system: str, record: str, versions: Sequence[Version]) -> list[Version]:
        self._expect_held(system)
        seen = self._seen(system, record)
        return [version for version in dict.fromkeys(versions) if version not in seen]

    async def saw(self, system: str, record: str, versions: Sequence[Version], *, until: datetime) -> None:
        self._expect_held(system)
        seen = self._seen(system, record)
        for version in versions:
            seen[version] = max(seen.get(version, until), until)

    async def advance(
        self, position: Position, read_until: datetime, *, forget_before: datetime, forget: int = 10_000
    ) -> None:
        system, record = position.system, position.record
        self._expect_held(system)
        seen = self._seen(system, record)
        old = sorted((at, version) for version, at in seen.items() if at < forget_before)
        for _, version in old[:forget]:
            del seen[version]
        row = self._tables.readers[system, record]
        self._tables.readers[system, record] = replace(
            row, read_until=read_until, looked_at=position.at, failure=None, failed_at=None
        )

    async def failed(self, system: str, record: str, reason: str) -> None:
        self._expect_held(system)
        if (row := self._tables.readers.get((system, record))) is not None:
            self._tables.readers[system, record] = replace(row, failure=reason, failed_at=self._now())

    async def close(self) -> None:
        """Hold nothing any more."""
        reading = self._tables.reading
        for system in [system for system, reader in reading.items() if reader is self]:
            del reading[system]

    def _expect_held(self, system: str) -> None:
        if self._tables.reading.get(system) is not self:
            raise NotHeld(f"the connection that held {system} is gone; another process may read it by now")

    def _seen(self, system: str, record: str) -> dict[Version, datetime]:
        return self._tables.seen.setdefault((system, record), {})

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)


class MemoryReaders:
    """Port `Readers`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def readers(self) -> list[ReaderRow]:
        now = datetime.fromtimestamp(self._clock(), UTC)
        return [replace(row, at=now) for _, row in sorted(self._tables.readers.items())]

    async def close(self) -> None:
        """Nothing to close."""
