"""The seam to the database for commands: what asyncpg raises while it connects becomes ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adapters.postgres.errors import read_error


@contextmanager
def asking_database() -> Iterator[None]:
    """Raise `StoreUnavailable` for whatever keeps the database from answering now; refusals stay as they are."""
    try:
        yield
    except Exception as error:
        ours = read_error(error)
        if ours is error:
            raise
        raise ours from error
