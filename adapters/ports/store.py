"""Ports to the store: what the commit path, the lanes, and the operators need of PostgreSQL.

All verbs raise `StoreUnavailable` when nothing was written and the caller should wait; `commit` alone may raise
`CommitUnknown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from adapters.ports.turns import Answer, Batch, LaneMessage, Row
from adapters.ports.views import (
    DeadLetterRow,
    LaneQuery,
    LaneRow,
    LetterQuery,
    MessageQuery,
    MessageRow,
    StatusReport,
)
from schemas.keys import ActorKey


class Commits(Protocol):
    """Loading rows and committing turns: the heart. One call is one round trip."""

    async def load(self, keys: Sequence[ActorKey]) -> dict[ActorKey, Row]:
        """The rows of `keys`; a key that was never written has row version 0."""
        ...

    async def lanes(self, keys: Sequence[ActorKey], *, limit: int, room: int) -> dict[ActorKey, list[LaneMessage]]:
        """The first messages of each key's lane, in order: at most `limit`, of at most `room` bytes together.

        The head is always there, whatever its size; bytes are those of bodies. What is given of a lane does not depend
        on the other keys.
        """
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


class LaneKills(RuntimeError):
    """A message that would run has ended the process: it runs again only by force."""


class LaneNotFound(LookupError):
    """No lane stands under this key."""


class CommandNotFound(LookupError):
    """The key has no such command that is not settled."""


class CommandInUse(RuntimeError):
    """The command is being sent, or may be at any time: what a person says of it could be wrong the moment after."""


class CommandChanged(RuntimeError):
    """The command is not as the person saw it: what they found out may be of something else."""


@dataclass(frozen=True, slots=True)
class SeenCase:
    """The case of a parked command as a person saw it: it has another version once the command has run again."""

    id: int
    version: int


@dataclass(frozen=True, slots=True)
class SeenAttempts:
    """A command as a person saw it while nobody was sending it: the number of its newest attempt, 0 without one.

    While it is being sent, its number is not to be shown: it would be the same once that attempt has landed.
    """

    number: int


Seen = SeenCase | SeenAttempts
"""What a person goes by who says what became of a command."""


class Lanes(Protocol):
    """Lanes as work to find. Each change is fenced by the entity's row version."""

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

    async def open_overdue(self, *, page: int) -> int:
        """Open a case, once, for each lane whose head has waited for longer than it may; how many, up to `page`."""
        ...


class LaneActs(Protocol):
    """What operators do to one lane, audited. Each change is fenced by the entity's row version."""

    async def retry(self, key: ActorKey, *, actor: str, reason: str, force: bool = False) -> None:
        """Let a parked, waiting, or backing-off lane and parked commands of `key` run again; audited.

        A parked command gets a new generation at the same place if it was rejected, or absent when asked, and no
        attempt since may have landed, behind every one that its system was found to have; else it keeps its generation.
        Closes the cases of the messages and commands that run again, and tells so. Where a message is parked that has
        ended the process, only the commands run without `force`. Raises `LaneNotFound`, and then `LaneKills` if there
        are none.
        """
        ...

    async def settle(
        self, key: ActorKey, *, command: UUID, seen: Seen, is_there: bool, external_id: str | None, actor: str,
        reason: str,
    ) -> str:  # fmt: skip
        """Record what a person says of a command that is parked, or paused: that the system has its effect or not.

        It stands in the sent log as the newest attempt, confirmed or absent, so whoever runs the command next settles
        it, or sends it under a new generation. Where the system was found to have a later generation, and nothing was
        sent since, the command becomes that one, with its external id unless another is given, or one behind it.
        Returns the reference under which it now counts as done, or is sent. Closes its cases; audited and told.
        Raises `CommandNotFound`, `CommandChanged` if it is not as it was `seen`, and `CommandInUse` if it is being
        sent or may be.
        """
        ...

    async def discard(self, key: ActorKey, *, head: UUID, actor: str, reason: str) -> None:
        """End the lane's head as discarded, and close its cases; audited and told.

        Raises `LaneNotFound`, or `LaneChanged` if the head moved.
        """
        ...

    async def close_gap(self, key: ActorKey, *, series: str, through: int, actor: str, reason: str) -> None:
        """Count the numbers of `series` up to `through` as closed: they never come, and nothing waits for them.

        Raises `LaneNotFound` if the key has no such series, or `LaneChanged` if they are closed already, or if no
        higher number stands in the lane: what nobody waits for may still come.
        """
        ...


class Reads(Protocol):
    """What the API shows: bounded questions, answered beside the commit path and never on its connections."""

    async def probe(self) -> None:
        """Return if the database takes writes and has the schema of this release, else raise `StoreUnavailable`.

        Asked on a connection of its own: no other question, however slow, is in its way.
        """
        ...

    async def status(self) -> StatusReport:
        """Counts of what stands open; work is bounded by what stands open, not by history."""
        ...

    async def messages(self, query: MessageQuery, *, limit: int) -> list[MessageRow]:
        """The first `limit` messages that `query` asks for."""
        ...

    async def lanes(self, query: LaneQuery, *, limit: int) -> list[LaneRow]:
        """The first `limit` lanes that `query` asks for; none if the key was never seen."""
        ...

    async def dead_letters(self, query: LetterQuery, *, limit: int) -> list[DeadLetterRow]:
        """The first `limit` dead letters that `query` asks for."""
        ...
