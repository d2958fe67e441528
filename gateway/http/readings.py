"""How far the systems are read whose changes the policy file wants read."""

from __future__ import annotations

from collections.abc import Collection

from adapters.ports.changes import Readers
from gateway.reader_state import NEVER_READ, ReaderState, reader_state


class Readings:
    """What `Systems` shows of change reading. `read` are the systems that have `changes`."""

    def __init__(self, readers: Readers, read: Collection[str]) -> None:
        self._readers = readers
        self._read = read

    async def states(self) -> dict[str, tuple[ReaderState, ...]]:
        """For each such system its kinds of records; one that nobody ever read has one. Raises `StoreUnavailable`."""
        if not self._read:
            return {}
        rows = await self._readers.readers()
        found = {name: tuple(reader_state(row) for row in rows if row.system == name) for name in self._read}
        return {name: states or (NEVER_READ,) for name, states in found.items()}
