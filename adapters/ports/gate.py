"""Port to the gates: what holds the commands to one system back, kept with the outbox and shared by all processes.

A claim asks the gate of its system and a record tells it what was heard, each inside of the same round trip. This port
is for those who look at gates, and for operators.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

CASE_ENTITY = "system"
"""The entity under which the case of a system that refuses our credentials stands; its key is the system's name."""


class HoldReason(StrEnum):
    """What holds commands back."""

    UNLISTED = "unlisted"
    """The policy file does not list the system: nothing is sent to it, and it has commands."""
    RESTORE = "restore"
    """The database was restored, and no person has released its commands."""
    PAUSED = "paused"
    """An operator has paused the system, or it refuses our credentials."""
    BREAKER = "breaker"
    """It failed again and again: it is left alone, or one command is on its way to try it."""
    RETRY_AFTER = "retry_after"
    """It asked us to come back later."""
    WINDOW = "window"
    """The policy lets nothing be posted at this time."""
    QUOTA = "quota"
    """As much as the policy allows for a day has been sent."""
    RATE = "rate"
    """As much as the policy allows for a second has been sent."""
    CONCURRENCY = "concurrency"
    """As many requests as the policy allows are in flight, over all processes."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why no more may be leased now. `seconds`: for how long, None where nobody can tell."""

    reason: HoldReason
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Limits:
    """What the policy allows for one system.

    `concurrency` requests in flight; `rate` requests per second on average and `burst` at once; `quota` requests
    between two of the instants in `resets`, of which the database's clock picks those around it, so they must reach
    from before now to after it. None: no limit.

    An attempt is one request, unless `together` has its operation: then up to so many attempts of one claim, at
    commands of one legal entity, are one. An attempt at a command whose earlier ones had no clear end stays alone.

    With an operation that is `in_order`, too, one request may hold a run: several commands of one key, see
    `adapters.ports.outbox.Claimed`. A claim takes `most` attempts at most, whatever the gate lets pass.
    """

    concurrency: int | None = None
    rate: float | None = None
    burst: int = 1
    quota: int | None = None
    resets: Sequence[datetime] = ()
    together: Mapping[str, int] = field(default_factory=dict)
    in_order: frozenset[str] = frozenset()
    most: int | None = None

    @property
    def largest(self) -> int:
        """The most attempts that one request can be."""
        return max(self.together.values(), default=1)

    @property
    def longest(self) -> int:
        """The most commands of one key that one request can be."""
        return max((size for operation, size in self.together.items() if operation in self.in_order), default=1)


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """Open after `failures` in a row, for `open_for` seconds, and twice as long after each trial, up to `longest`."""

    failures: int = 5
    open_for: float = 10.0
    longest: float = 300.0


class Speech(StrEnum):
    """What an attempt has shown of its system, whatever it came to for the command."""

    WELL = "well"
    """It answered: it works, also if it refused the command."""
    FAILED = "failed"
    """It cannot be reached, or fails."""
    NEITHER = "neither"
    """It asked us to wait, or did not begin what follows another command: no sign of health or illness."""
    REFUSED = "refused"
    """It does not accept our credentials: no command will go through until a person has acted."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What an attempt has shown, under the rule of its system's breaker.

    `wait`: the system shall be left alone for so many seconds.
    """

    speech: Speech
    rule: BreakerRule
    wait: float | None = None


class BreakerState(StrEnum):
    """`half_open`: one command at a time may try whether the system is back."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class GateRow:
    """A gate as it stands at `at`, by the database's clock, as is every other time.

    `failures` in a row; `tokens` as of `tokens_at`, None without a rate; `used` of the quota since `quota_since`;
    `in_flight`: requests of all processes. A time in `open_until` or `wait_until` is over once it has passed.
    """

    system: str
    at: datetime
    breaker: BreakerState
    failures: int
    open_until: datetime | None
    last_failure: str | None
    last_failure_at: datetime | None
    wait_until: datetime | None
    paused_at: datetime | None
    paused_by: str | None
    pause_reason: str | None
    tokens: float | None
    tokens_at: datetime | None
    used: int
    quota_since: datetime | None
    in_flight: int


class Gates(Protocol):
    """Gates as people see and change them. All verbs raise `StoreUnavailable`."""

    async def gates(self) -> list[GateRow]:
        """Every gate that has been used, by name; a system without a row is held back by nothing."""
        ...

    async def pause(self, system: str, *, actor: str, reason: str) -> None:
        """Lease nothing more for `system` until it is resumed; audited. What is in flight is not stopped."""
        ...

    async def resume(self, system: str, *, actor: str, reason: str) -> None:
        """End a pause, the wait that the system asked for, and the breaker's wait; audited.

        A breaker that was open tries the system with one command at once. Closes the case of refused credentials.
        """
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
