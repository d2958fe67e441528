"""What the operators see of the store: questions, and the rows that answer them. Shown, and never acted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from adapters.ports.letters import ANY_LETTER, HeaderValue, LetterFilter, LetterPlace, LetterState
from adapters.ports.replays import Phase
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass, LaneState, Verdict


@dataclass(frozen=True, slots=True)
class LaneCount:
    """Lanes of one entity in one state, the messages in them, and since when the oldest has been in that state."""

    entity: str
    state: LaneState
    lanes: int
    messages: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class CommandCount:
    """Commands of one system that are not settled: all of them, and those that wait for a person."""

    system: str
    commands: int
    parked: int


@dataclass(frozen=True, slots=True)
class CaseCount:
    """Open cases of one class whose decisions named one role; `owner` is None: whoever the class belongs to."""

    failure_class: FailureClass
    owner: str | None
    cases: int


@dataclass(frozen=True, slots=True)
class ReplayCount:
    """Replays in one phase, the making of their plan included, and the messages that have no result yet."""

    phase: Phase
    replays: int
    messages: int


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Counts of what stands open. `at` is the database's clock, as is every other time in it."""

    at: datetime
    lanes: tuple[LaneCount, ...]
    conflicts: int
    """Messages whose id was there with another body, while their case is open; they stand in no lane."""
    commands: tuple[CommandCount, ...]
    cases: tuple[CaseCount, ...]
    dead_letters: int
    """Those that nobody has settled."""
    notices: int
    """Commits and dead letters that are not published yet."""
    replays: tuple[ReplayCount, ...]
    """Those that are not over; a plan that waits to be started is none."""


@dataclass(frozen=True, slots=True)
class OneMessage:
    """The message with this reference."""

    ref: UUID


@dataclass(frozen=True, slots=True)
class SameId:
    """Messages with this CloudEvents id, of one source or of all: it is unique only within a source."""

    event_id: str
    source: str | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class InLane:
    """Messages that stand in the lane of `key`, from its head."""

    key: ActorKey


@dataclass(frozen=True, slots=True)
class Newest:
    """Messages by the time of their reference, newest first; `before`: those after this one in that order."""

    source: str | None = None
    verdict: Verdict | None = None
    before: UUID | None = None


MessageQuery = OneMessage | SameId | InLane | Newest


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message of the inbox without its body. `position` is its place in the lane, `bytes` the size of its body."""

    ref: UUID
    source: str
    id: str
    type: str
    entity: str
    key: str
    verdict: Verdict
    reason: str | None
    attempts: int
    position: int | None
    received_at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class OneLane:
    """The lane of `key`, also when it is empty."""

    key: ActorKey


@dataclass(frozen=True, slots=True)
class LanesInOrder:
    """Lanes in the order of their keys: those that hold messages, in `state` if one is named.

    Without a state also those of keys with a command that is overdue, or was tried more than once and is not settled.
    """

    state: LaneState | None = None
    after: ActorKey | None = None


LaneQuery = OneLane | LanesInOrder


@dataclass(frozen=True, slots=True)
class ParkedCommand:
    """A command that holds its successors until a person acts. `reference` is how its system knows it.

    `attempts` is how often it was taken in hand: the number of its newest attempt.
    """

    id: UUID
    system: str
    operation: str
    reference: str
    reason: str | None
    attempts: int


class SendState(StrEnum):
    """What the head of a key's commands for one system waits for."""

    DUE = "due"
    """It is sent as soon as its system takes it."""
    SENDING = "sending"
    """A process has it in hand: it is being sent, or what came of it is being decided on."""
    HELD = "held"
    """Its time has not come, as the last attempt failed for a passing reason; or a restore or a pause holds it."""
    PARKED = "parked"
    """A person must act."""


@dataclass(frozen=True, slots=True)
class UnsettledCommands:
    """The commands of a key for one system that are not settled; only the first of them, the head, can be sent.

    `depth` counts all of them. `reason` is why the head is parked, or what holds it, or what came of the last attempt;
    `since` is when it was asked for, and `due_at` is until when it is held. `attempts` is how often it was taken in
    hand; None while it is being sent, as what a person finds then may be overtaken. `overdue`: a case is open because
    its system has not settled it for too long. `found_reference`: the system was found to have this later generation of
    the head, with its own id for it in `found_id`; None: none was found, or the head is being sent.
    """

    system: str
    depth: int
    head: UUID
    operation: str
    reference: str
    state: SendState
    reason: str | None
    since: datetime
    due_at: datetime | None
    attempts: int | None
    overdue: bool
    found_reference: str | None
    found_id: str | None


@dataclass(slots=True)  # frozen, a page of them would take three times as long to make
class LaneRow:
    """A lane, and what holds its key. `head` is the message that a discard names; `since` is when its state began.

    `waits_for` is what a waiting lane waits for; `bound_to` is the key of ours that an external key means. `oldest` is
    when the head was received, the first of the lane's messages. `commands` has a row for each system with any, and
    `blocked` is the money of all of them by currency; what a message in the lane is worth is known once it is decided.
    """

    entity: str
    key: str
    state: LaneState
    depth: int
    head: UUID | None
    reason: str | None
    since: datetime | None
    retry_at: datetime | None
    waits_for: ActorKey | None
    bound_to: ActorKey | None
    entity_version: int
    oldest: datetime | None
    parked_commands: tuple[ParkedCommand, ...]
    commands: tuple[UnsettledCommands, ...]
    blocked: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class OneLetter:
    """The dead letter with this digest, with its headers."""

    digest: bytes


@dataclass(frozen=True, slots=True)
class Letters:
    """Dead letters in one state that `chosen` means, newest first; `before`: those after this one in that order."""

    state: LetterState = LetterState.BURIED
    chosen: LetterFilter = ANY_LETTER
    before: LetterPlace | None = None


LetterQuery = OneLetter | Letters


@dataclass(frozen=True, slots=True)
class DeadLetterRow:
    """A dead letter without its body. `digest` is hexadecimal; `seen` counts its deliveries since it stands open.

    `settled_by` and `settled_reason` say who admitted or discarded it, and why.
    """

    digest: str
    state: LetterState
    first_at: datetime
    last_at: datetime
    seen: int
    queue: str
    routing_key: str
    user_id: str | None
    failure_class: FailureClass
    code: str
    reason: str
    content_type: str | None
    is_cut: bool
    bytes: int
    settled_at: datetime | None
    settled_by: str | None
    settled_reason: str | None


@dataclass(frozen=True, slots=True)
class ShownLetter(DeadLetterRow):
    """One dead letter with its headers, as far as they were kept."""

    headers: Mapping[str, HeaderValue]
