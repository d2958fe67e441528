"""A private PostgreSQL starts, survives a crash with what was committed, and leaves nothing behind."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from gateway.local.account import unprivileged
from gateway.local.ports import is_listening
from gateway.local.postgres import DATABASE_URL, LocalPostgres, postgres
from gateway.local.postgres_programs import postgres_of_the_wheel
from tests.fixtures.apart import apart


async def _answer(url: str, *statements: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for statement in statements[:-1]:
            await connection.execute(statement)
        return await connection.fetchval(statements[-1])
    finally:
        await connection.close()


async def test_the_named_database_is_used_before_anything_is_started() -> None:
    async with postgres({DATABASE_URL: "postgresql://somewhere/else"}) as found:
        assert (found.url, found.origin) == ("postgresql://somewhere/else", DATABASE_URL)


async def test_without_one_a_private_server_lasts_as_long_as_the_context() -> None:
    async with postgres({}) as found:
        assert await _answer(found.url, "SELECT inet_server_addr()::text") == "127.0.0.1/32"
        assert found.origin.startswith("a private PostgreSQL ")
        port = urlsplit(found.url).port
        assert port is not None
    assert not is_listening(port)


def test_what_was_committed_survives_a_crash_and_a_restart() -> None:
    with LocalPostgres() as server:
        apart(_answer(server.url, "CREATE TABLE kept (n int)", "INSERT INTO kept VALUES (7) RETURNING n"))
        server.restart(immediate=True)
        assert apart(_answer(server.url, "SELECT n FROM kept")) == 7
        server.restart()
        assert apart(_answer(server.url, "SELECT n FROM kept")) == 7


def test_it_is_durable_unless_told_otherwise() -> None:
    settings = "SELECT current_setting('fsync') || current_setting('synchronous_commit')"
    with LocalPostgres() as durable, LocalPostgres(durable=False) as forgetful:
        assert apart(_answer(durable.url, settings)) == "onon"
        assert apart(_answer(forgetful.url, settings)) == "offoff"


def test_the_programs_of_the_wheel_serve_even_where_the_server_may_not_enter(tmp_path: Path) -> None:
    # Given the wheel below a folder that is closed to others, as a clone in root's home is
    wheel = postgres_of_the_wheel()
    assert wheel is not None
    tmp_path.chmod(0o700)
    for part in wheel.parts:
        shutil.copytree(wheel.root / part, tmp_path / part, symlinks=True)
    closed = replace(wheel, root=tmp_path, folder=tmp_path / wheel.folder.relative_to(wheel.root))
    # When a server starts from there, then it runs, from a copy if it must
    with LocalPostgres(programs=closed) as server:
        assert apart(_answer(server.url, "SELECT 1")) == 1
        assert ("copied" in server.origin) is not unprivileged().is_ours
