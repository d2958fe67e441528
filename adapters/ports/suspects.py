"""Port to the suspects: messages that may crash whoever works on them, and how often that was begun."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Suspects(Protocol):
    """Attempts by digest. Both verbs raise `StoreUnavailable` when nothing was written and the caller should wait."""

    async def attempt(self, digest: bytes, *, survived: Sequence[bytes]) -> int:
        """Record that an attempt at `digest` begins, before anything of it is read; how many there were, this included.

        Those that were `survived` meanwhile are forgotten first, and so are those of long ago.
        """
        ...

    async def clear(self, survived: Sequence[bytes]) -> None:
        """Forget suspects that have done no harm."""
        ...
