"""Errors as the log tells them: where they came from, and nothing of what was at work there.

A message of an error may repeat what was read: pydantic shows the input, PostgreSQL the row that fails, a `KeyError`
the key. So only messages of our own errors are told, and of those that name types and files alone.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Final

_OURS: Final = ("schemas", "actors", "adapters", "gateway")
_TELLING: Final = (OSError, TypeError, AttributeError, NameError, ImportError, RuntimeError)
_DEPTH: Final = 10
"""Of causes."""


def told_error(exc_info: tuple[type[BaseException], BaseException, TracebackType | None]) -> str:
    """The error with what caused it, the cause first; each with its frames and, where that may be told, its message."""
    return "\n".join(_told(exc_info[1], _DEPTH))


def _told(error: BaseException, depth: int) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None and depth:
        yield from _told(before, depth - 1)
        yield "and then" if error.__cause__ is None else "which led to"
    yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
    yield _headline(error)
    if isinstance(error, BaseExceptionGroup) and depth:
        for each in error.exceptions:
            yield from _told(each, depth - 1)


def _headline(error: BaseException) -> str:
    kind = type(error)
    name = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    is_ours = kind.__module__.partition(".")[0] in _OURS
    is_told = is_ours or (kind.__module__ == "builtins" and isinstance(error, _TELLING))
    return f"{name}: {error}" if is_told else f"{name} (what it says is not logged)"
