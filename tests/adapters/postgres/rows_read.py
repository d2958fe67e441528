"""What statements have read: it grows with the plan that was chosen, and does not move with the machine."""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg

OTHERS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
PATIENCE: Final = 10.0
READ: Final = """
    SELECT sum(COALESCE(seq_tup_read, 0) + COALESCE(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables
"""


async def rows_read(url: str) -> int:
    """Rows of all tables that were read so far. A session tells what it has read when it ends: this waits for all."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(PATIENCE):
            while await connection.fetchval(OTHERS):  # noqa: ASYNC110  # nothing tells when a session has ended
                await asyncio.sleep(0.01)
        await connection.execute("SELECT pg_stat_force_next_flush()")
        return int(await connection.fetchval(READ))
    finally:
        await connection.close()
