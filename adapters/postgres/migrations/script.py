"""The SQL files of the revisions: run as they are, with several statements and functions with their own quoting."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from alembic import op

VERSIONS = Path(__file__).with_name("versions")


def digest() -> str:
    """Tells apart builds whose SQL differs under the same revision."""
    return sha256(b"".join(file.read_bytes() for file in sorted(VERSIONS.glob("*.sql")))).hexdigest()


def sign() -> None:
    """Write down by which SQL the schema was made, where a dump takes it along; the last step of each revision."""
    op.execute(f"COMMENT ON TABLE tallystick_version IS '{digest()}'")


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
