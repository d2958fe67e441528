"""Alembic's environment: connects through asyncpg by the URL that the caller put into the configuration."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg
from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

VERSION_TABLE = "tallystick_version"
# One upgrade at a time: two processes that start together must not both create the tables.
LOCK = 0x7A11_5713


def migrate(connection: Connection) -> None:
    """Run the migrations on this connection, under a lock that ends with the transaction."""
    context.configure(connection=connection, target_metadata=None, version_table=VERSION_TABLE)
    with context.begin_transaction():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        context.run_migrations()


async def migrate_online(url: str) -> None:
    """Connect, migrate, disconnect."""
    engine = create_async_engine(
        "postgresql+asyncpg://", poolclass=NullPool, async_creator=lambda: asyncpg.connect(url)
    )
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
        await connection.commit()
    await engine.dispose()


if context.is_offline_mode():
    context.configure(dialect_name="postgresql", version_table=VERSION_TABLE)
    with context.begin_transaction():
        context.run_migrations()
else:
    address = context.config.attributes["url"]
    # In a thread of its own: alembic is synchronous and may be called from inside a running event loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, migrate_online(address)).result()
