"""Port to which types of events each source sends, and who is told that a later version takes the place of one.

All verbs raise `StoreUnavailable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

TOLD_AGAIN: Final = timedelta(days=7)
"""How long a source that goes on sending a deprecated type is not told of it again."""


@dataclass(frozen=True, slots=True)
class Use:
    """So many events of one type from one source; `instead` is what takes the type's place, if it is deprecated."""

    source: str
    type: str
    count: int
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class SchemaUse:
    """What a source has sent of one type since it was seen first. Times are the store's."""

    source: str
    type: str
    seen: int
    first_at: datetime
    last_at: datetime
    told_at: datetime | None = None
    """When the source was told that the type is deprecated."""


class SchemaUses(Protocol):
    """Counts beside the way of a message: what a process had not written when it was killed is not counted."""

    async def add(self, uses: Sequence[Use]) -> None:
        """Count them, and tell of the deprecated ones that were not told of lately (`schema.deprecated`)."""
        ...

    async def page(self, *, after: tuple[str, str] | None, limit: int) -> list[SchemaUse]:
        """By source and type, from behind one."""
        ...

    async def close(self) -> None: ...
