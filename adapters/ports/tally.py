"""Port to a count of everything: what stands in a whole store, what is settled, and where each message ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Counted:
    """`lanes`: those that hold messages, by state. `commands`: not settled, by state. `wakes`: not yet taken.

    A command is `held` while an earlier one of its (system, key) is parked.
    """

    verdicts: Mapping[str, int]
    lanes: Mapping[str, int]
    commands: Mapping[str, int]
    dead_letters: int
    wakes: int

    @property
    def messages(self) -> int:
        """Messages that were accepted; each has one verdict."""
        return sum(self.verdicts.values())


@dataclass(frozen=True, slots=True)
class Judged:
    """An accepted message and its verdict."""

    source: str
    id: str
    verdict: str


class Tally(Protocol):
    """Reads everything, so it is for small stores only. Raises `StoreUnavailable`."""

    async def count(self) -> Counted:
        """The counts as of now, all from one snapshot."""
        ...

    async def messages(self) -> list[Judged]:
        """Every accepted message."""
        ...

    async def dead_letters(self) -> list[bytes]:
        """The body of every dead letter."""
        ...

    async def close(self) -> None: ...
