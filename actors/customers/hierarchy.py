"""To whom a customer belongs: parents, never in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from actors.decision import STEPS, Context, Snapshot
from schemas.bindings import leads_to
from schemas.customer.entity import Customer
from schemas.keys import ActorKey
from schemas.values import Reference
from schemas.verdicts import Failure, FailureClass

LEVELS: Final = 8
"""How many parents may stand above each other."""


def chain(parent: Reference | None, loaded: Mapping[ActorKey, Snapshot]) -> Iterator[ActorKey]:
    """The keys of a parent, its parent, and so on, as far as they are loaded."""
    for _ in range(LEVELS):
        if parent is None:
            return
        key = parent.key("customer")
        yield key
        parent = _parent(_followed(key, loaded))


def misplaced(parent: Reference | None, context: Context) -> Failure | None:
    """Why a customer cannot have this parent: a circle, with its path, or too many levels. None: it can.

    A parent that is not known yet is no obstacle; whoever comes later is looked at then.
    """
    path = [context.key.id]
    for _ in range(LEVELS):
        if parent is None:
            return None
        snapshot = context.find(parent.key("customer"))
        path.append(snapshot.key.id)
        if snapshot.key == context.key:
            shown = " → ".join(path)
            return _failure("parent_circle", f"a customer cannot belong to itself: {shown}; correct one of them")
        parent = _parent(snapshot)
    return None if parent is None else _failure("parent_too_deep", f"let at most {LEVELS} customers stand above it")


def _followed(key: ActorKey, loaded: Mapping[ActorKey, Snapshot]) -> Snapshot | None:
    """As `Context.find`, of what is loaded so far."""
    snapshot = loaded.get(key)
    for _ in range(STEPS):
        meant = None if snapshot is None else leads_to(snapshot.key, snapshot.state)
        if meant is None:
            break
        snapshot = loaded.get(meant)
    return snapshot


def _parent(snapshot: Snapshot | None) -> Reference | None:
    if snapshot is None or not isinstance(snapshot.state, Customer) or snapshot.state.profile is None:
        return None
    return snapshot.state.profile.parent


def _failure(code: str, reason: str) -> Failure:
    return Failure(FailureClass.BUSINESS_RULE, code, reason, "parent")
