"""How often each fault must strike for a run to prove anything: so often that chance alone does not make it fail."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, sqrt
from typing import Final, NamedTuple

from tests.checker import cells
from tests.checker.evidence import Cell

KEPT: Final = 0.7
"""The share of the usual hits that must be left when a change has shifted what happens in the stories."""
DEVIATIONS: Final = 4
"""Standard deviations below that: some 1 in 30,000 for each cell."""


class Usual(NamedTuple):
    """Hits of a cell in 1000 seeds, and how much more they vary than hits that fall by themselves: variance by mean."""

    hits: int
    spread: int


USUAL: Final[Mapping[Cell, Usual]] = {
    Cell(cells.ACK, cells.FROZEN): Usual(31, 1),
    Cell(cells.ACK, cells.KILL): Usual(76, 2),
    Cell(cells.BEFORE_COMMIT, cells.CANCEL): Usual(74, 1),
    Cell(cells.BEFORE_COMMIT, cells.LOST): Usual(8128, 5),
    Cell(cells.BEFORE_COMMIT, cells.FROZEN): Usual(148, 2),
    Cell(cells.BEFORE_COMMIT, cells.KILL): Usual(442, 2),
    Cell(cells.BEFORE_COMMIT, cells.TIMEOUT): Usual(761, 2),
    cells.ALARM: Usual(388, 2),
    cells.CHANNEL: Usual(634, 2),
    cells.CUT: Usual(778, 2),
    cells.STOPPED: Usual(373, 2),
    Cell(cells.COMMIT, cells.CANCEL): Usual(52, 2),
    Cell(cells.COMMIT, cells.LOST): Usual(1877, 2),
    Cell(cells.COMMIT, cells.FROZEN): Usual(96, 1),
    Cell(cells.COMMIT, cells.KILL): Usual(332, 2),
    Cell(cells.COMMIT, cells.TIMEOUT): Usual(922, 2),
    Cell(cells.COMMITTED, cells.CANCEL): Usual(23, 2),
    Cell(cells.COMMITTED, cells.LOST): Usual(155, 2),
    Cell(cells.COMMITTED, cells.FROZEN): Usual(60, 1),
    Cell(cells.COMMITTED, cells.KILL): Usual(216, 2),
    cells.HELD_BY_QUOTA: Usual(1721, 23),
    cells.HELD_BY_RATE: Usual(7683, 86),
    cells.HELD_BY_HOURS: Usual(157, 2),
    Cell(cells.LEASED, cells.CANCEL): Usual(18, 1),
    Cell(cells.LEASED, cells.LOST): Usual(653, 2),
    Cell(cells.LEASED, cells.FROZEN): Usual(83, 1),
    Cell(cells.LEASED, cells.KILL): Usual(227, 2),
    Cell(cells.LEASED, cells.TIMEOUT): Usual(318, 2),
    cells.GAP_CLOSED: Usual(152, 2),
    cells.PAUSED: Usual(153, 2),
    cells.ABSENT_EARLY: Usual(12, 3),
    cells.LATE: Usual(78, 2),
    cells.APPLIED_UNKNOWN: Usual(153, 3),
    cells.DOWN: Usual(155, 5),
    cells.IGNORES_KEY: Usual(73, 3),
    cells.NO_ANSWER: Usual(81, 2),
    cells.REJECTED: Usual(75, 2),
    cells.THROTTLED: Usual(74, 3),
    Cell(cells.RECORDING, cells.CANCEL): Usual(12, 1),
    Cell(cells.RECORDING, cells.LOST): Usual(347, 2),
    Cell(cells.RECORDING, cells.FROZEN): Usual(35, 2),
    Cell(cells.RECORDING, cells.KILL): Usual(111, 1),
    Cell(cells.RECORDING, cells.TIMEOUT): Usual(152, 2),
    Cell(cells.REQUEST, cells.CANCEL): Usual(10, 1),
    Cell(cells.REQUEST, cells.LOST): Usual(161, 3),
    Cell(cells.REQUEST, cells.FROZEN): Usual(47, 1),
    Cell(cells.REQUEST, cells.KILL): Usual(98, 2),
    Cell(cells.REQUEST, cells.TIMEOUT): Usual(78, 2),
    cells.EARLY: Usual(18802, 5),
    cells.BAD: Usual(2269, 2),
    cells.CONFLICT: Usual(1623, 2),
    cells.GIVEN_UP: Usual(8, 1),
    cells.OVERDUE: Usual(76, 2),
    cells.OUT_OF_ORDER: Usual(1049, 2),
    cells.NUMBER_TWICE: Usual(442, 4),
    cells.POISON: Usual(5482, 4),
    cells.DUPLICATE: Usual(14463, 27),
    cells.ZOMBIE: Usual(257, 2),
    cells.AWAY: Usual(773, 2),
    cells.FORGOTTEN: Usual(1419, 15),
    cells.READ_ONLY: Usual(384, 2),
    cells.RESTORED: Usual(202, 1),
    cells.CLOCK_JUMP: Usual(302, 2),
}
"""As measured on seeds 10000 to 11199."""


def minimums(seeds: int) -> Mapping[Cell, int]:
    """At least so many hits of each cell in a run of so many seeds; few seeds need not meet the rare ones."""
    return {cell: _least(usual, seeds) for cell, usual in USUAL.items()}


def _least(usual: Usual, seeds: int) -> int:
    """The square root of a count varies by half of the root of its spread, whatever the count."""
    root = sqrt(KEPT * usual.hits * seeds / 1000) - DEVIATIONS / 2 * sqrt(usual.spread)
    return floor(max(root, 0.0) ** 2)
