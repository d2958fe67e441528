"""Connections for questions of the API: nothing can be written on them, and no question holds one for long."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import asyncpg

from adapters.ports.turns import StoreUnavailable
from adapters.postgres.connection import SETTINGS, Link
from adapters.postgres.errors import read_error

LINKS: Final = 3
"""Questions answered at the same time."""
QUEUE_SECONDS: Final = 2.0
"""How long a question waits for one of them."""
STATEMENT_SECONDS: Final = 5.0
PLANNED_ONCE: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""For statements whose filters are never null: by indexes, however small a table was when they were planned."""

_EACH_TIME: Final = {"plan_cache_mode": "force_custom_plan"}
"""Filters may be null, so a plan is made for the values that are there."""


class ReadLinks:
    """Connections for `LINKS` questions at the same time. The server ends a statement after `timeout` seconds."""

    def __init__(
        self, url: str, name: str, *, timeout: float = STATEMENT_SECONDS, settings: Mapping[str, str] = _EACH_TIME
    ) -> None:
        session = SETTINGS | {
            "application_name": f"tallystick {name}",
            "default_transaction_read_only": "on",  # nobody writes by mistake
            "statement_timeout": str(round(timeout * 1000)),
            **settings,
        }
        self._links = [Link(url, timeout=timeout + 1, settings=session) for _ in range(LINKS)]
        self._free: asyncio.LifoQueue[Link] = asyncio.LifoQueue()
        for link in self._links:
            self._free.put_nowait(link)

    async def fetch(self, text: str, *arguments: object) -> list[asyncpg.Record]:
        """The rows that a statement finds. Raises `StoreUnavailable`, and `DataRefused` for its arguments."""
        link = await self._free_link()
        try:
            async with link as connection:
                return await connection.fetch(text, *arguments)
        except Exception as error:
            raise question_error(error) from error
        finally:
            self._free.put_nowait(link)

    async def close(self) -> None:
        """Close the connections."""
        for link in self._links:
            await link.close()

    async def _free_link(self) -> Link:
        try:
            async with asyncio.timeout(QUEUE_SECONDS):
                return await self._free.get()
        except TimeoutError:
            raise StoreUnavailable("PostgreSQL: all connections for reading are busy") from None


def question_error(error: Exception) -> Exception:
    """As `read_error`; and as these statements are fixed, whatever else the server says is about itself."""
    known = read_error(error)
    return StoreUnavailable(f"PostgreSQL: {known}") if isinstance(known, asyncpg.PostgresError) else known
