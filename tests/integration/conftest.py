"""The installation that integration tests run on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.integration.firm import Firm, firm


@pytest_asyncio.fixture
async def installation(database_url: str, amqp_url: str, tmp_path: Path) -> AsyncIterator[Firm]:
    """A database, a virtual host, and sandboxes of this test's own."""
    async with firm(database_url, amqp_url, tmp_path) as made:
        yield made
