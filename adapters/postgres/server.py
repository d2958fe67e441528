"""What a PostgreSQL server says of itself, and what of it makes a commit a promise that it does not keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from adapters.ports.turns import StoreUnavailable
from adapters.postgres.connection import Link
from adapters.postgres.errors import read_error
from adapters.postgres.statements import statement

SECONDS: Final = 5.0

_LOSES: Final = "a crash loses what was acked"


class ServerUnsafe(RuntimeError):
    """The server may forget what it has confirmed; whoever runs it must act."""


@dataclass(frozen=True, slots=True)
class Server:
    """Settings as this user sees them in this database. `forbidden`: our tables that it may not read and fill."""

    version: str
    version_number: int
    is_read_only: bool
    fsync: bool
    full_page_writes: bool
    synchronous_commit: str
    encoding: str
    now: datetime
    forbidden: list[str]


@dataclass(frozen=True, slots=True)
class Danger:
    """What is wrong, and what to change."""

    found: str
    change: str


async def read_server(url: str) -> Server:
    """Ask the server. Raises `StoreUnavailable`, and as it is what a person must mend."""
    link = Link(url, timeout=SECONDS)
    try:
        async with link as connection:
            row = await connection.fetchrow(statement("server"))
    except Exception as error:
        raise read_error(error) from error
    finally:
        await link.close()
    assert row is not None  # noqa: S101  # a SELECT without FROM answers one row
    return Server(**dict(row))


async def refuse_unsafe(url: str) -> None:
    """Raise `ServerUnsafe` if the server may lose commits. A read-only one is not refused: it may be promoted.

    Raises `StoreUnavailable` also for a database that is not there yet.
    """
    try:
        server = await read_server(url)
    except asyncpg.InvalidCatalogNameError as error:
        raise StoreUnavailable(f"PostgreSQL: {error}") from error
    found = list(dangers(server))
    if found:
        raise ServerUnsafe("\n".join(f"PostgreSQL: {each.found}: {each.change}" for each in found))


def dangers(server: Server) -> Iterator[Danger]:
    """Everything for which the gateway does not start."""
    for name, is_on in (("fsync", server.fsync), ("full_page_writes", server.full_page_writes)):
        if not is_on:
            yield Danger(f"{name} is off: {_LOSES}", f"set {name} = on")
    if server.synchronous_commit == "off":
        change = "set synchronous_commit = on, for the server, the database, and the user"
        yield Danger(f"synchronous_commit is off: {_LOSES}", change)
