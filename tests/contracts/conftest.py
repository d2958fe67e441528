"""The store of a contract test: each test runs once in memory and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contracts.store_stands import MemoryStoreStand, PostgresStoreStand, Process, StoreStand


@pytest.fixture
def memory_store() -> MemoryStoreStand:
    """The store in memory."""
    return MemoryStoreStand()


@pytest.fixture
async def postgres_store(database_url: str) -> AsyncIterator[PostgresStoreStand]:
    """The store on PostgreSQL."""
    stand = PostgresStoreStand(database_url)
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
