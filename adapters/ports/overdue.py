"""Port to commands that stand open for too long: nothing else would speak of what a system does not settle."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from schemas.keys import ActorKey

COMMAND_OVERDUE: Final = "command_overdue"
"""Code of the case that is opened for such a command."""


@dataclass(frozen=True, slots=True)
class Term:
    """For how many seconds a command of one system may stand open, from when it was asked for.

    `grace`: seconds in which nothing is said after an operator has let commands go on: by the end of a pause, by a
    resume or release, or by a retry. `is_listed`: whether the policy file knows the system; else nothing is sent to it.
    """

    age: float
    grace: float = 0.0
    is_listed: bool = True


@dataclass(frozen=True, slots=True)
class Looked:
    """How many cases were opened, and the last key that was looked at; None: no other is left behind it."""

    opened: int
    last: ActorKey | None


@dataclass(frozen=True, slots=True)
class OpenCommands:
    """Commands of one system that are not settled, and since when the oldest stands, by the database's clock."""

    system: str
    commands: int
    oldest: datetime


class Overdue(Protocol):
    """Looks at heads of send lanes; what stands behind one waits for it. All verbs raise `StoreUnavailable`."""

    async def open_cases(self, system: str, term: Term, *, after: ActorKey | None, page: int) -> Looked:
        """Open a case, once, for each overdue head among the next `page` lanes of `system`, in key order.

        A parked head has a case already. None is opened for what a pause holds, nor while the system is paused or a
        restore is held: these are shown for themselves. A system that is not listed may be paused, which explains
        nothing, since nobody sends its commands anyway.
        """
        ...

    async def close_cases(self, *, page: int) -> int:
        """Close the cases of commands that were settled or parked since; how many, up to `page`."""
        ...

    async def systems(self, *, but: Collection[str]) -> list[OpenCommands]:
        """The systems that have commands, by name, except for these."""
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
