"""The SQL statements by name, read once from the files beside this module."""

from __future__ import annotations

from importlib.resources import files


def statement(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return files("adapters.postgres").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
