"""One migrated database for many tests, emptied after each: to make one takes longer than a test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from tests.contracts.tampering import tamper
from tests.fixtures.apart import apart

EMPTY: Final = Path(__file__).with_name("sql").joinpath("empty.sql").read_text(encoding="utf-8")


@contextmanager
def shared_database(server_url: str, template: str, purpose: str) -> Iterator[str]:
    """URL of a copy of `template`, dropped in the end. Whoever uses it leaves it empty for the next."""
    name = f"{template}_{purpose}"
    apart(_execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    try:
        yield urlsplit(server_url)._replace(path=f"/{name}").geturl()
    finally:
        apart(_execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)'))


def empty(url: str) -> None:
    """Leave it to the next as it was made."""
    apart(tamper(url, EMPTY))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute(statement, timeout=60)
    finally:
        await connection.close(timeout=10)
