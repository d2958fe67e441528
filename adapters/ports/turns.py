"""The data of the commit path: an entity's row, a message, and the turn that one key commits as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from schemas.commands import Command
from schemas.facts import Case, Claim, Notice
from schemas.keys import ActorKey
from schemas.sequence import Cursor
from schemas.verdicts import LaneState, Verdict


@dataclass(frozen=True, slots=True)
class Lane:
    """The durable queue of one key, as its entity's row holds it.

    `tail`: position for the next message. `retry_after`: seconds until a lane in backoff runs again, counted by the
    database. `target`, `seen`: what a waiting lane waits for, and the entity version of it that the decision saw; a
    lane that waits for its own external key to be bound, or for a number of its source, has no target. `patience`:
    seconds that it may wait, since it began to, before a person is asked. `paused_by`: the pause that a paused lane
    stands still for.
    """

    state: LaneState = LaneState.OPEN
    depth: int = 0
    tail: int = 1
    reason: str | None = None
    retry_after: float | None = None
    target: ActorKey | None = None
    seen: int | None = None
    patience: float | None = None
    paused_by: int | None = None


EMPTY_LANE = Lane()


@dataclass(frozen=True, slots=True)
class Row:
    """An entity's row. `row_version` fences every commit of the key; `entity_version` counts applied events.

    `cursors` says by series how far its numbered events have come.
    """

    key: ActorKey
    row_version: int = 0
    entity_version: int = 0
    state: bytes | None = None
    schema: int = 0
    lane: Lane = EMPTY_LANE
    cursors: Mapping[str, Cursor] = field(default_factory=dict)


class Message(NamedTuple):
    """An accepted message: what identifies it, and the event in structured mode, its data byte by byte as it came.

    `ref` is our own id of it. `body_hash` tells another content under the same (source, id). `series` and `sequence`
    place it among the numbered events of its source about one subject; both are None where the source has no numbers.
    """

    ref: UUID
    source: str
    id: str
    type: str
    body_hash: bytes
    body: bytes
    series: str | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class LaneMessage:
    """A message that stands in a lane."""

    message: Message
    position: int
    verdict: Verdict
    attempts: int
    reason: str | None = None


class Judged(NamedTuple):
    """A message and the verdict that this turn gives it.

    `was` is the verdict under which its row was read in the lane; None: the message is not in the inbox yet.
    `position` is its place in the lane, None once it left or never entered. `entity_version` is the version that it
    made, for the timeline; of a message that was not applied, the version that stood.
    """

    message: Message
    verdict: Verdict
    entity_version: int
    was: Verdict | None = None
    position: int | None = None
    attempts: int = 0
    reason: str | None = None
    supersedes: bool = False

    @property
    def must_be_placed(self) -> bool:
        """Whether it enters the lane, and what stands there decides where, or what it ends."""
        return self.was is None and self.position is not None and (self.supersedes or self.message.series is not None)


@dataclass(frozen=True, slots=True)
class Queued:
    """A command that this turn adds to the outbox. Its order is (entity_version, index) within (system, key)."""

    command: Command
    entity_version: int
    index: int


class Settlement(StrEnum):
    """What the decision on a result makes of its command."""

    DONE = "done"
    """It leaves the outbox; its successor may be sent."""
    PARKED = "parked"
    """It stays at the head, and holds its successors, until a person acts."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A command whose result this turn has decided on. `token` is the lease that ends with it, if one does."""

    command: Command
    settlement: Settlement
    token: UUID | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A case that this turn opens, and the message or command that caused it; `system` is the command's."""

    case: Case
    ref: UUID | None = None
    command_id: UUID | None = None
    system: str | None = None


@dataclass(slots=True)
class Turn:
    """All that one key commits together: it commits as a whole or leaves nothing.

    `row` is the row that the decisions saw. `relied` maps other keys to the entity version that the decisions saw.
    `state` and `cursors` are None when unchanged. `judged` is in the order of arrival. `releases` are claims that end
    with this commit if this key holds them; one that the turn also claims stays. Another key may claim them in a later
    batch. `settles` maps topics whose cases end to who has acted, None: nobody did; none of them is opened
    in the same turn.
    """

    row: Row
    lane: Lane
    entity_version: int
    state: bytes | None = None
    schema: int = 0
    cursors: Mapping[str, Cursor] | None = None
    relied: Mapping[ActorKey, int] = field(default_factory=dict)
    judged: list[Judged] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    releases: list[Claim] = field(default_factory=list)
    binds: list[ActorKey] = field(default_factory=list)
    queued: list[Queued] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    settles: dict[str, str | None] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)

    @property
    def key(self) -> ActorKey:
        """The key whose turn it is."""
        return self.row.key

    @property
    def arranges(self) -> bool:
        """Whether its commit puts the lane in order, after which nobody remembers the lane as this turn left it."""
        return any(judged.must_be_placed for judged in self.judged)


@dataclass(frozen=True, slots=True)
class Batch:
    """Turns of different keys for one commit. `commit_id` names this attempt and is stored with each key.

    `policy` is the hash of the policy that they were decided under, for the timeline.
    """

    commit_id: UUID
    turns: list[Turn]
    policy: str | None = None


class Again(StrEnum):
    """Why a turn did not commit; in each case its actor loads anew and decides again."""

    STALE_WRITER = "stale_writer"
    """The row moved: another process, a zombie, an operator, a wake, or a binding got there first."""
    REFERENCE = "reference"
    """Something it relied on has another version now."""
    DUPLICATE = "duplicate"
    """At least one of its new messages is in the inbox already."""
    TAKEN = "taken"
    """Another key holds a value that it claims."""
    SETTLED = "settled"
    """A command whose result it decided on is no longer open: the result is dropped."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A message that is in the inbox already. `same_body`: False is an idempotency conflict, which a person sees."""

    ref: UUID
    same_body: bool


@dataclass(frozen=True, slots=True)
class Committed:
    """The turn is durable."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The turn left nothing behind; decide again with what is told here."""

    why: Again
    duplicates: tuple[Duplicate, ...] = ()
    taken: Mapping[Claim, ActorKey] = field(default_factory=dict)
    settled: tuple[UUID, ...] = ()


Answer = Committed | Refused


class CommitUnknown(ConnectionError):
    """The commit may or may not have happened: ask `resolve` before anything else is done with these keys."""


class StoreUnavailable(ConnectionError):
    """The database does not take work now (down, starting, read-only, full); nothing was written."""


class DataRefused(ValueError):
    """The database refused a value; nothing of the batch was written, and trying it again unchanged cannot help."""
