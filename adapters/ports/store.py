"""Ports to the store: what the commit path, the lanes, and the operators need of PostgreSQL.

All verbs raise `StoreUnavailable` when nothing was written and the caller should wait; `commit` alone may raise
`CommitUnknown`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from adapters.ports.turns import Answer, Batch, LaneMessage, Row
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass, LaneState


class Commits(Protocol):
    """Loading rows and committing turns: the heart. One call is one round trip."""

    async def load(self, keys: Sequence[ActorKey]) -> dict[ActorKey, Row]:
        """The rows of `keys`; a key that was never written has row version 0."""
        ...

    async def lanes(self, keys: Sequence[ActorKey], *, limit: int) -> dict[ActorKey, list[LaneMessage]]:
        """The first `limit` messages of each key's lane, in order."""
        ...

    async def commit(self, batch: Batch) -> list[Answer]:
        """Commit each turn or nothing of it; answers stand in the order of `batch.turns`.

        Raises `CommitUnknown` when the connection was lost or cancelled before the answer came.
        """
        ...

    async def resolve(self, batch: Batch) -> list[bool]:
        """After `CommitUnknown`: for each turn, whether this very attempt committed.

        Locks each entity's row first, which waits for a transaction still in flight, and compares `commit_id`.
        """
        ...


@dataclass(frozen=True, slots=True)
class OpenLane:
    """A lane whose head may run. `row_version` tells an observer whether somebody is working on it."""

    key: ActorKey
    row_version: int


class LaneChanged(RuntimeError):
    """The lane's head is not the one that the operator saw, or its state does not allow the act: look again."""


class LaneNotFound(LookupError):
    """No lane stands under this key."""


class Lanes(Protocol):
    """Lanes as work to find, and as operators change them. Each change is fenced by the entity's row version."""

    async def runnable(self, *, after: ActorKey | None, limit: int) -> list[OpenLane]:
        """A page, in key order, of lanes that are open with messages or whose backoff has passed."""
        ...

    async def wake(self, *, page: int) -> list[ActorKey]:
        """Resume up to `page` lanes that wait for something that has changed; the keys that may run now.

        Empty: no wake is left.
        """
        ...

    async def sweep(self) -> int:
        """Write wakes for lanes that wait on an older version than their target has; how many targets."""
        ...

    async def retry(self, key: ActorKey, *, actor: str, reason: str) -> None:
        """Let a parked, waiting, or backing-off lane and parked commands of `key` run again; audited.

        A parked command whose every attempt was rejected gets a new generation at the same place; one that may still
        land keeps its generation. Raises `LaneNotFound`.
        """
        ...

    async def discard(self, key: ActorKey, *, head: UUID, actor: str, reason: str) -> None:
        """End the lane's head as discarded; audited. Raises `LaneNotFound`, or `LaneChanged` if the head moved."""
        ...


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that could not become a message: its bytes, and why in plain words.

    `digest` identifies it, so that a redelivery counts up rather than adding a row.
    """

    digest: bytes
    queue: str
    routing_key: str
    failure_class: FailureClass
    code: str
    reason: str
    content_type: str | None
    headers: Mapping[str, str]
    body: bytes


class DeadLetters(Protocol):
    """Undecodable input, kept with its bytes."""

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Store them; one that is there already is counted up."""
        ...


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Counts for `/v1/status` and the metrics of what stands open. Money is per currency, as decimal strings."""

    lanes: Mapping[tuple[str, LaneState], int]
    oldest: Mapping[tuple[str, LaneState], datetime]
    messages: Mapping[tuple[str, str], int]
    commands: Mapping[tuple[str, str], int]
    cases: Mapping[str, int]
    dead_letters: int


class Reads(Protocol):
    """What the API shows. Rows cross as plain JSON-ready mappings, because they are shown and never acted on."""

    async def probe(self) -> None:
        """Return if the database takes writes and has the schema of this release, else raise `StoreUnavailable`."""
        ...

    async def status(self) -> StatusReport:
        """Counts of what stands open; bounded work, from partial indexes."""
        ...

    async def messages(
        self, *, source: str | None, event_id: str | None, verdict: str | None, after: UUID | None, limit: int
    ) -> list[Mapping[str, object]]:
        """Messages by reference, newest last."""
        ...

    async def lanes(self, *, state: str | None, after: ActorKey | None, limit: int) -> list[Mapping[str, object]]:
        """Lanes that hold messages, in key order."""
        ...

    async def lane(self, key: ActorKey, *, limit: int) -> Mapping[str, object] | None:
        """One lane with its first `limit` messages and its parked commands; None if the key was never seen."""
        ...
