"""Places of commands, noted by looking at the outbox again and again while they stand: nothing else keeps them."""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg

LOOK_SECONDS: Final = 0.5
STANDING: Final = "SELECT id::text, entity_version, index FROM tallystick.outbox"

Place = tuple[int, int]


class Places:
    """`seen`: the place of each command that stood in the outbox when somebody looked."""

    def __init__(self, url: str) -> None:
        self.seen: dict[str, Place] = {}
        self._url = url

    async def run(self) -> None:
        """Look until it is cancelled; while the database is away there is nothing to see."""
        while True:
            try:
                await self.look()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look for as long as the connection holds."""
        connection = await asyncpg.connect(self._url)
        try:
            while True:
                for id, version, index in await connection.fetch(STANDING):
                    self.seen[id] = (version, index)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await connection.close(timeout=1)
