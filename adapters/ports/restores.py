"""Port to what is known of restores of the database: how one is noticed, and how far people have taken it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from schemas.verdicts import Failure, FailureClass

CASE_ENTITY = "restore"
"""The entity under which the case of a held restore stands; its key is the restore's number."""


class Found(StrEnum):
    """How it was noticed that the database went back."""

    SERVER = "server"
    """It stands in another cluster than before."""
    TIMELINE = "timeline"
    """Its cluster was recovered to a point in time, or a stand-by took over."""
    WATERMARK = "watermark"
    """RabbitMQ or a process remembers a higher watermark than it has."""
    LOST = "lost"
    """RabbitMQ has no watermark although the database has one: nobody can tell whether it went back."""
    DECLARED = "declared"
    """A person said so."""
    EPOCH = "epoch"
    """A restore was declared, by a person or by another process, since this one compared. Nothing more is to hold."""


class Phase(StrEnum):
    """How far a restore was taken."""

    HELD = "held"
    """No command is sent."""
    RELEASED = "released"
    """Commands are sent, each after its system was asked."""
    ENDED = "ended"
    """Only what stood open at its end still asks."""


@dataclass(frozen=True, slots=True)
class Restore:
    """A restore. Between `since` and `declared_at` things were done that the database does not know of."""

    id: int
    since: datetime
    found: Found
    declared_at: datetime
    declared_by: str
    reason: str
    released_at: datetime | None = None
    released_by: str | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None

    @property
    def phase(self) -> Phase:
        """How far it was taken."""
        if self.ended_at is not None:
            return Phase.ENDED
        return Phase.HELD if self.released_at is None else Phase.RELEASED


@dataclass(frozen=True, slots=True)
class Tick:
    """The database's watermark. With `found` the database went back, and the watermark was not raised.

    `epoch` is another one after each declaration.
    """

    counter: int
    found: Found | None
    epoch: UUID | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """The database's watermark, and its newest restore, also if that is ended."""

    counter: int
    newest: Restore | None


@dataclass(slots=True)
class Remembered:
    """The highest watermark that this process knows of, and the epoch that it works in; None: not compared yet."""

    counter: int = 0
    epoch: UUID | None = None


class RestoreConflict(RuntimeError):
    """The restore is not in the phase that the act needs; the message says what to do first."""


class Restores(Protocol):
    """Restores of the database; at most one is not ended. All verbs raise `StoreUnavailable`."""

    async def tick(self, remembered: int, epoch: UUID | None = None) -> Tick:
        """Raise the watermark by one, unless the database went back, or its epoch is not this one."""
        ...

    async def declare(
        self, *, since: datetime | None, found: Found, actor: str, reason: str, remembered: int = 0
    ) -> Restore:
        """Hold every command back: returns when no claim is under way that does not know. Audited, told, and a case.

        `since` is the point that the database was restored to; None: its last watermark. One that stands open is held
        again, from the earlier point. Raises `RestoreConflict` for a point in the future.
        """
        ...

    async def release(self, *, actor: str, reason: str) -> Restore:
        """Let commands be sent again, each after its system was asked; closes the case. Audited, and told.

        Raises `RestoreConflict`.
        """
        ...

    async def end(self, *, actor: str, reason: str) -> Restore:
        """Sources have published again, so what comes from now on is new. Audited, and told.

        Keys with open messages or commands go on asking. Raises `RestoreConflict`.
        """
        ...

    async def look(self) -> Seen:
        """What stands there; changes nothing."""
        ...

    async def close(self) -> None: ...


def held_failure(reason: str) -> Failure:
    """What the case of a restore that is held says."""
    text = f"no command is sent until the restore is released: {reason}"
    return Failure(FailureClass.UNKNOWN_OUTCOME, "restore_held", text)


NOTHING_HELD = "no restore is held: declare one first, or see `tallystick restore show`"
NOTHING_RELEASED = "no restore is released: release it first, or see `tallystick restore show`"
IN_THE_FUTURE = "since lies in the future by the database's clock: name the point that the database was restored to"
