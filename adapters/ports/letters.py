"""Port to the dead letters: what could not become a message, kept with its bytes, and what a person does about it.

All verbs raise `StoreUnavailable` when nothing was written and the caller should wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from schemas.verdicts import Failure, FailureClass

HeaderValue = str | int | bool | None


class LetterState(StrEnum):
    """Where a dead letter stands; only one that is buried is open."""

    BURIED = "buried"
    ADMITTED = "admitted"
    """A retry made a message of it."""
    DISCARDED = "discarded"


class Purpose(StrEnum):
    """Why somebody takes a dead letter out with its bytes; the audit's name of the act."""

    RETRY = "dead_letter.retry"
    PAYLOAD = "dead_letter.payload"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that could not become a message: its bytes, and why in plain words.

    `digest` identifies it, so that a redelivery counts up rather than adding a row. `is_cut`: its body was too large,
    or some of its properties were too long, too many, or no text, so the same message cannot be made of it again.
    """

    digest: bytes
    queue: str
    routing_key: str
    failure_class: FailureClass
    code: str
    reason: str
    content_type: str | None
    headers: Mapping[str, HeaderValue]
    body: bytes
    user_id: str | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Exhumed:
    """A dead letter that was taken out, and where it stands."""

    letter: DeadLetter
    state: LetterState


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which dead letters are meant: those of which all that is given here is true."""

    failure_class: FailureClass | None = None
    code: str | None = None
    queue: str | None = None


ANY_LETTER: Final = LetterFilter()


@dataclass(frozen=True, slots=True)
class LetterPlace:
    """Where a dead letter stands in the order of burial. `digest` is hexadecimal."""

    first_at: datetime
    digest: str


@dataclass(frozen=True, slots=True)
class Admission:
    """A dead letter became a message that is durable; who asked for it, and why."""

    digest: bytes
    actor: str
    reason: str


class LetterNotFound(LookupError):
    """There is no such dead letter."""


class LetterSettled(RuntimeError):
    """It was admitted or discarded before."""


class DeadLetters(Protocol):
    """Undecodable input, kept with its bytes."""

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Store them, and tell of those that are new.

        One that is there already is counted up, and takes the present reason; one that was settled is open again, and
        told of again.
        """
        ...

    async def exhume(self, digest: bytes, purpose: Purpose, *, actor: str, reason: str) -> Exhumed:
        """A dead letter with its bytes; audited. Raises `LetterNotFound`."""
        ...

    async def choose(
        self, chosen: LetterFilter, *, after: LetterPlace | None, until: datetime | None, limit: int
    ) -> list[LetterPlace]:
        """The first `limit` open ones that are meant, oldest first, from behind `after`.

        With `until` those that stand open since then or before: one that was settled and came again is a later one.
        """
        ...

    async def refused(self, digest: bytes, failure: Failure) -> None:
        """It was tried again and could still not become a message: the present reason replaces the former one."""
        ...

    async def admitted(self, admissions: Sequence[Admission]) -> None:
        """Settle those that became messages; again does nothing."""
        ...

    async def discard(self, digest: bytes, *, actor: str, reason: str) -> None:
        """Settle one as of no use; audited, and kept. Raises `LetterNotFound`, or `LetterSettled`."""
        ...
