"""Ports of change reading: records of a system that changed, as events, and how far they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from adapters.ports.turns import StoreUnavailable


class FeedUnavailable(RuntimeError):
    """The system did not answer, or let us not in; the text says which, and what to change where a person must."""


class NotHeld(StoreUnavailable):
    """The connection that held a system is gone, and the hold with it: another process may read by now."""


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
    """One version of a record: the vendor's id of it, and a text that differs between any two of its versions.

    The same version means the same facts, byte by byte: what else they are made of belongs into the text too.
    """

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
    """The changed records of one kind in one system. All verbs but `close` raise `FeedUnavailable`."""

    @property
    def record(self) -> str:
        """The vendor's name of the kind of record."""
        ...

    async def now(self) -> datetime:
        """The system's clock, by which it stamps changes."""
        ...

    async def page(self, since: datetime | None, until: datetime, start: str | None) -> Page:
        """A page of what changed from `since` (None: from the beginning) to `until`, both included.

        A record that stands still from the first page of a look to the last is in one of them, though others change
        meanwhile and leave the window.
        """
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


@dataclass(frozen=True, slots=True)
class Position:
    """How far a kind of record is read: all changes up to `read_until`, by the system's clock; None: nothing yet.

    `looked_at` is when the look began that read so far, and `at` is when this was asked, both by the store's clock.
    """

    system: str
    record: str
    read_until: datetime | None
    looked_at: datetime | None
    at: datetime


class Positions(Protocol):
    """How far each system is read, and the versions that were published of what the next look will see again.

    One process at a time reads a system: who holds it. All verbs raise `StoreUnavailable`, and all but `hold` and
    `close` raise `NotHeld` once the connection that holds the system is gone.
    """

    async def hold(self, system: str) -> bool:
        """Become the one that reads `system`; False while another does. Held until `close`, or the connection ends."""
        ...

    async def position(self, system: str, record: str) -> Position:
        """How far it is read; from now on we are shown as its reader."""
        ...

    async def unseen(self, system: str, record: str, versions: Sequence[Version]) -> list[Version]:
        """Those that were not published yet, each once, in the order given."""
        ...

    async def saw(self, system: str, record: str, versions: Sequence[Version], *, until: datetime) -> None:
        """These are published, and confirmed by the broker. None changed after `until`, by the system's clock."""
        ...

    async def advance(
        self, position: Position, read_until: datetime, *, forget_before: datetime, forget: int = 10_000
    ) -> None:
        """The look that began with `position` is over: all up to `read_until` is published.

        Up to `forget` versions that were seen with an `until` before `forget_before` go.
        """
        ...

    async def failed(self, system: str, record: str, reason: str) -> None:
        """The look did not end, for this reason, which is shown until one does."""
        ...

    async def close(self) -> None:
        """Close the connection, and hold nothing any more."""
        ...


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """How the reading of one kind of record stands at `at`, by the store's clock; for people, and never acted on.

    `read_until` is by the system's clock. `looked_at` is when the last look began that came to its end; `failure` is
    what ended the last one before that, at `failed_at`, or None. `reader` is the process that reads, or was the last.
    """

    at: datetime
    system: str
    record: str
    reader: str
    read_until: datetime | None
    looked_at: datetime | None
    failure: str | None
    failed_at: datetime | None


class Readers(Protocol):
    """What operators see of change reading."""

    async def readers(self) -> list[ReaderRow]:
        """All that were ever read, by system and record. Raises `StoreUnavailable`."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
