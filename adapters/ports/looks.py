"""Port to the first looks: lives that may have ended badly, and messages of lanes that were decided when one did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID


class Looks(Protocol):
    """Lives in doubt, and who looks. All verbs raise `StoreUnavailable` when the caller should wait, and ask anew.

    One process looks at a time: the lock of `take` goes with its connection, or with `leave`.
    """

    async def begin(self, life: UUID) -> list[UUID]:
        """Put a life in doubt; the others that are: they have begun, and nobody has ended their doubt."""
        ...

    async def end(self, lives: Sequence[UUID]) -> None:
        """These lives are in doubt no more."""
        ...

    async def take(self, survived: Sequence[UUID]) -> dict[UUID, int] | None:
        """Begin to look; None: another process does.

        Of each message that a life left behind unsurvived, and that still stands in a lane: how often it was alone.
        Those that were `survived` are forgotten first.
        """
        ...

    async def record(self, refs: Sequence[UUID], *, alone: bool, survived: Sequence[UUID]) -> None:
        """Record, before any of `refs` is read, that they are now decided; then nothing else is.

        Raises `StoreUnavailable`, too, when the lock was lost.
        """
        ...

    async def leave(self, survived: Sequence[UUID]) -> None:
        """Forget what was survived, and let another look."""
        ...

    async def close(self) -> None:
        """Let another look, as the end of the process does."""
        ...
