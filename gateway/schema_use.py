"""Which types of events each source sends: counted at the door, written down beside the way of a message."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from adapters.ports.schema_uses import SchemaUses, Use
from adapters.ports.turns import StoreUnavailable
from schemas.catalogue import newer

EVERY_SECONDS: Final = 10.0


class SchemaUsage:
    """Writes down what was counted since. `counted` holds events by source and type, and only grows."""

    def __init__(self, uses: SchemaUses, counted: Counter[tuple[str, ...]], *, every: float = EVERY_SECONDS) -> None:
        self._uses = uses
        self._counted = counted
        self._written: Counter[tuple[str, ...]] = Counter()
        self._every = every

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._every)
            await self.write()

    async def write(self) -> None:
        """What the database does not take now is written with the next."""
        counted = Counter(self._counted)
        more = counted - self._written
        if not more:
            return
        uses = [Use(source, type_, count, newer(type_)) for (source, type_), count in more.items()]
        try:
            await self._uses.add(uses)
        except StoreUnavailable:
            return
        self._written = counted
