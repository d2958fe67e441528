"""How often each fault must strike for a run to prove anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.checker import cells
from tests.checker.evidence import Cell

STRUCK: Final = (cells.BEFORE_COMMIT, cells.COMMIT, cells.LEASED, cells.REQUEST, cells.RECORDING)
OTHERS: Final = (
    cells.ZOMBIE, cells.AWAY, cells.READ_ONLY, cells.CUT, cells.CHANNEL, cells.STOPPED, cells.ALARM, cells.DOWN,
    cells.LATE, cells.APPLIED_UNKNOWN, cells.NO_ANSWER, cells.REJECTED, cells.THROTTLED, cells.CLOCK_JUMP,
    cells.DUPLICATE, cells.CONFLICT, cells.BAD, cells.POISON, cells.EARLY, cells.PAUSED,
)  # fmt: skip
RARE: Final = (
    cells.ABSENT_EARLY, cells.IGNORES_KEY, Cell(cells.COMMITTED, cells.KILL), Cell(cells.COMMITTED, cells.LOST),
    Cell(cells.ACK, cells.KILL), Cell(cells.COMMIT, cells.TIMEOUT), Cell(cells.COMMIT, cells.CANCEL),
    Cell(cells.RECORDING, cells.TIMEOUT), Cell(cells.LEASED, cells.TIMEOUT),
)  # fmt: skip


def minimums(seeds: int) -> Mapping[Cell, int]:
    """At least so many hits of each cell in a run of so many seeds; a few seeds need not meet the rare ones."""
    share = seeds // 60
    wanted = dict.fromkeys(OTHERS, share)
    wanted |= {Cell(moment, fault): max(share // 3, 1) for moment in STRUCK for fault in (cells.KILL, cells.LOST)}
    return wanted | dict.fromkeys(RARE, seeds // 500)
