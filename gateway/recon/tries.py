"""How often in a row a system could not be asked for a plan or a run, and from when on it may be asked again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

TRIES: Final = 30
"""Questions in a row that a system leaves unanswered before a person hears of it; up to a minute apart."""
FIRST: Final = timedelta(seconds=1)
LONGEST: Final = timedelta(seconds=60)
"""Between two questions to a system that does not answer."""


@dataclass(frozen=True, slots=True)
class Tries:
    """`count` questions were left unanswered; nothing is asked before `again_at`."""

    again_at: datetime
    count: int = 0

    def failed(self, now: datetime, took: timedelta = timedelta()) -> Self:
        """One more; one that took long counts for as many as there was time for, and leaves as long to others."""
        pause = min(FIRST * 2 ** min(self.count, 10), LONGEST)
        return type(self)(now + max(pause, took), self.count + max(1, took // LONGEST))
