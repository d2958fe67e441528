"""Port to what keys hold, for those who compare it with what stands elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schemas.keys import ActorKey


@dataclass(frozen=True, slots=True)
class HeldState:
    """An entity's stored state, to be read by its own `schema`."""

    key: ActorKey
    state: bytes
    schema: int


@dataclass(frozen=True, slots=True)
class OpenCommand:
    """A command that is not settled. `case` is the open case that it stands in, if it stands in one."""

    operation: str
    reference: str
    body: bytes
    case: int | None


@dataclass(frozen=True, slots=True)
class Moving:
    """What moves of a key at a system: its open commands, and whether it has moved since then.

    It has if an attempt at one of its commands began or ended, or an event was applied to it.
    """

    open: tuple[OpenCommand, ...] = ()
    has_moved: bool = False


class Holdings(Protocol):
    """What keys hold, page by page, beside the commit path. All verbs raise `StoreUnavailable`."""

    async def states(self, entity: str, *, after: str | None, limit: int) -> list[HeldState]:
        """The states of an entity's keys behind the id `after`, in the order of ids."""
        ...

    async def moving(self, system: str, keys: Collection[ActorKey], *, since: datetime) -> Mapping[ActorKey, Moving]:
        """Of those keys of which something moves: what is open, and whether they have moved `since` then."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
