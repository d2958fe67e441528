"""Ports to the business's figures: committed lines that are counted once each, and the sums that came of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from schemas.keys import ActorKey
from schemas.verdicts import FailureClass


@dataclass(frozen=True, slots=True)
class Said:
    """The message of a line. `type` has its version.

    `legal_entity` is the one that its data names at the top. `body` is the event in structured mode, of the few types
    that are looked into (`LOOKED_INTO`) and None of all others.
    """

    ref: UUID
    source: str
    type: str
    received_at: datetime
    legal_entity: str | None = None
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a command is about, where its body says it.

    `amount` is without sign for what is booked, below zero for what is taken back; `day` is that of the work.
    """

    legal_entity: str | None = None
    currency: str | None = None
    amount: Decimal | None = None
    day: date | None = None
    line_id: str | None = None
    """The line of the sheet or report."""


@dataclass(frozen=True, slots=True)
class Sent:
    """The command of a line, as the sent log has it. `version`: that of its entity when it was asked for.

    `is_confirmed`: whether its system has the effect.
    """

    operation: str
    line: str
    version: int
    is_confirmed: bool
    about: About


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the timeline: a verdict, or what became of a command (`command_done`, `command_parked`).

    `message` and `command` are None, too, where they are older than the policy keeps them.
    """

    seq: int
    at: datetime
    key: ActorKey
    what: str
    version: int = 0
    message: Said | None = None
    command: Sent | None = None


class CaseChange(StrEnum):
    """What happened to a case."""

    OPENED = "opened"
    REOPENED = "reopened"
    """It was closed and came again, or it asks anew."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class CaseLine:
    """Something happened to a case; `opened_at` is when it was opened last before."""

    seq: int
    at: datetime
    what: CaseChange
    failure_class: FailureClass
    opened_at: datetime


LOOKED_INTO: Final = ("project.opportunity_won", "invoice.disputed", "timesheet.invoiced", "expense.invoiced")
"""Event types, without version, whose bodies are read; and those of what people do, `<entity>.acted`."""


class Place(NamedTuple):
    """Where something is added. `legal_entity` and `currency` are empty where there is none.

    `label` divides a measure further: the bound of a duration, the month of some work; else it is empty. `day` is that
    of the line, by the database's clock in UTC.
    """

    measure: str
    legal_entity: str
    currency: str
    label: str
    day: date


@dataclass(frozen=True, slots=True)
class Added:
    """How many things, and what they come to: money, or seconds."""

    count: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class Kept:
    """What is remembered of a key between its lines, as JSON. `since`: when it began to wait for its project."""

    body: bytes
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reached:
    """How far both logs are read. `missing`: numbers that were passed, as their lines may still be committed.

    `found`: numbers that were missing before and are not any more, since their lines came, or never will.
    """

    timeline: int
    cases: int
    missing: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())
    found: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())


@dataclass(frozen=True, slots=True)
class Page:
    """The next lines of both logs, each in the order of its numbers; lines of one key come in their order.

    `turn` counts what was added so far, so that a page is added once. `since`: earlier days are not counted again.
    """

    turn: int
    reached: Reached
    lines: Sequence[Line]
    cases: Sequence[CaseLine]
    since: date | None = None
    is_last: bool = True
    """Whether nothing more stands in the logs for now."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What a page comes to. `kept` of None: nothing is to be remembered of the key any more."""

    page: Page
    added: Mapping[Place, Added]
    kept: Mapping[ActorKey, Kept | None] = field(default_factory=dict)


class Books(Protocol):
    """What was committed, read in its order behind a position, and counted exactly once. For one task at a time.

    Verbs raise `StoreUnavailable`.
    """

    async def page(self, *, most: int) -> Page:
        """The next lines, about `most` of each log. None is ever left out, however late it is committed."""
        ...

    async def kept(self, keys: Collection[ActorKey]) -> dict[ActorKey, bytes]:
        """What is remembered of some keys."""
        ...

    async def add(self, counted: Counted) -> bool:
        """Add what a page comes to, together with the position behind it; False: another process has read on."""
        ...

    async def restart(self, *, since: date | None) -> None:
        """Forget the sums of all days, or from a day on, and read what is kept again from its beginning."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over days; `last` is the last of them on which something was added."""

    measure: str
    legal_entity: str
    currency: str
    label: str
    count: int
    total: Decimal
    last: date


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to before `end`, of one legal entity or of all."""

    first: date
    end: date
    legal_entity: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What of one flow stands still now: how many, since when the oldest, and their money by currency."""

    flow: str
    count: int
    oldest: datetime | None
    money: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far counting has come: `until` is when the newest counted line was committed, `at` the database's clock.

    `uncounted` is when the oldest line behind it was committed, None where everything is counted.
    """

    at: datetime
    until: datetime | None
    uncounted: datetime | None = None


class Kpis(Protocol):
    """Sums and what waits, as they are shown. Verbs raise `StoreUnavailable`."""

    async def sums(self, period: Period, *, stocks: Collection[str] = (), months: Collection[str] = ()) -> list[Sum]:
        """Sums of all measures over a period.

        Those named in `stocks` are summed from the very first day on; those in `months` are labelled by the month that
        they belong to (`2026-03`), and of them all days are summed whose month ends in the period.
        """
        ...

    async def waiting(self) -> list[Waiting]:
        """What waits now: each flow once."""
        ...

    async def progress(self) -> Progress:
        """How far counting has come."""
        ...

    async def close(self) -> None: ...
