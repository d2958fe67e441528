"""The stage on which interleavings are played."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.local.found import Found
from tests.adapters.postgres.stage import Stage
from tests.contracts.shared_database import shared_database


@pytest.fixture(scope="session")
def stage_database_url(postgres: Found, template_database: str) -> Iterator[str]:
    """A database for all stages."""
    with shared_database(postgres.url, template_database, "stage") as url:
        yield url


@pytest.fixture
async def stage(stage_database_url: str) -> AsyncIterator[Stage]:
    """An empty database with a schema for wrong designs."""
    async with Stage(stage_database_url) as opened:
        yield opened
