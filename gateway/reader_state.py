"""How the reading of a system's changes stands, for people and metrics. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from adapters.ports.changes import ReaderRow
from gateway.changes_policy import ChangesPolicy

LATE_SECONDS: Final = 60.0
LATE_LOOKS: Final = 10


@dataclass(frozen=True, slots=True)
class ReaderState:
    """One kind of record of a system. `record` and `reader` are None where nobody has ever read.

    `behind_seconds`: how long ago the last look began that came to its end; None before the first one.
    """

    record: str | None
    reader: str | None
    read_until: datetime | None
    looked_at: datetime | None
    behind_seconds: float | None
    failure: str | None
    failed_at: datetime | None

    def is_late(self, changes: ChangesPolicy) -> bool:
        """Whether so many looks are missing that somebody must see to it."""
        longest = max(LATE_SECONDS, LATE_LOOKS * changes.every_seconds)
        return self.behind_seconds is None or self.behind_seconds > longest


NEVER_READ: Final = ReaderState(None, None, None, None, None, None, None)


def reader_state(row: ReaderRow) -> ReaderState:
    """What stands in the store."""
    behind = None if row.looked_at is None else max((row.at - row.looked_at).total_seconds(), 0.0)
    return ReaderState(row.record, row.reader, row.read_until, row.looked_at, behind, row.failure, row.failed_at)
