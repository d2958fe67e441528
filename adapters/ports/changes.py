"""Ports of change reading: records of a system that changed, as events, and how far they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


class FeedUnavailable(RuntimeError):
    """The system did not answer, or let us not in; the text says which, and what to change where a person must."""


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as it is published, but for its source and id. `data` is JSON; the door checks it as it checks all.

    `type` carries its version (`project.opportunity_won.v1`).
    """

    type: str
    subject: str
    time: datetime
    data: bytes


class Version(NamedTuple):
    """One version of a record: the vendor's id of it, and a text that differs between any two of its versions."""

    id: str
    version: str


@dataclass(frozen=True, slots=True)
class Change:
    """A record as it stood when it was read, and what that means; `facts` are in the order to publish them in."""

    version: Version
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Changed records, oldest change first. `next`: where the next page begins, None after the last."""

    changes: tuple[Change, ...]
    next: str | None


class Feed(Protocol):
    """The changed records of one kind in one system. Raises `FeedUnavailable`."""

    @property
    def record(self) -> str:
        """The vendor's name of the kind of record."""
        ...

    async def now(self) -> datetime:
        """The system's clock, by which it stamps changes."""
        ...

    async def page(self, since: datetime | None, until: datetime, start: str | None) -> Page:
        """A page of what changed from `since` (None: from the beginning) to `until`, both included."""
        ...


@dataclass(frozen=True, slots=True)
class Position:
    """How far a kind of record is read: all changes up to `read_until`, by the system's clock; None: nothing yet."""

    system: str
    record: str
    read_until: datetime | None


class Positions(Protocol):
    """How far each system is read, and the versions that were published of what the next look will see again.

    One process at a time reads a system: who holds it. Raises `StoreUnavailable`; what is held is lost with it.
    """

    async def hold(self, system: str) -> bool:
        """Become the one that reads `system`; False while another does. Held until `close`, or the connection ends."""
        ...

    async def position(self, system: str, record: str) -> Position:
        """How far it is read."""
        ...

    async def unseen(self, system: str, record: str, versions: Sequence[Version]) -> list[Version]:
        """Those that were not published yet, in the order given."""
        ...

    async def saw(self, system: str, record: str, versions: Sequence[Version]) -> None:
        """These are published, and confirmed by the broker."""
        ...

    async def advance(self, position: Position, *, forget_before: datetime) -> None:
        """All up to `position` is published; versions published before `forget_before` cannot be seen again."""
        ...

    async def close(self) -> None: ...
