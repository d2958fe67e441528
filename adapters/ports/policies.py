"""Port to the policies that were loaded: their texts, which is in force, and what a new one may let go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from schemas.keys import ActorKey


class How(StrEnum):
    """How a policy came into force."""

    START = "start"
    """A process started with a file that was not loaded before."""
    RELOAD = "reload"
    """A person had the file read again."""
    ROLLBACK = "rollback"
    """A person went back to an earlier one."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A policy came into force, by `actor` and for `reason`, until the next one does. `at`: the database's clock.

    `retries`: what stood still for want of a mapping is tried again by itself; else it stands until it is replayed.
    """

    id: int
    hash: str
    how: How
    actor: str
    reason: str
    at: datetime
    retries: bool = True


class PolicyNotFound(LookupError):
    """No policy with this hash was ever loaded."""


class PolicyOvertaken(RuntimeError):
    """Another policy came into force than the one that whoever activates has seen."""


class Policies(Protocol):
    """Policies are texts by their hash, and activations one after the other; both are only ever added to.

    `policy` is the hash everywhere.
    """

    async def begin(self, policy: str, text: str, *, actor: str, reason: str) -> Activation:
        """At a start: what is in force. The file is activated before, if it was never loaded.

        So a restart keeps what was loaded or rolled back since, wherever the old file still lies.
        """
        ...

    async def active(self) -> Activation | None:
        """The newest activation; None before the first start."""
        ...

    async def text(self, policy: str) -> str:
        """The text of a policy. Raises `PolicyNotFound`."""
        ...

    async def load(
        self, policy: str, text: str, *, actor: str, reason: str, retries: bool = True, after: int | None = None
    ) -> Activation:
        """Keep a text, and activate it, audited; also when it is in force already.

        With `after` only if that activation is the newest. Raises `PolicyOvertaken`.
        """
        ...

    async def roll_back(
        self, to: str, *, actor: str, reason: str, retries: bool = True, after: int | None = None
    ) -> Activation:
        """Activate a policy that was loaded before, audited, as `load`. Raises `PolicyNotFound`, too."""
        ...

    async def history(self, *, before: int | None, limit: int) -> list[Activation]:
        """The first `limit` activations before one, newest first; None: from the newest on."""
        ...


@dataclass(frozen=True, slots=True)
class UnmappedCase:
    """An open case of class `mapping`. `topic`: None where a message or a command of the key is parked.

    `version` changes when it is opened again.
    """

    id: int
    version: int
    key: ActorKey
    topic: str | None


class Unmapped(Protocol):
    """What stands still for want of an entry in the policy, and whether a new policy was tried on it."""

    async def newest(self) -> int:
        """The greatest number of an open case of class `mapping`; 0 if there is none."""
        ...

    async def cases(self, *, after: int, through: int, limit: int) -> Sequence[UnmappedCase]:
        """The first `limit` of them with numbers above `after` and up to `through`, in order."""
        ...

    async def is_tried(self, activation: int) -> bool:
        """Whether all that stood still when a policy came into force was tried again."""
        ...

    async def tried(self, activation: int) -> None:
        """Record that it was."""
        ...

    async def untried(self, activation: int) -> None:
        """Record that it is to be tried, though it may have been before."""
        ...
