"""How fast a replay goes, and when it stops by itself. Pure.

It begins with few messages, and each wave waits until the one before is known; from there on it keeps its rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from adapters.ports.replays import Progress

WAVES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
MOST_MOVING: Final = 2000
"""Messages that may run at the same time, however high the rate: they all stand in memory."""
LEAST_RESULTS: Final = 5
"""Results before a share of failures says anything."""


def waves(rate: int) -> Iterator[int]:
    """The waves before a rate of messages a second is reached."""
    return takewhile(lambda wave: wave < rate, WAVES)


def bound(rate: int, settled: int) -> int | None:
    """How many messages may be released in all while so many are settled; None: the ramp is over."""
    total = 0
    for wave in waves(rate):
        total += wave
        if settled < total:
            return total
    return None


@dataclass(slots=True)
class Bucket:
    """Messages that the rate allows, by a clock that never goes back. Overdrawn by a long lane, it fills up again."""

    rate: int
    filled_at: float
    room: float = 1.0

    def fill(self, now: float) -> int:
        """How many messages may be released now; never more than one second's."""
        self.room = min(self.room + (now - self.filled_at) * self.rate, float(self.rate))
        self.filled_at = now
        return max(int(self.room), 0)

    def take(self, messages: int) -> None:
        """So many were released."""
        self.room -= messages


def allowance(progress: Progress, rate: int, *, moving: int, resting: int, room: int) -> int:
    """How many messages may be released now: by the ramp, the rate, and what runs."""
    released = progress.released - progress.released_before
    known = progress.settled + resting - progress.released_before
    most = bound(rate, max(known, 0))
    by_ramp = room if most is None else most - released
    return max(min(by_ramp, room, MOST_MOVING - moving), 0)


def too_many_failures(progress: Progress, share: float | None) -> str | None:
    """Why a replay must stop; None: it need not. Counted from the last start or resume on."""
    settled, failed = progress.settled - progress.settled_before, progress.failed - progress.failed_before
    if share is None or settled < LEAST_RESULTS or failed < settled * share:
        return None
    return f"{failed} of {settled} messages failed that were not predicted to, which is {share:.0%} or more"
