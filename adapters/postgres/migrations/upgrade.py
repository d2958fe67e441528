"""Bringing a database to the newest revision, checking it, and printing the SQL for a person to run."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from adapters.postgres.errors import read_error
from adapters.postgres.migrations.script import digest

_FOUND = "SELECT max(version_num), obj_description('tallystick_version'::regclass, 'pg_class') FROM tallystick_version"


class SchemaBehind(RuntimeError):
    """The database's schema is not the one that this release needs: what was found, and the `change` that helps."""

    def __init__(self, found: str, change: str = "run `tallystick db upgrade`") -> None:
        super().__init__(f"{found}: {change}")
        self.found = found
        self.change = change


def _config(url: str | None = None, output: StringIO | None = None) -> Config:
    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = url
    return config


def head() -> str:
    """The newest revision that this release knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def upgrade(url: str) -> None:
    """Apply what is missing; safe to call from several processes at once."""
    command.upgrade(_config(url), "head")


def script() -> str:
    """The SQL of all revisions, for those who apply it by hand."""
    output = StringIO()
    command.upgrade(_config(output=output), "head", sql=True)
    return output.getvalue()


async def check(url: str) -> None:
    """Raise `SchemaBehind` unless the database is at `head`, and was made by this SQL. Raises `StoreUnavailable`."""
    try:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            there = await connection.fetchval("SELECT to_regclass('tallystick_version') IS NOT NULL")
            found = await connection.fetchrow(_FOUND) if there else None
        finally:
            await connection.close()
    except Exception as error:
        raise read_error(error) from error
    current, made_by = found or (None, None)
    if current != head():
        has = f"revision {current}" if current else "no Tallystick schema"
        raise SchemaBehind(f"the database has {has}, this release needs {head()}")
    if made_by != digest():
        raise SchemaBehind(
            f"the database has revision {current}, made by another build",
            "run the build that made it, or make the database anew: see Upgrade in docs/operating.md",
        )
