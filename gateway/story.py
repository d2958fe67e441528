"""The story of one entity: each event with its verdict, what it asked for, and what the systems answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from adapters.ports.entities import AskedRow, TimelineRow, Told


@dataclass(frozen=True, slots=True)
class Chapter:
    """A line of the timeline, and the commands that it asked for."""

    seq: int
    at: datetime
    version: int
    what: str
    reason: str | None
    policy: str | None
    message: Told | None
    command: UUID | None
    asked: tuple[AskedRow, ...]


APPLIED = "applied"
DONE = "command_done"


def versions_of(lines: Sequence[TimelineRow], older: TimelineRow | None) -> tuple[int, int]:
    """The versions whose commands these lines, newest first, may have asked for: above the first, up to the second.

    `older` is the line before them, None if there is none: what was before the first that is kept is nobody's here.
    """
    through = max((line.version for line in lines), default=0)
    if older is not None:
        return older.version, through
    return max(lines[-1].version - 1, 0) if lines else 0, through


def story(lines: Sequence[TimelineRow], asked: Sequence[AskedRow]) -> list[Chapter]:
    """The lines, each with what it asked for.

    A version is made by the event that was applied as it, or else by a result; the results of one commit carry its last
    version, so the first of them stands for all.
    """
    by_line: dict[int, list[AskedRow]] = {}
    made_by_event = {line.version: line.seq for line in lines if line.what == APPLIED}
    results = sorted((line.version, line.seq) for line in lines if line.what == DONE)
    for row in asked:
        seq = made_by_event.get(row.version)
        if seq is None:
            seq = next((seq for version, seq in results if version >= row.version), None)
        if seq is not None:
            by_line.setdefault(seq, []).append(row)
    return [
        Chapter(
            line.seq, line.at, line.version, line.what, line.reason, line.policy, line.message, line.command,
            tuple(by_line.get(line.seq, ())),
        )
        for line in lines
    ]  # fmt: skip
