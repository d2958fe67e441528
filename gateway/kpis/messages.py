"""Messages and commands of every entity: what ended how, what waited, what failed, and what persons corrected."""

from __future__ import annotations

from typing import Final

from adapters.ports.kpis import CaseChange, CaseLine, Line, Said
from gateway.kpis.measures import Measure, Tally
from gateway.kpis.memories import Memories, Way
from gateway.kpis.reading import ENDED, PEOPLE, confirmed, data_of, is_from_outside, settled
from schemas.acts import Act, ActedV1
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass, Verdict

MESSAGE: Final = "message"
"""Entity of the keys under which messages are remembered that have not come to their end."""
BOOKINGS: Final = (
    "billable.post", "billable.reverse", "expense.post", "expense.reverse", "milestone.bill", "cost.post",
    "cost.reverse", "invoice.post",
)  # fmt: skip
CORRECTING: Final = (Act.EDIT_RETRY, Act.CANCEL, Act.RESOLVE)
DISCARD: Final = "discard"
_FAILED: Final = (Verdict.DISCARDED, Verdict.REJECTED, Verdict.CONFLICT)


def message_key(message: Said) -> ActorKey:
    """Where a message is remembered."""
    return ActorKey(MESSAGE, str(message.ref))


def count_message(line: Line, memories: Memories, tally: Tally) -> None:
    """What a line says of its message."""
    message = line.message
    if message is None:
        return
    if message.source == PEOPLE:
        _count_act(line, message, tally)
    elif is_from_outside(message):
        key = message_key(message)
        way = memories.of(key, Way) or Way()
        if line.what in ENDED:
            _count_end(line, message, way, tally)
            memories.forget(key)
        elif line.what == Verdict.WAITING and not way.has_waited:
            memories.put(key, way.model_copy(update={"has_waited": True}))
        elif line.what == Verdict.PARKED and not way.has_failed:
            memories.put(key, way.model_copy(update={"has_failed": True}))


def count_command(line: Line, tally: Tally) -> None:
    """What a line says of its command."""
    command = settled(line, *BOOKINGS)
    if command is None:
        return
    about = command.about
    measure = Measure.REFUSED if confirmed(line, *BOOKINGS) is None else Measure.POSTED
    tally.add(measure, line.at, legal_entity=about.legal_entity, label=command.operation)


def count_case(line: CaseLine, tally: Tally) -> None:
    """A case was opened or closed."""
    if line.what is CaseChange.CLOSED:
        tally.took(Measure.CASES_CLOSED, line.opened_at, line.at)
    elif line.what is CaseChange.OPENED and line.failure_class is FailureClass.DUPLICATE:
        tally.add(Measure.DUPLICATE_CASES, line.at)


def _count_end(line: Line, message: Said, way: Way, tally: Tally) -> None:
    tally.add(Measure.MESSAGES, line.at, legal_entity=message.legal_entity, label=line.what)
    if way.has_waited:
        tally.add(Measure.MESSAGES_WAITED, line.at, legal_entity=message.legal_entity)
    if way.has_failed or line.what in _FAILED:
        tally.add(Measure.MESSAGES_FAILED, line.at, legal_entity=message.legal_entity)
    if line.what == Verdict.DISCARDED:
        tally.add(Measure.CORRECTIONS, line.at, legal_entity=message.legal_entity, label=DISCARD)


def _count_act(line: Line, message: Said, tally: Tally) -> None:
    """A person's act counts once its key has taken it."""
    act = data_of(message) if line.what == Verdict.APPLIED else None
    if isinstance(act, ActedV1) and act.act in CORRECTING:
        tally.add(Measure.CORRECTIONS, line.at, label=act.act)
