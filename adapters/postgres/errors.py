"""The seam where asyncpg's errors become ours: was nothing written, is it unknown, or is it the data's fault."""

from __future__ import annotations

import asyncpg

from adapters.ports.turns import CommitUnknown, DataRefused, StoreUnavailable

_WAIT = ("08", "25", "28", "53", "55", "57")
"""SQLSTATE classes that pass: connection, read-only, login (refused until whoever changed it mends it), resources,
locks, operator intervention."""
_AGAIN = ("40001", "40P01")
"""Serialization failure and deadlock: rolled back, the whole transaction may be tried again."""
_LOST = ("57P01", "57P02", "57P05")
"""The backend ended while it spoke to us: a commit may have happened before."""


def read_error(error: Exception) -> Exception:
    """What an error of a statement that writes nothing, or whose writing does not matter, means to the caller."""
    match error:
        case StoreUnavailable():
            return _again(error)
        case asyncpg.PostgresError() if error.sqlstate and (
            error.sqlstate.startswith(_WAIT) or error.sqlstate in _AGAIN
        ):
            return StoreUnavailable(f"PostgreSQL: {error}")
        case asyncpg.InterfaceError() | asyncpg.InternalClientError() | OSError() | TimeoutError():
            # The driver loses its thread when a session is ended while it is idle: it has the words, not yet the end.
            return StoreUnavailable(f"PostgreSQL: {str(error) or type(error).__name__}")
        case asyncpg.DataError() | asyncpg.IntegrityConstraintViolationError() | asyncpg.ProgramLimitExceededError():
            return DataRefused(f"PostgreSQL refused the data: {_cause(error)}")
        case _:
            return error


def _cause(error: asyncpg.PostgresError) -> str:
    """What was wrong, and where; its own words repeat the row or the value, which may be about people."""
    names = (getattr(error, name, None) for name in ("table_name", "column_name", "constraint_name"))
    return " ".join([type(error).__name__, *(str(name) for name in names if name)])


def _again(error: StoreUnavailable) -> StoreUnavailable:
    """The same as another object: one that is its own cause keeps its traceback alive, and all that this names."""
    return StoreUnavailable(*error.args)


def commit_error(error: Exception) -> Exception:
    """What an error of a commit means: an error that PostgreSQL sent rolled it back, a silence did not say."""
    match error:
        case StoreUnavailable():
            return _again(error)
        case asyncpg.PostgresError() if error.sqlstate not in _LOST and not isinstance(
            error, asyncpg.PostgresConnectionError
        ):
            return read_error(error)
        case (
            asyncpg.PostgresError()
            | asyncpg.InterfaceError()
            | asyncpg.InternalClientError()
            | OSError()
            | TimeoutError()
        ):
            return CommitUnknown(f"PostgreSQL: {str(error) or type(error).__name__}")
        case _:
            return error
