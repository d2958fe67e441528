"""Port to the keys of programs that ask the API: made by people, kept as digests, for a time, until they are revoked.

All verbs raise `StoreUnavailable`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

ENTITY: Final = "api-key"
"""What acts on keys are about; their key is the name of the key."""
MADE: Final = "api_key.make"
REVOKED: Final = "api_key.revoke"
KEY_PREFIX: Final = "key:"
"""Begins the names of keys where they act, and of nobody else."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key may do, and how far it reaches; None: all of them."""

    permissions: tuple[str, ...]
    entities: tuple[str, ...] | None = None
    legal_entities: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without what only its holder has. Times are the store's."""

    id: int
    name: str
    scope: Scope
    by: str
    """Who made it, and answers for it."""
    reason: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    revoked_by: str | None = None


class KeyNameTaken(ValueError):
    """There is, or was, a key of this name: the audit must mean one."""


class KeyNotFound(LookupError):
    """There is no such key."""


class ApiKeys(Protocol):
    """Digests are the SHA-256 of keys."""

    async def make(self, name: str, digest: bytes, scope: Scope, *, days: int, actor: str, reason: str) -> ApiKey:
        """Keep one for so many days. Audited. Raises `KeyNameTaken`."""
        ...

    async def of(self, digest: bytes) -> ApiKey | None:
        """The one with this digest, unless it has expired or was revoked."""
        ...

    async def page(self, *, before: int | None, limit: int) -> list[ApiKey]:
        """The newest, or those before one; also those that count no more."""
        ...

    async def revoke(self, id: int, *, actor: str, reason: str) -> ApiKey:
        """Let it count no more, from now on and for ever; one that was revoked stays so. Audited.

        Raises `KeyNotFound`.
        """
        ...

    async def close(self) -> None: ...
