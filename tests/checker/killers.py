"""Who is killed each time that a message ran alone takes it for what kills it: it is parked, then buried, and seen."""

from __future__ import annotations

from tests.checker.cells import KILL
from tests.checker.ledger import Ledger

KILLER = "kills_process"
PARKED_AFTER = 2
"""Attempts alone, each recorded, of which the process must have died before the message is parked undecided."""
BURIED_AFTER = 3
"""The same before it is not even decoded."""


def is_taken_for_killer(ledger: Ledger, code: str, deaths: int) -> bool:
    """Whether what was refused with this code may be an innocent message: so often was a process killed."""
    kills = sum(count for cell, count in ledger.evidence.faults.items() if cell.fault == KILL)
    return code == KILLER and kills >= deaths
