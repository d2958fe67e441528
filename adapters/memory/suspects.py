"""Suspects in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from adapters.memory.tables import Clock, Tables

_KEPT_SECONDS: Final = 30 * 86_400.0


class MemorySuspects:
    """Port `Suspects`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._tables = tables
        self._clock = clock

    async def attempt(self, digest: bytes, *, survived: Sequence[bytes]) -> int:
        await self.clear(survived)
        suspects, now = self._tables.suspects, self._clock()
        for old in [each for each, (_, last_at) in suspects.items() if last_at < now - _KEPT_SECONDS]:
            del suspects[old]
        attempts = suspects.get(digest, (0, now))[0] + 1
        suspects[digest] = (attempts, now)
        return attempts

    async def clear(self, survived: Sequence[bytes]) -> None:
        for digest in survived:
            self._tables.suspects.pop(digest, None)

    async def close(self) -> None:
        """Nothing to close."""
