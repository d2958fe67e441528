"""Port to the pauses: what an operator has stopped, a key, an entity, a legal entity, or everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from schemas.keys import ActorKey


@dataclass(frozen=True, slots=True)
class Scope:
    """What is paused: one key, or every key of `entity`, or what concerns `legal_entity`; nothing set: everything."""

    entity: str | None = None
    key: str | None = None
    legal_entity: str | None = None

    def covers(self, key: ActorKey, legal_entity: str | None) -> bool:
        """Whether a message or command of `key` that concerns `legal_entity` lies within."""
        return (
            self.entity in (None, key.entity)
            and self.key in (None, key.id)
            and self.legal_entity in (None, legal_entity)
        )

    def __str__(self) -> str:
        if self.legal_entity is not None:
            return f"legal entity {self.legal_entity}"
        if self.entity is None:
            return "everything"
        return f"entity {self.entity}" if self.key is None else f"{self.entity}/{self.key}"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause in force: who made it, and why. `at` is the database's clock."""

    id: int
    scope: Scope
    actor: str
    reason: str
    at: datetime


class PauseNotFound(LookupError):
    """No such pause is in force."""


class Pauses(Protocol):
    """Pauses are rows, the same for all processes. While one is in force no command within its scope is leased."""

    async def active(self) -> list[Pause]:
        """The pauses in force, oldest first."""
        ...

    async def begin(self, scope: Scope, *, actor: str, reason: str) -> Pause:
        """Pause `scope`, audited; the pause that is there already, if it is."""
        ...

    async def end(self, id: int, *, actor: str, reason: str) -> None:
        """End a pause, audited; what it held may be decided and sent again. Raises `PauseNotFound`."""
        ...

    async def release(self, *, page: int) -> Sequence[ActorKey]:
        """Open up to `page` lanes that stand paused by a pause that is over; their keys."""
        ...
