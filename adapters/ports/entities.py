"""Port to what is known of one entity: its state, what means it, and all that happened to it. Shown, never acted on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from adapters.ports.outbox import Ending
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass, Verdict


@dataclass(frozen=True, slots=True)
class EntityRow:
    """An entity. `state` is its JSON, None while nothing was applied; `schema` says by which version it is read.

    `bound_to` is the key of ours that an external key means; `externals` are the external keys that mean this one.
    """

    key: ActorKey
    version: int
    state: bytes | None
    schema: int
    bound_to: ActorKey | None
    externals: tuple[ActorKey, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """The message of a line of the timeline; gone once it is older than the policy keeps messages."""

    ref: UUID
    source: str
    id: str
    type: str


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """A line of the timeline: a verdict, what became of a command, or what an operator did.

    `version` is the entity version that it made, or that stood then. `policy` is the hash of the policy that it was
    decided under, None where that is not kept. `seq` rises with each line.
    """

    seq: int
    at: datetime
    version: int
    what: str
    reason: str | None
    policy: str | None
    message: Told | None
    command: UUID | None


class CommandState(StrEnum):
    """Where a command stands."""

    OPEN = "open"
    PARKED = "parked"
    ENDED = "ended"
    """It was decided on, or a new generation took its place."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt at a command, and the answer; `ending` is None while nobody has recorded one."""

    number: int
    started_at: datetime
    ended_at: datetime | None
    ending: Ending | None
    external_id: str | None
    failure_class: FailureClass | None
    code: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class AskedRow:
    """A command that the entity asked for when it came to `version`, by its place, and the attempts that are kept.

    One that was ended without an attempt leaves no trace.
    """

    id: UUID
    system: str
    operation: str
    reference: str
    version: int
    index: int
    state: CommandState
    attempts: tuple[Tried, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a message stands. `body_hash` tells its content."""

    ref: UUID
    verdict: Verdict
    reason: str | None
    body_hash: bytes


class Entities(Protocol):
    """Bounded questions about one key or message, beside the commit path. All verbs raise `StoreUnavailable`."""

    async def entity(self, key: ActorKey) -> EntityRow | None:
        """The entity; None if nobody ever named it."""
        ...

    async def timeline(self, key: ActorKey, *, before: int | None, limit: int) -> list[TimelineRow]:
        """The newest `limit` lines, or those before a line, newest first."""
        ...

    async def asked(self, key: ActorKey, *, after: int, through: int, limit: int) -> list[AskedRow]:
        """Commands asked for at versions above `after` up to `through`, in their order, of all systems."""
        ...

    async def judged(self, ref: UUID, *, source: str, id: str) -> Judgement | None:
        """How the message with this reference stands; else the one with this source and id, which came before it."""
        ...

    async def holders(self, claims: Collection[Claim]) -> dict[Claim, ActorKey]:
        """Who holds which of some values; those of scope `external` are ids of other systems that mean a key."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
