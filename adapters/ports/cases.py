"""Ports to cases: what a person must settle, as it is listed and shown, and what people do about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, Protocol, TypeAlias
from uuid import UUID

from adapters.ports.reach import EVERYWHERE, Reach
from schemas.acts import Act
from schemas.verdicts import FailureClass, Verdict


class Closed(StrEnum):
    """How a case came to its end."""

    SETTLED = "settled"
    """A decision has settled its topic."""
    SUCCEEDED = "succeeded"
    """Its message went through, or its command was settled."""
    RETRIED = "retried"
    """A person let it run again; should it fail again, the case is reopened."""
    DISCARDED = "discarded"
    """A person ended its message."""
    SUPERSEDED = "superseded"
    """A newer message took the place of its message."""
    RESOLVED = "resolved"
    """A person said that nothing is left to do."""


class Outcome(StrEnum):
    """What came of an act."""

    DONE = "done"
    IGNORED = "ignored"
    """The key's decision did not take it; it says why."""
    REFUSED = "refused"
    """It did not fit what stands there."""


def fingerprint(failure_class: FailureClass, code: str, system: str | None, field: str | None) -> str:
    """What groups cases of one cause; the same digest as `tallystick.fingerprint` of the database."""
    cause = "\x1f".join((failure_class, code, system or "", field or ""))
    return sha256(cause.encode()).digest()[:8].hex()


def act_id(case: int, act: int) -> str:
    """Names an act among all of one person on one key: it is told to the key under this id, however often."""
    return f"case-{case}-act-{act}"


def act_event_id(entity: str, key: str, by: str, id: str) -> str:
    """The id of the event that tells a key of an act; the same digest as `tallystick.act_event_id` of the database.

    Ids of callers are their own: another person's, or about another key, is another act.
    """
    return sha256(f"{entity}\x1f{key}\x1f{by}\x1f{id}".encode()).hexdigest()


@dataclass(slots=True)  # frozen, a page of them would take three times as long to make
class CaseRow:
    """A case. `opened_at`: when it was opened last, `first_at`: for the first time; `version` changes with it.

    `ref` and `command_id` are the message or the command that it is about, or, with a `topic`, that opened it last.
    `owner` is the role that its decision named, None: whoever the class belongs to. `money` is what stands still, by
    currency. `count`: how often it was opened while it stood open or anew, `reopened`: how often after it was closed.
    `closed_by`: who closed it, also by an act on which its key has decided; None if nobody acted.
    """

    id: int
    version: int
    entity: str
    key: str
    topic: str | None
    ref: UUID | None
    command_id: UUID | None
    failure_class: FailureClass
    code: str
    field: str | None
    system: str | None
    reason: str
    fingerprint: str
    owner: str | None
    assignee: str | None
    acts: tuple[Act, ...]
    money: Mapping[str, Decimal]
    count: int
    reopened: int
    first_at: datetime
    opened_at: datetime
    remind_at: datetime | None
    due_at: datetime | None
    closed_at: datetime | None
    closed_how: Closed | None
    closed_by: str | None


@dataclass(frozen=True, slots=True)
class Owned:
    """Cases of a role: those that name it, and those that name nobody and are of one of its classes."""

    role: str
    classes: Collection[FailureClass] = ()


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are meant; what is None does not matter. `within` goes by the `legal_entity` of the key's state."""

    is_open: bool = True
    failure_class: FailureClass | None = None
    owned: Owned | None = None
    assignee: str | None = None
    entity: str | None = None
    key: str | None = None
    fingerprint: str | None = None
    within: Reach = EVERYWHERE


GroupPlace: TypeAlias = tuple[int, str, str]
"""Where a group stands: by its number of cases, its cause, and its named owner, empty where nobody is named."""


