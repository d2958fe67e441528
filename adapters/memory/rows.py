"""The rows of the store in memory, one class for each table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import UUID

from adapters.ports.cases import CaseNote, Click, Closed, Outcome
from adapters.ports.letters import DeadLetter, LetterState
from adapters.ports.outbox import Attempt, Ending, SendLane
from adapters.ports.turns import Message, Opened, Queued, Row
from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.verdicts import Verdict


@dataclass(slots=True)
class Entity:
    """An entity's row. By the store's clock: when a lane in backoff runs again, and since when its head waits."""

    row: Row
    commit_id: UUID | None = None
    retry_at: float | None = None
    waiting_since: float | None = None


@dataclass(slots=True)
class Accepted:
    """A message in the inbox. `position` is set while it stands in the lane of `key`."""

    message: Message
    key: ActorKey
    verdict: Verdict
    at: float
    position: int | None
    attempts: int
    reason: str | None


@dataclass(slots=True)
class Standing:
    """A command that is not settled. `at` is when it was asked for, by the store's clock."""

    command: Command
    place: tuple[int, int]
    at: float
    is_parked: bool = False
    reason: str | None = None
    due_at: float | None = None
    resend: int | None = None
    """The replay that has it sent again, as its system may have lost it."""
    past: int = 0
    """The number of its last attempt before that."""
    doubted_at: float | None = None
    """Since when nobody knows whether the system has it."""

    @classmethod
    def of(cls, queued: Queued, now: float) -> Standing:
        """As it is added to the outbox."""
        return cls(queued.command, (queued.entity_version, queued.index), now)

    @property
    def lane(self) -> SendLane:
        """Where it stands."""
        return SendLane(self.command.system, self.command.key)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may send the head of a send lane, or the run that begins with it: these commands."""

    holder: UUID
    token: UUID
    commands: tuple[UUID, ...]


@dataclass(slots=True)
class Sent:
    """A command that its system has confirmed, as it was sent. `at` is when, by the store's clock."""

    command: Command
    place: tuple[int, int]
    at: float


@dataclass(slots=True)
class Logged:
    """An attempt in the sent log, under the token of its lease. Its times are counted when it is read."""

    token: UUID
    attempt: Attempt
    started_at: float
    ended_at: float | None = None
    command: Command | None = None
    place: tuple[int, int] = (0, 0)
    """The command and its place, for those who look at what its entity asked for."""
    request: int = 1
    """The number of its request among those of its token."""

    @property
    def is_doubtful(self) -> bool:
        """Whether nobody knows what came of it."""
        return self.attempt.ending in (None, Ending.UNKNOWN)

    @property
    def decides(self) -> bool:
        """Whether it says anything about the command; one that did nothing for now is forgotten at the next."""
        return self.attempt.ending not in (Ending.DEFERRED, Ending.UNSENT)

    def end(self, ending: Attempt, now: float) -> bool:
        """Record how it ended, once; whether it was this time."""
        if self.ended_at is not None:
            return False
        self.attempt, self.ended_at = ending, now
        return True

    def read(self, now: float) -> Attempt:
        """As others see it at `now`."""
        ended_for = None if self.ended_at is None else now - self.ended_at
        return replace(self.attempt, started_for=now - self.started_at, ended_for=ended_for)


@dataclass(slots=True)
class CaseRow:
    """A case, as it was opened last. Times are the store's clock; `closed`: how, and by whom if it was a person."""

    id: int
    key: ActorKey
    opened: Opened
    first_at: float
    opened_at: float
    remind_at: float | None
    due_at: float | None
    closed_at: float | None = None
    closed: tuple[Closed, str | None] | None = None
    version: int = 1
    count: int = 1
    reopened: int = 0
    assignee: str | None = None
    is_reminded: bool = False
    is_warned: bool = False
    notes: list[CaseNote] = field(default_factory=list)
    acts: list[Clicked] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether nobody has settled it."""
        return self.closed_at is None

    def close(self, how: Closed, by: str | None, now: float) -> None:
        """End it."""
        self.closed_at, self.closed = now, (how, by)
        self.version += 1


@dataclass(slots=True)
class Clicked:
    """An act on a case. `seen`: what the case asked then."""

    id: int
    at: float
    click: Click
    seen: str | None
    outcome: Outcome | None = None
    told: str | None = None


class CaseChange(NamedTuple):
    """What there is to tell of a case."""

    what: str
    row: CaseRow


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of the timeline: a verdict, or a command that was settled; `policy` is what it was decided under."""

    key: ActorKey
    entity_version: int
    what: str
    ref: UUID | None = None
    command_id: UUID | None = None
    reason: str | None = None
    at: float = 0.0
    policy: str | None = None


@dataclass(slots=True)
class Buried:
    """A dead letter. `at` is when it first came, by the store's clock; `settled`: by whom it was settled, and why.

    `opened_at`: since when it stands open.
    """

    letter: DeadLetter
    at: float
    opened_at: float
    seen: int
    state: LetterState = LetterState.BURIED
    settled: tuple[str, str] | None = None
    settled_at: float | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """What an operator did. `at` is the store's clock when it was recorded."""

    actor: str
    action: str
    key: ActorKey | None
    ref: UUID | None
    reason: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """What one commit made known: verdicts by message, and bodies by routing key."""

    id: int
    verdicts: tuple[tuple[UUID, Verdict], ...]
    facts: tuple[tuple[str, bytes], ...]
