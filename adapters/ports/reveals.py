"""Port to what is shown with a reason alone: what a message says, and what of an entity is about people."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from schemas.keys import ActorKey


class NotKept(LookupError):
    """There is no such message, or it is older than the policy keeps messages."""


class Reveals(Protocol):
    """Each look is audited before it is answered. Verbs raise `StoreUnavailable`."""

    async def message(self, ref: UUID, *, actor: str, reason: str) -> bytes:
        """The event as it was stored, in structured mode. Raises `NotKept`, which is not audited."""
        ...

    async def entity(self, key: ActorKey, *, actor: str, reason: str) -> None:
        """Write down that somebody is shown all of an entity."""
        ...

    async def close(self) -> None: ...
