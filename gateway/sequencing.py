"""Which numbered event may be decided now: in order, too early, or overtaken. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.ports.turns import Message
from gateway.rules import Numbering
from schemas.sequence import Cursor, SequenceKind
from schemas.verdicts import Failure, FailureClass


@dataclass(frozen=True, slots=True)
class Stale:
    """A newer event of its source was applied: this one is final, and never applied.

    With a failure the source has broken its promise, and a person is asked.
    """

    reason: str
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """A smaller number of its source is still open: it waits, at most `patience` seconds before a person is asked."""

    reason: str
    patience: float


def out_of_sequence(message: Message, cursor: Cursor, numbering: Numbering) -> Stale | Gap | None:
    """Why the message may not be decided now; None: it may. Stale compares with what was applied, a gap with all."""
    if message.sequence is None or numbering.kind is SequenceKind.NONE:
        return None
    if cursor.is_overtaken(message.sequence):
        reason = f"number {cursor.applied} of {message.source} was applied before number {message.sequence} came"
        if numbering.kind is not SequenceKind.CONTIGUOUS:
            return Stale(reason)
        # It waited for every smaller number, so this one was closed by a person, or the source used it twice.
        told = f"{reason}: if it is no repetition, publish it again under a new number"
        return Stale(reason, Failure(FailureClass.CONFLICT, "number_overtaken", told, "sequence"))
    if cursor.lacks(message.sequence):
        missing, series = (cursor.through or 0) + 1, message.series
        reason = f"number {message.sequence} of {series} waits for number {missing}: publish it, or close the gap"
        return Gap(reason, numbering.patience)
    return None
