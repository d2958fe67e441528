"""Numbered events: what a source promises of its numbers, and how far those about one key have come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class SequenceKind(StrEnum):
    """What a source promises of the numbers that it gives the events of one subject."""

    NONE = "none"
    """Nothing: its events are taken in the order in which they arrive."""
    CONTIGUOUS = "contiguous"
    """1, 2, 3, …: an event waits for the one before it."""
    MONOTONIC = "monotonic"
    """They rise, with gaps: only an event that a newer one has overtaken is stale."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far the numbers of one series have come at one key.

    `through`: every number up to it is final or was closed by a person; None for a monotonic series, which may have
    gaps. `beyond`: final numbers above `through`, rising, none of them its successor. `applied`: the highest number
    that was applied; a discard does not raise it, so that it makes nothing stale.
    """

    through: int | None = None
    beyond: tuple[int, ...] = ()
    applied: int = 0

    def is_overtaken(self, number: int) -> bool:
        """Whether a newer event, or the same number, was applied."""
        return number <= self.applied

    def lacks(self, number: int) -> bool:
        """Whether a smaller number is still open, so that this one must wait."""
        return self.through is not None and number > self.through + 1

    def closed(self, number: int) -> Cursor:
        """After `number` became final."""
        if self.through is None or number <= self.through:
            return self
        return self._absorbing(self.through, {*self.beyond, number})

    def of_kind(self, kind: SequenceKind) -> Cursor:
        """The same for a source that promises this now; the policy may have changed since the cursor was written.

        What was applied before a source became contiguous counts as all that there was.
        """
        if kind is SequenceKind.CONTIGUOUS:
            return self if self.through is not None else Cursor(self.applied, (), self.applied)
        return self if self.through is None else Cursor(None, (), self.applied)

    def closed_through(self, number: int) -> Cursor:
        """After a person closed every number up to this one."""
        if self.through is None or number <= self.through:
            return self
        return self._absorbing(number, set(self.beyond))

    def having_applied(self, number: int) -> Cursor:
        """After the event of this number was applied."""
        return replace(self.closed(number), applied=max(self.applied, number))

    def _absorbing(self, through: int, final: set[int]) -> Cursor:
        while through + 1 in final:
            through += 1
        return replace(self, through=through, beyond=tuple(sorted(number for number in final if number > through)))
