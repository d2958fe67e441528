"""A database of its own for a run that leaves nothing behind: made, migrated, and dropped at the end."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from adapters.postgres.errors import read_error
from adapters.postgres.migrations.upgrade import upgrade

SECONDS: Final = 30.0
"""For each statement; making a database copies its template."""


class DatabaseNotMade(RuntimeError):
    """The server did not let us make a database; the message says what to change."""


@asynccontextmanager
async def scratch_database(server_url: str, prefix: str) -> AsyncIterator[str]:
    """The URL of a new database `<prefix>_<chance>` on the server of `server_url`, with the whole schema.

    No database that is there already is touched. Raises `DatabaseNotMade`, and `StoreUnavailable` without a server.
    """
    name = f"{prefix}_{secrets.token_hex(4)}"
    try:
        await _execute(server_url, f'CREATE DATABASE "{name}"')
    except asyncpg.InsufficientPrivilegeError as error:
        raise DatabaseNotMade(
            f"the user of the database's URL may not make a database of its own: grant it CREATEDB ({error})"
        ) from error
    try:
        url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
        await asyncio.to_thread(upgrade, url)
        yield url
    finally:
        await _execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _execute(url: str, statement: str) -> None:
    try:
        connection = await asyncpg.connect(url, timeout=SECONDS)
        try:
            await connection.execute(statement, timeout=SECONDS)
        finally:
            await connection.close(timeout=SECONDS)
    except Exception as error:
        raise read_error(error) from error