@dataclass(slots=True)  # frozen, a page of them would take three times as long to make
class CaseGroup:
    """Cases of one cause and one named owner: how many, their money, since when the oldest, and its reason.

    `first` is the number of the oldest.
    """

    first: int
    fingerprint: str
    failure_class: FailureClass
    code: str
    field: str | None
    system: str | None
    owner: str | None
    cases: int
    oldest: datetime
    money: Mapping[str, Decimal]
    reason: str

    @property
    def place(self) -> GroupPlace:
        """As it stands while `owner` is the named one."""
        return self.cases, self.fingerprint, self.owner or ""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a case without a topic is about, as it stands now.

    `verdict` is its message's, None if there is none any more; `position` its place in its lane, `is_head` whether that
    is the first. `command`: whether its command is `open` or `parked`, None once it is settled.
    """

    verdict: Verdict | None = None
    position: int | None = None
    is_head: bool = False
    command: str | None = None


@dataclass(frozen=True, slots=True)
class CaseNote:
    """What somebody has written about a case."""

    at: datetime
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class CaseAct:
    """What somebody has done about a case; without an outcome nobody knows what came of it."""

    at: datetime
    by: str
    act: Act
    reason: str
    outcome: Outcome | None
    told: str | None


@dataclass(frozen=True, slots=True)
class CaseFile:
    """Everything about one case; notes and acts oldest first.

    `editors` are the people who have changed what its key was told: who edited a message of it, and who answers for an
    API key that did, or that edited a case of it.
    """

    case: CaseRow
    standing: Standing
    notes: tuple[CaseNote, ...]
    acts: tuple[CaseAct, ...]
    editors: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a case by a person. With `assigns` it goes to `assignee`, None: to nobody."""

    assigns: bool = False
    assignee: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Click:
    """An act as a person with these `roles` asks for it. `key` is the caller's own name of it.

    The same key again is the same act, whatever the roles are by then; with another act, reason, or changes it is
    refused.
    """

    act: Act
    actor: str
    reason: str
    changes: Mapping[str, Any] | None = field(default=None)
    key: str | None = None
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Begun:
    """An act that is written down.

    `seen`: what the case asked then (see `schemas.facts.Case.asks`). `is_again`: the same click was there before, with
    these `roles` and what it had `seen`, and `outcome` is what came of it, None if nobody knows.
    """

    id: int
    roles: tuple[str, ...] = ()
    seen: str | None = None
    is_again: bool = False
    outcome: Outcome | None = None
    told: str | None = None


class CaseNotFound(LookupError):
    """There is no such case."""


class CaseChanged(RuntimeError):
    """The case is not as the person has seen it: look again."""


class CaseStands(RuntimeError):
    """The case is closed, or what it is about still stands: it cannot be resolved."""


class ClickReused(ValueError):
    """The key of the click belongs to another act."""


class Cases(Protocol):
    """Cases as they are listed and shown. All verbs raise `StoreUnavailable`."""

    async def find(self, chosen: CaseFilter, *, after: int, limit: int) -> list[CaseRow]:
        """The first `limit` cases with a greater number than `after`, in the order of their numbers."""
        ...

    async def groups(self, chosen: CaseFilter, *, after: GroupPlace | None, limit: int) -> list[CaseGroup]:
        """The `limit` largest groups by cause and named owner; only those behind `after`."""
        ...

    async def file(self, id: int) -> CaseFile:
        """One case. Raises `CaseNotFound`."""
        ...

    async def remind(self, *, page: int) -> int:
        """Tell once of each open case whose time to be reminded has come, and once when it is overdue; how many.

        Up to `page` of both kinds each.
        """
        ...

    async def end_acts(self, *, page: int) -> int:
        """Write down what came of up to `page` acts whose events have ended meanwhile, in their lanes; how many."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class CaseActs(Protocol):
    """What people do about cases, audited. All verbs raise `StoreUnavailable`, and `CaseNotFound`."""

    async def edit(self, id: int, edit: Edit, *, version: int, actor: str) -> None:
        """Change a case that still has this version. Raises `CaseChanged`."""
        ...

    async def again(self, id: int, click: Click) -> Begun | None:
        """The same click, if it was there before. Raises `ClickReused`, but not `CaseNotFound`."""
        ...

    async def begin(self, id: int, click: Click, *, version: int | None = None) -> Begun:
        """Write an act down before it is done. `version` is the one that its author has seen, None: not told.

        What the case asks is written down with it. Raises `ClickReused`, and `CaseChanged` for a new act on a case that
        has another version.
        """
        ...

    async def end(self, begun: Begun, outcome: Outcome, told: str) -> None:
        """Write down what came of it."""
        ...

    async def resolve(self, id: int, *, actor: str) -> None:
        """Close a case about which nothing stands any more. Raises `CaseStands`."""
        ...
