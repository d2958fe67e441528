"""Port to the removal of what is final and old."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Old(StrEnum):
    """What is removed once it is old."""

    INBOX = "inbox"
    """Messages with a final verdict: with them goes the memory that tells their duplicates."""
    ATTEMPTS = "attempts"
    """The sent log of settled commands."""
    TIMELINE = "timeline"
    CASES = "cases"
    """Closed ones."""
    DEAD_LETTERS = "dead_letters"
    """Settled ones."""
    RECONCILIATIONS = "reconciliations"
    """Differences of those that are over, and then these themselves with their plans."""
    ABANDONED = "abandoned"
    """Tokens of claims that must never be served."""


class Retention(Protocol):
    """Removal in batches, by the store's own clock. All verbs raise `StoreUnavailable`."""

    async def remove(self, old: Old, *, age: float, limit: int) -> int | None:
        """Remove up to `limit` rows, the oldest first, that are older than `age` seconds; how many went.

        Nothing that stands open goes. None: another process is at it.
        """
        ...

    async def close(self) -> None: ...
