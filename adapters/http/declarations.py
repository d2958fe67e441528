"""What a plain HTTP+JSON system is like: what the policy promises of it, and what this adapter's protocol lays down."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.http.settings import HttpOperation
from adapters.ports.declarations import (
    Ambiguity,
    ChangeReading,
    Declaration,
    Deletes,
    LimitShape,
    Precondition,
)
from adapters.ports.system import Capability

THROTTLE: Final = ("402", "429", "503 with Retry-After", "401 or 403 with a code such as throttled")
"""As `adapters.http.classify` reads them; it has all codes."""


def declarations(operations: Mapping[str, HttpOperation]) -> tuple[Declaration, ...]:
    """One for each path, which is all that is known of its kind of record."""
    paths = sorted({row.path for row in operations.values()})
    return tuple(
        _declaration(path, {name: row.capability for name, row in operations.items() if row.path == path})
        for path in paths
    )


def _declaration(path: str, operations: Mapping[str, Capability]) -> Declaration:
    promises = operations.values()
    return Declaration(
        record=path,
        operations=operations,
        look_up_by="reference" if any(each.look_up for each in promises) else None,
        ambiguous=Ambiguity.NEVER if all(each.unique_reference for each in promises) else Ambiguity.TWO_HITS,
        precondition=Precondition.NONE,
        partial_success=False,
        throttle=THROTTLE,
        limit_shape=LimitShape.RATE,
        idempotency_key="Idempotency-Key" if any(each.key_window is not None for each in promises) else None,
        changes=ChangeReading.NONE,
        deletes=Deletes.NOTHING,
        session="bearer token, which is never renewed",
        request_id=None,
        tried_against=None,
    )
