"""A database of its own: migrated, and gone afterwards, whatever happened in between."""

from __future__ import annotations

import asyncpg
import pytest

from adapters.ports.turns import StoreUnavailable
from adapters.postgres.migrations.upgrade import check
from adapters.postgres.scratch import DatabaseNotMade, scratch_database
from gateway.local.found import Found

POWERLESS = "tally_scratch_powerless"


async def databases(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        return {
            row[0] for row in await connection.fetch("SELECT datname FROM pg_database WHERE datname ~ '^scratchy_'")
        }
    finally:
        await connection.close()


async def test_it_has_the_whole_schema_and_is_gone_afterwards(postgres: Found) -> None:
    async with scratch_database(postgres.url, "scratchy") as url:
        await check(url)
        assert len(await databases(postgres.url)) == 1
    assert await databases(postgres.url) == set()


async def test_it_is_gone_after_an_error_and_with_connections_still_open(postgres: Found) -> None:
    with pytest.raises(KeyError):
        await fail_inside(postgres.url)
    assert await databases(postgres.url) == set()


async def fail_inside(server_url: str) -> None:
    async with scratch_database(server_url, "scratchy") as url:
        connection = await asyncpg.connect(url)
        connection.add_termination_listener(lambda _: None)
        raise KeyError


async def test_a_user_who_may_not_make_one_is_told_so(postgres: Found) -> None:
    owner = await asyncpg.connect(postgres.url)
    try:
        await owner.execute(f"CREATE ROLE {POWERLESS} LOGIN PASSWORD 'x'")
        user, _, host = postgres.url.removeprefix("postgresql://").partition("@")
        assert user
        with pytest.raises(DatabaseNotMade, match="CREATEDB"):
            async with scratch_database(f"postgresql://{POWERLESS}:x@{host}", "scratchy"):
                pass
    finally:
        await owner.execute(f"DROP ROLE IF EXISTS {POWERLESS}")
        await owner.close()


async def test_without_a_server_it_says_so() -> None:
    with pytest.raises(StoreUnavailable):
        async with scratch_database("postgresql://127.0.0.1:1/postgres", "scratchy"):
            pass
