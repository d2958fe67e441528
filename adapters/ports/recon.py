"""Ports of reconciliation: its runs, what they found, and how a run comes along."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, Protocol

from schemas.keys import ActorKey
from schemas.standing import Standing, key_of


class Kind(StrEnum):
    """The closed set of differences, as seen from us."""

    MISSING = "missing"
    """We hold it, and the system has no such entry."""
    EXTRA = "extra"
    """The system has it, and we do not hold it."""
    DIFFERENT = "different"
    """Both have it, and say other things of it."""
    TWICE = "twice"
    """The system has it once more than we hold it."""


class Place(NamedTuple):
    """What totals are by."""

    legal_entity: str
    currency: str


Sums = Mapping[Place, Decimal]
"""Money by place; what has none is left out."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. `fields` are those that differ, of a `different` entry alone.

    `effect` is by how much the system has more for it than we hold, of what the run is about. `case` is the open case
    in which it stands, if it stands in one.
    """

    kind: Kind
    name: str
    ours: Standing | None
    theirs: Standing | None
    fields: tuple[str, ...] = ()
    effect: Sums = field(default_factory=dict)
    case: int | None = None

    @property
    def shown(self) -> Standing:
        """What it is about, as we have it, else as the system has it."""
        found = self.ours or self.theirs
        if found is None:
            raise ValueError(f"{self.name}: a difference has one side at least")
        return found

    @property
    def key(self) -> ActorKey | None:
        """Whose entry it is; None for one that we do not hold, and that is not ours by its reference."""
        return key_held(self.name, self.ours)

    @property
    def mark(self) -> str:
        """By what the same difference is known in another run."""
        other = self.theirs.external_id if self.theirs is not None and self.kind is not Kind.DIFFERENT else None
        return f"{self.kind} {self.name} {other or ''}"


def key_held(name: str, ours: Standing | None) -> ActorKey | None:
    """The key whose state holds an entry, which an invoice that the ERP issued has too; else the one in its name."""
    return key_of(name) if ours is None or ours.key is None else ours.key


class Phase(StrEnum):
    """How far a run is."""

    THEIRS = "theirs"
    """The system's books are read."""
    OURS = "ours"
    """What we hold is read."""
    COMPARING = "comparing"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens."""
        return self in (Phase.DONE, Phase.FAILED)


@dataclass(frozen=True, slots=True)
class RunAsked:
    """What is to be reconciled: a system, the days from `first` to `last`, all of it or one entity or legal entity.

    `schedule` is the policy's name of it where nobody asked on purpose.
    """

    system: str
    first: date
    last: date
    entity: str | None = None
    legal_entity: str | None = None
    schedule: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """Of one legal entity and currency: `theirs` less `ours` is `on_its_way` and the effects of all differences."""

    place: Place
    ours: Decimal
    theirs: Decimal
    on_its_way: Decimal


@dataclass(frozen=True, slots=True)
class Tally:
    """What a run has come to so far. `counts` are by entity and kind; `on_its_way` counts names, not differences."""

    totals: tuple[Total, ...] = ()
    counts: Mapping[tuple[str, Kind], int] = field(default_factory=dict)
    on_its_way: int = 0
    entries: int = 0
    """Entries of the system that were read."""

    @property
    def differences(self) -> int:
        """How many were found."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Run:
    """A run. Times are the store's clock. `cursor` is where its phase goes on; `reason` is why it failed."""

    id: int
    asked: RunAsked
    by: str
    started_at: datetime
    phase: Phase = Phase.THEIRS
    cursor: str | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    tally: Tally = field(default_factory=Tally)
    kept: int = 0
    """Differences that are kept; the rest are counted alone."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The runs of one schedule: the `newest`, the newest that is `done`, and how many have `failed` since that one."""

    newest: Run | None = None
    done: Run | None = None
    failed: int = 0


class RunClickReused(ValueError):
    """The caller's key belongs to another request."""


@dataclass(frozen=True, slots=True)
class Beside:
    """Differences that another run found too, or did not."""

    run: int
    found: bool


class Numbered(NamedTuple):
    """A difference and its number within its run."""

    number: int
    difference: Difference


class Runs(Protocol):
    """What was reconciled, and what came of it. All verbs raise `StoreUnavailable`."""

    async def begin(self, asked: RunAsked, *, by: str, click: str) -> Run:
        """A new run; the same `click` of the same caller again is the same run. Audited. Raises `RunClickReused`."""
        ...

    async def cancel(self, id: int, *, by: str, reason: str) -> Run | None:
        """End a run as failed, audited; one that is over stays as it is. The run then, None if there is no such run."""
        ...

    async def run(self, id: int) -> Run | None:
        """One run."""
        ...

    async def page(self, *, system: str | None, before: int | None, limit: int) -> list[Run]:
        """The newest runs, or those before one, newest first."""
        ...

    async def scheduled(self, schedule: str, system: str) -> Scheduled:
        """What became of the runs that a schedule of this name has begun of a system, and of no others."""
        ...

    async def differences(
        self, run: int, *, kind: Kind | None, beside: Beside | None, after: int, limit: int
    ) -> list[Numbered]:
        """Differences of a run behind number `after`, in their order."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...


class Group(NamedTuple):
    """What both sides have under one name. Of our side there is one entry at most."""

    name: str
    ours: Standing | None
    theirs: tuple[Standing, ...]

    @property
    def key(self) -> ActorKey | None:
        """Whose entry it is; None for one that we do not hold, and that is not ours by its reference."""
        return key_held(self.name, self.ours)


class RunWork(Protocol):
    """How runs come along, by one process at a time: who holds them. All verbs raise `StoreUnavailable`.

    What is kept twice stands once, so that whoever dies between two pages reads one again. A run is written as it was
    read: once another process has taken it further, which happens to one that lost its hold unknowingly, nothing is.
    """

    async def hold(self) -> bool:
        """Become the one that works on runs; False while another process does. Held until `close`."""
        ...

    async def next(self, *, behind: int = 0, without: Collection[int] = (), unread: Collection[str] = ()) -> Run | None:
        """Of the runs that are not over the oldest one begun after the run `behind`, else the oldest.

        Passed over are those named in `without`, and those that would read the books of a system in `unread`.
        """
        ...

    async def keep(
        self, run: Run, entries: Sequence[Standing], *, ours: bool, phase: Phase, cursor: str | None
    ) -> None:
        """Keep entries of one side, and where the run goes on. It begins to compare with nothing."""
        ...

    async def groups(self, run: int, *, after: str | None, limit: int) -> list[Group]:
        """The entries of the next `limit` names, in the order of names by code point."""
        ...

    async def found(self, run: Run, differences: Sequence[Difference], tally: Tally, *, cursor: str) -> None:
        """Add differences behind those that are kept, and say what the run has come to and where it goes on."""
        ...

    async def end(self, run: Run, reason: str | None = None) -> None:
        """The run is done or, with a reason, has failed."""
        ...

    async def clear(self, *, limit: int) -> bool:
        """Remove up to `limit` entries that runs which are over have kept to compare; whether there may be more."""
        ...

    async def close(self) -> None:
        """Close the connection, and hold nothing any more."""
        ...
