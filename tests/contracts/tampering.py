"""What whoever owns the tables of the audit can do, and no code of ours does: change what is only added to."""

from __future__ import annotations

from typing import Final

import asyncpg

_TABLES: Final = ("audit", "audit_seal")


async def tamper(url: str, statement: str, *arguments: object) -> None:
    """Run one statement while nothing guards the audit."""
    connection = await asyncpg.connect(url, timeout=30, command_timeout=30)
    try:
        async with connection.transaction():
            for table in _TABLES:
                await connection.execute(f"ALTER TABLE tallystick.{table} DISABLE TRIGGER USER")
            await connection.execute(statement, *arguments, timeout=60)
            for table in _TABLES:
                await connection.execute(f"ALTER TABLE tallystick.{table} ENABLE TRIGGER USER")
    finally:
        await connection.close(timeout=10)
