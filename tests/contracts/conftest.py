"""The store of a contract test: each test runs once in memory and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from gateway.local.found import Found
from tests.contracts.store_stands import MemoryStoreStand, PostgresStoreStand, Process, StoreStand
from tests.fixtures.apart import apart


@pytest.fixture(scope="session")
def contract_database_url(postgres: Found, template_database: str) -> Iterator[str]:
    """One migrated database for all contract tests, emptied after each: to make one takes longer than a test."""
    name = f"{template_database}_contract"
    apart(_execute(postgres.url, f'CREATE DATABASE "{name}" TEMPLATE "{template_database}"'))
    yield urlsplit(postgres.url)._replace(path=f"/{name}").geturl()
    apart(_execute(postgres.url, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def memory_store() -> MemoryStoreStand:
    """The store in memory."""
    return MemoryStoreStand()


@pytest.fixture
async def postgres_store(contract_database_url: str) -> AsyncIterator[PostgresStoreStand]:
    """The store on PostgreSQL."""
    stand = PostgresStoreStand(contract_database_url)
    yield stand
    await stand.close()


@pytest.fixture(params=["memory_store", "postgres_store"])
def store(request: pytest.FixtureRequest) -> StoreStand:
    """Either store."""
    stand: StoreStand = request.getfixturevalue(request.param)
    return stand


@pytest.fixture
def process(store: StoreStand) -> Process:
    """One process on it."""
    return store.process()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=30)
    try:
        await connection.execute(statement, timeout=60)
    finally:
        await connection.close(timeout=10)
