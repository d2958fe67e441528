"""Runs a revision's SQL file as it is: several statements, functions with their own quoting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import op

VERSIONS = Path(__file__).with_name("versions")


def run(name: str) -> None:
    """Execute `versions/<name>.sql` inside alembic's transaction, or print it in offline mode.

    The driver's own `execute` takes several statements; SQLAlchemy's would read `:name` in them as a parameter.
    """
    text = VERSIONS.joinpath(f"{name}.sql").read_text(encoding="utf-8")
    if op.get_context().as_sql:
        op.get_context().impl.static_output(text)
        return
    bind = op.get_bind()
    bind.exec_driver_sql("SELECT 1")  # the adapter opens its transaction with its first own statement
    adapted: Any = bind.connection.dbapi_connection  # Any: SQLAlchemy does not type the adapted driver connection
    adapted.run_async(lambda connection: connection.execute(text))
