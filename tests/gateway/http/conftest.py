"""The listeners of a test, over a database that nobody else has while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from gateway.local.found import Found
from gateway.local.ports import free_port
from tests.contracts.shared_database import empty, shared_database
from tests.gateway.http.stand import TOKEN, Stand, listening


@pytest.fixture(scope="session")
def http_database_url(postgres: Found, template_database: str) -> Iterator[str]:
    """A database for all tests of the listeners."""
    with shared_database(postgres.url, template_database, "http") as url:
        yield url


@pytest.fixture
def database_url(http_database_url: str) -> Iterator[str]:
    """URL of that database, which has no rows yet."""
    yield http_database_url
    empty(http_database_url)


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """The file that holds the token."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return file


@pytest.fixture
async def alone(token_file: Path) -> AsyncIterator[Stand]:
    """Both listeners without a database, for what is decided before one is asked."""
    async with listening(f"postgresql://tally:canary@127.0.0.1:{free_port()}/none", token_file) as stand:
        yield stand


@pytest.fixture
async def stand(database_url: str, token_file: Path) -> AsyncIterator[Stand]:
    """Both listeners."""
    async with listening(database_url, token_file) as stand:
        yield stand
