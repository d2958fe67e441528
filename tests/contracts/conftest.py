"""The store of a contract test: each test runs once in memory and once on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.local.found import Found
from tests.contracts.shared_database import shared_database
from tests.contracts.store_stands import MemoryStoreStand, PostgresStoreStand, Process, StoreStand


@pytest.fixture(scope="session")
def contract_database_url(postgres: Found, template_database: str) -> Iterator[str]:
    """A database for all tests of the contract."""
    with shared_database(postgres.url, template_database, "contract") as url:
        yield url


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
