"""The listeners of a test, over a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.local.ports import free_port
from tests.gateway.http.stand import TOKEN, Stand, listening


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
