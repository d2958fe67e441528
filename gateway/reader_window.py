"""Which changes a look at a system asks for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from adapters.ports.changes import Position
from gateway.changes_policy import ChangesPolicy

EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """How the windows of successive looks lie, by the system's clock.

    A record that changed less than `settle` ago is left to the next look. The next window begins `overlap` before the
    end of the last one, for what was committed late; the first of all begins at `begins`.
    """

    settle: timedelta
    overlap: timedelta
    begins: datetime = EVER

    @classmethod
    def of(cls, policy: ChangesPolicy) -> Window:
        """The window that the policy file asks for."""
        begins = datetime.combine(policy.begins_on, time(), UTC)
        return cls(timedelta(seconds=policy.settle_seconds), timedelta(seconds=policy.overlap_seconds), begins)

    def until(self, now: datetime) -> datetime:
        """The end of a look that begins `now`."""
        return now - self.settle

    def since(self, position: Position, until: datetime, start: datetime | None) -> datetime:
        """The beginning of a look that ends at `until`.

        `start` is where a person lets it begin: later than that only if nothing was read before. Where the system's
        clock went back, fewer seconds have passed by it than by the store's, and the window begins so much earlier.
        """
        if position.read_until is None or position.looked_at is None:
            return min(self.begins if start is None else start, until)
        passed = max(position.at - position.looked_at, timedelta())
        usual = min(position.read_until, until - passed) - self.overlap
        return usual if start is None else min(usual, start)

    def forgotten(self, until: datetime) -> datetime:
        """Versions that were seen by a look which ended before this are not seen again after one that ends at `until`.

        Twice the overlap, as the two clocks are never quite in step; if a version is seen again all the same, it is
        published again, and the gateway knows it.
        """
        return until - 2 * self.overlap
