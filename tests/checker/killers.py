"""Innocent messages that were taken for what kills the process: it was killed each time that they ran alone.

They are parked, then buried, and seen. Each such death takes a kill of its own, so kills explain only so many of them.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.checker.cells import KILL
from tests.checker.ledger import Ledger

KILLER = "kills_process"
PARKED_AFTER = 2
"""Attempts alone, each recorded, of which the process must have died before the message is parked undecided."""
BURIED_AFTER = 3
"""The same before it is not even decoded."""


class Taken(NamedTuple):
    """What the kills explain: messages that are parked, by reference, and dead letters, by what was published."""

    parked: frozenset[str]
    buried: frozenset[str]


def taken_for_killers(ledger: Ledger) -> Taken:
    """As many of those that are called killers as processes were killed for."""
    kills = sum(count for cell, count in ledger.evidence.faults.items() if cell.fault == KILL)
    buried = [letter.raw for letter in ledger.evidence.dead_letters if letter.code == KILLER][: kills // BURIED_AFTER]
    left = kills - BURIED_AFTER * len(buried)
    called = [case.ref for case in ledger.evidence.cases if case.is_open and case.code == KILLER and case.ref]
    return Taken(frozenset(called[: left // PARKED_AFTER]), frozenset(buried))
