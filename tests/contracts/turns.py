"""Builds turns for the tests of the store, each in one short call."""

from __future__ import annotations

from itertools import count
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

from adapters.ports.outbox import SendLane
from adapters.ports.turns import Batch, Judged, Lane, LaneMessage, Message, Queued, Row, Settled, Settlement, Turn
from schemas.commands import Command, command_id, command_reference
from schemas.keys import ActorKey, external_key
from schemas.verdicts import LaneState, Verdict

PROJECT: Final = ActorKey("project", "P-1")
SHEET: Final = ActorKey("timesheet", "T-1")
OTHER_SHEET: Final = ActorKey("timesheet", "T-2")
EXTERNAL_PROJECT: Final = external_key("psa", "project", "4711")

_COMMITS: Final = count(1)


def uuid(name: str) -> UUID:
    """The same for the same name."""
    return uuid5(NAMESPACE_URL, name)


def message(id: str, *, source: str = "psa", delivery: int = 1, body: bytes = b"{}") -> Message:
    """A message; each `delivery` of it has a ref of its own."""
    ref = uuid(f"{source}/{id}/{delivery}")
    return Message(ref, source, id, "timesheet.approved.v1", body * 4, body)


def numbered(number: int, *, source: str = "crm") -> Message:
    """Number so and so of a source."""
    return message(f"{source}{number}", source=source)._replace(series=source, sequence=number)


def applied(row: Row, *messages: Message, state: bytes = b'{"is": "new"}') -> Turn:
    """A turn that applies messages: one entity version each."""
    turn = Turn(row, row.lane, row.entity_version + len(messages), state if messages else None, schema=1)
    for version, applied_message in enumerate(messages, row.entity_version + 1):
        turn.judged.append(Judged(applied_message, Verdict.APPLIED, version))
    return turn


def queued(row: Row, *messages: Message, state: LaneState = LaneState.OPEN, retry_after: float | None = None) -> Turn:
    """A turn that puts messages at the end of the lane, undecided."""
    lane = Lane(state, row.lane.depth + len(messages), row.lane.tail + len(messages), retry_after=retry_after)
    turn = Turn(row, lane, row.entity_version)
    for position, queued_message in enumerate(messages, row.lane.tail):
        turn.judged.append(Judged(queued_message, Verdict.QUEUED, row.entity_version, position=position))
    return turn


def waiting(row: Row, waiting_message: Message, target: ActorKey, seen: int) -> Turn:
    """A turn whose message waits, at the end of the lane, for another version of `target` than `seen`."""
    tail = row.lane.tail
    lane = Lane(LaneState.WAITING, row.lane.depth + 1, tail + 1, "waits", target=target, seen=seen)
    turn = Turn(row, lane, row.entity_version)
    turn.judged.append(Judged(waiting_message, Verdict.WAITING, row.entity_version, position=tail))
    return turn


def waiting_again(row: Row, head: LaneMessage, target: ActorKey, seen: int) -> Turn:
    """A turn whose head was looked at again, and waits again."""
    lane = Lane(LaneState.WAITING, row.lane.depth, row.lane.tail, "waits", target=target, seen=seen)
    turn = Turn(row, lane, row.entity_version)
    turn.judged.append(
        Judged(head.message, Verdict.WAITING, row.entity_version, was=head.verdict, position=head.position)
    )
    return turn


def drained(row: Row, *heads: LaneMessage, verdict: Verdict = Verdict.APPLIED) -> Turn:
    """A turn that ends the first messages of the lane."""
    version = row.entity_version + (len(heads) if verdict is Verdict.APPLIED else 0)
    turn = Turn(row, Lane(LaneState.OPEN, row.lane.depth - len(heads), row.lane.tail), version, b"{}", schema=1)
    for step, head in enumerate(heads, 1):
        applied_version = row.entity_version + (step if verdict is Verdict.APPLIED else 0)
        turn.judged.append(Judged(head.message, verdict, applied_version, was=head.verdict, attempts=head.attempts))
    return turn


def command(key: ActorKey = SHEET, line: str = "1", *, system: str = "erp", generation: int = 1) -> Command:
    """A command to add a billable line."""
    identity = (system, "billable.create", key, line, generation)
    return Command(command_id(*identity), *identity, b'{"line": 1}', command_reference(key, line, generation))


def asking(turn: Turn, *commands: Command) -> Turn:
    """The same turn, with commands."""
    turn.queued.extend(Queued(asked, turn.entity_version, index) for index, asked in enumerate(commands))
    return turn


def settled(row: Row, *settlements: tuple[Command, UUID], settlement: Settlement = Settlement.DONE) -> Turn:
    """A turn that has decided on results, each of a command and the token that it was sent under."""
    turn = Turn(row, row.lane, row.entity_version + 1, b"{}", schema=1)
    reason = None if settlement is Settlement.DONE else "refused"
    turn.settled.extend(Settled(done, settlement, token, reason) for done, token in settlements)
    return turn


def batch(*turns: Turn) -> Batch:
    """A batch of its own commit."""
    return Batch(UUID(int=next(_COMMITS)), list(turns))


def send_lane(key: ActorKey = SHEET, system: str = "erp") -> SendLane:
    """The send lane of a key."""
    return SendLane(system, key)
