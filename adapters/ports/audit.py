"""Port to the operators' audit: what they did and why, as a chain in which a change, a gap, or an addition shows.

Acts are written by the verbs that do them, in the same transaction. Behind them each is sealed, in the order of their
numbers: its seal is the SHA-256 of the seal before it (32 bytes of zero before the first) and of the act's text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final, Protocol
from uuid import UUID

NOTHING_BEFORE: Final = bytes(32)
"""What stands in place of a seal before the first one."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did. `action` is a family and a verb (`lane.retry`); `at` is the database's clock.

    `entity` and `key` say on what, `ref` by which message, each where there is one.
    """

    id: int
    at: datetime
    actor: str
    action: str
    entity: str | None
    key: str | None
    ref: UUID | None
    reason: str


@dataclass(frozen=True, slots=True)
class Seal:
    """The link of one act. Places are counted from 1, without gaps; `act` is its number."""

    place: int
    act: int
    sealed_at: datetime
    previous: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class SealedAct:
    """An act as it is shown; `seal` is None until it is sealed."""

    act: Act
    seal: Seal | None


@dataclass(frozen=True, slots=True)
class Link:
    """What is stored under one number up to which all is sealed: an act and its seal, unless somebody tampered."""

    id: int
    act: Act | None
    seal: Seal | None


@dataclass(frozen=True, slots=True)
class Head:
    """The last seal: worth noting elsewhere, for whoever can change every row cannot change the note."""

    place: int
    hash: bytes

    def __str__(self) -> str:
        return f"{self.place}:{self.hash.hex()}"

    @classmethod
    def read(cls, text: str) -> Head:
        """The head that was written as `str` does. Raises `ValueError`."""
        place, _, digest = text.partition(":")
        found = bytes.fromhex(digest)
        if not (place.isascii() and place.isdigit() and len(place) < 19 and len(found) == len(NOTHING_BEFORE)):
            raise ValueError("a head is a place, a colon, and 64 hex digits")
        return cls(int(place), found)


@dataclass(frozen=True, slots=True)
class Chain:
    """How far sealing has come: acts with numbers up to `through`, and all that were committed before `until`.

    `until` is None before the first pass. `unsealed` are the acts behind that.
    """

    head: Head
    through: int
    until: datetime | None
    unsealed: int


@dataclass(frozen=True, slots=True)
class ActFilter:
    """Which acts; None: any. `action` is one, or a family of them; times are from `since` to before `until`."""

    actor: str | None = None
    action: str | None = None
    entity: str | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None


ANY_ACT: Final = ActFilter()


class Audit(Protocol):
    """What operators did, as it is shown and checked. Verbs raise `StoreUnavailable`."""

    async def page(self, chosen: ActFilter, *, before: int | None, limit: int) -> list[SealedAct]:
        """Acts with numbers below `before`, newest first."""
        ...

    async def chain(self) -> Chain:
        """How far sealing has come."""
        ...

    async def links(self, *, after: int, through: int, limit: int) -> list[Link]:
        """What is stored under the numbers behind `after` up to `through`, in their order."""
        ...

    async def close(self) -> None: ...


class Sealing(Protocol):
    """Seals what operators did. Verbs raise `StoreUnavailable`."""

    async def seal(self, *, page: int) -> int | None:
        """Seal up to `page` acts that were committed before an earlier call; how many, None: another one is at it."""
        ...

    async def until(self) -> datetime | None:
        """The moment before which everything that was committed is sealed."""
        ...

    async def close(self) -> None: ...


def sealed(place: int, at: datetime, act: Act, previous: bytes) -> Seal:
    """The seal of an act at its place."""
    return Seal(place, act.id, at, previous, sha256(previous + _text(place, at, act).encode()).digest())


def _text(place: int, at: datetime, act: Act) -> str:
    """As PostgreSQL writes a JSON array: the function `audit_text` is the same."""
    ref = None if act.ref is None else str(act.ref)
    parts = [place, _moment(at), act.id, _moment(act.at), act.actor, act.action, act.entity, act.key, ref, act.reason]
    return json.dumps(parts, ensure_ascii=False)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
