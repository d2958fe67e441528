"""Port to the outbox: leases per (system, key), the log of attempts, and notices to publish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from adapters.ports.gate import Heard, Hold, Limits
from schemas.commands import Command
from schemas.keys import ActorKey
from schemas.verdicts import FailureClass

NO_LIMITS: Final = Limits()


class Ending(StrEnum):
    """How an attempt ended, as its sender recorded it."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    """Nothing was done, and no attempt is spent."""
    UNKNOWN = "unknown"
    UNSENT = "unsent"
    """Its first byte was never sent."""
    UNANSWERED = "unanswered"
    """The system was asked for the effect, and did not answer."""
    ABSENT = "absent"
    """Asked when no earlier attempt could still land, the system had no effect: everything before this is over."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a command, logged before its first byte.

    `ending` is None while nobody has recorded one: the sender is at it, or fell silent. `started_for` and `ended_for`
    are the numbers of seconds since it was started and since the recorded end, by the database's clock; `ended_for` is
    None without an end.

    `found_generation`: the latest later generation of the command whose effect the system was found to have, with the
    system's own id for it in `external_id`; None: none was found.
    """

    number: int
    ending: Ending | None
    started_for: float
    ended_for: float | None
    external_id: str | None = None
    failure_class: FailureClass | None = None
    code: str | None = None
    reason: str | None = None
    found_generation: int | None = None


@dataclass(frozen=True, slots=True)
class LostTime:
    """What a restored database does not know: the seconds since the restored point, and since the restore was declared.

    Attempts between the two may have been made, and are not in the log.
    """

    started_for: float
    ended_for: float


@dataclass(frozen=True, slots=True)
class Leased:
    """A command of a (system, key) that this process now has the lease for, and earlier attempts at it.

    `attempt` is the number under which the next attempt is already logged; numbers rise and are never used again.
    `earlier` leaves out attempts that decide nothing: deferred and unsent ones, which the log forgets. With `lost` the
    system is asked before anything is sent. `is_resent`: its result was decided on long ago, and it is sent again
    because its system may have lost it; `earlier` has the attempts since then.
    """

    command: Command
    token: UUID
    attempt: int
    earlier: tuple[Attempt, ...]
    lost: LostTime | None = None
    is_resent: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt's end, to record. `hold` keeps the command back for so many seconds; None: it has a final outcome.

    Ends of a run are recorded in one call.
    """

    command: Command
    token: UUID
    attempt: int
    ending: Ending
    external_id: str | None = None
    failure_class: FailureClass | None = None
    code: str | None = None
    reason: str | None = None
    hold: float | None = None
    heard: Heard | None = None
    """What it has shown of the system; None: the system was not asked."""
    found_generation: int | None = None
    """See `Attempt`."""


def with_results(ended: Iterable[Ended]) -> set[tuple[UUID, ActorKey]]:
    """The leases, by token and key, under which one of these has a final outcome: the decision on it ends the lease."""
    return {(end.token, end.command.key) for end in ended if end.hold is None}


@dataclass(frozen=True, slots=True)
class SendLane:
    """A (system, key) whose head may be sent now and that nobody has the lease for."""

    system: str
    key: ActorKey


def one_system(lanes: Sequence[SendLane]) -> str:
    """The system of all these lanes; raises ValueError when there are several."""
    [system] = {lane.system for lane in lanes}
    return system


@dataclass(frozen=True, slots=True)
class Claimed:
    """What came of a claim. `left`: lanes that the gate did not let pass, because of `hold`, or that were too many.

    Behind lanes whose commands fill the claim none is looked at. The others are leased now, by us or somebody else, or
    have nothing to send.

    In `leased` commands of one key stand next to each other, in their order: its head, or a run, which is the head and
    the commands right behind it, of one operation and legal entity, all of them due and without any earlier attempt
    that decides anything. A run is under one lease and within one request. None is of a key whose log a
    restore has cut.
    """

    leased: Sequence[Leased] = ()
    left: Sequence[SendLane] = ()
    hold: Hold | None = None


class Outbox(Protocol):
    """Commands not settled. One lease per (system, key); only the lease's token releases it."""

    async def claim(
        self, lanes: Sequence[SendLane], *, holder: UUID, token: UUID, limits: Limits = NO_LIMITS
    ) -> Claimed:
        """Take the leases that are free, read each head, or run, after its lease is taken, and log the attempts.

        All lanes are of one system, whose gate says how many requests may be made for them. A lane with no head, a
        parked head, or a head held back is not leased; none is while a restore holds them.
        """
        ...

    async def free(self, system: str, *, after: ActorKey | None, limit: int) -> list[SendLane]:
        """A page, in key order, of lanes of `system` whose head is due and that have no lease."""
        ...

    async def record(self, ended: Sequence[Ended]) -> None:
        """Record ends of attempts, and tell the gates what was heard; idempotent, and only under the attempt's token.

        A lease is given back unless one of these ends under it is without `hold`, see `with_results`.
        """
        ...

    async def abandon(self, token: UUID) -> None:
        """The answer to a claim was lost and nothing of it was sent: end its attempts as unsent, free its leases."""
        ...

    async def beat(self, holder: UUID) -> dict[UUID, int]:
        """Count this process's heartbeat up; the counters of all processes that hold leases."""
        ...

    async def take_over(self, silent: Sequence[UUID]) -> int:
        """Free the leases of processes whose heartbeat stood still; their attempts stay without an end."""
        ...


@dataclass(frozen=True, slots=True)
class NoticeRow:
    """A committed fact that is not published yet. `place` is its place within its commit, the same at each reading."""

    id: int
    place: int
    routing_key: str
    body: bytes


class Notices(Protocol):
    """Notices, in the order in which their keys committed."""

    async def pending(self, *, limit: int) -> list[NoticeRow]:
        """The oldest commits' notices that are not published, whole commits up to the one that makes them `limit`.

        One commit's notices share one id.

        One process at a time is answered, until it closes or is gone; the others are told of nothing.
        """
        ...

    async def published(self, ids: Sequence[int]) -> None:
        """Forget them."""
        ...

    async def close(self) -> None:
        """Let another process publish."""
        ...
