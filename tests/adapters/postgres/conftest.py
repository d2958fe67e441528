"""The stage on which interleavings are played."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.adapters.postgres.stage import Stage


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """A fresh database with a schema for wrong designs."""
    async with Stage(database_url) as opened:
        yield opened
