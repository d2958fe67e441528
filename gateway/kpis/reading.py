"""Questions that every part of the counting asks of a line."""

from __future__ import annotations

from typing import Final

from adapters.ports.kpis import Line, Said, Sent
from schemas.commands import OURS
from schemas.envelope import Undecodable
from schemas.record import Record
from schemas.verdicts import FINAL, Verdict
from schemas.vocabulary import VOCABULARY

PEOPLE: Final = f"{OURS}:people"
STOOD: Final = (Verdict.PARKED, Verdict.CONFLICT)
"""Verdicts with which a message stands until a person acts."""
ENDED: Final = FINAL | {Verdict.CONFLICT}
"""Verdicts behind which no other one of their message comes: a conflict is a row beside the lane, and a case."""
_SETTLED: Final = ("command_done", "command_parked")


def said(line: Line, *names: str) -> Said | None:
    """The message that a line applies, if it is of one of these types, without version."""
    message = line.message
    if message is None or line.what != Verdict.APPLIED:
        return None
    return message if name_of(message) in names else None


def name_of(message: Said) -> str:
    """The type of a message without its version."""
    return message.type.rpartition(".")[0]


def data_of(message: Said) -> Record | None:
    """The data of a message whose body is read; None of one whose body is not there, or not understood, any more."""
    if message.body is None:
        return None
    try:
        return VOCABULARY.decode_stored(message.body).data
    except Undecodable:
        return None


def is_from_outside(message: Said) -> bool:
    """Whether a source has sent it, and not the gateway itself."""
    return not message.source.startswith(f"{OURS}:")


def settled(line: Line, *operations: str) -> Sent | None:
    """The command that a line settles or parks, if it is one of these operations."""
    command = line.command
    if command is None or line.what not in _SETTLED:
        return None
    return command if command.operation in operations else None


def confirmed(line: Line, *operations: str) -> Sent | None:
    """The same, if its system has the effect."""
    command = settled(line, *operations)
    return command if command is not None and command.is_confirmed and line.what == "command_done" else None


def is_touch(line: Line) -> bool:
    """Whether a line says that a person has acted, or must."""
    if line.what in (*STOOD, Verdict.DISCARDED, "command_parked", "gap_closed"):
        return True
    return line.message is not None and line.message.source == PEOPLE and line.what == Verdict.APPLIED
