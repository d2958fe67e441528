"""Port to a business system (CRM, PSA, ERP): one attempt at a command, and the question whether it has happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.verdicts import Failure, FailureClass


class Upsert(StrEnum):
    """How a system lets us write a record that may exist already."""

    NATIVE_EXTERNAL_ID = "native_external_id"
    ALTERNATE_KEY = "alternate_key"
    SEARCH_THEN_CREATE = "search_then_create"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Capability:
    """What a system promises for one operation. The relay acts on this declaration and on nothing else.

    `key_window`: seconds for which the system remembers an idempotency key; None: it takes none.
    `unique_reference`: it refuses a second effect that carries the same reference of ours.
    `look_up`: it can be asked by our reference whether it has the effect.
    `late_bound`: seconds after an attempt has ended within which that attempt can still land.
    """

    upsert: Upsert
    key_window: float | None
    unique_reference: bool
    look_up: bool
    late_bound: float

    @property
    def resend_is_safe(self) -> bool:
        """Whether sending the same command again cannot make a second effect."""
        return self.key_window is not None or self.unique_reference


@dataclass(frozen=True, slots=True)
class Absent:
    """The system answered that it has no effect with this reference, at the moment of asking."""


class UnknownOperation(LookupError):
    """The system is not configured for this operation: whoever wrote the policy must act."""


class System(Protocol):
    """One configured system. Implementations never retry and never raise for what the system answers."""

    @property
    def name(self) -> str:
        """The name under which the policy file lists it."""
        ...

    def capability(self, operation: str) -> Capability:
        """What it promises for this operation; raises `UnknownOperation`."""
        ...

    async def send(self, command: Command) -> Outcome:
        """One attempt, bounded in time."""
        ...

    async def look_up(self, command: Command) -> Confirmed | Absent | Deferred | Unknown:
        """Ask by `command.reference` whether the effect is there; its body may be `BY_REFERENCE`, if it books an entry.

        `Unknown` when the question itself failed, `Deferred` when it shall be asked later or under other credentials.
        """
        ...

    async def close(self) -> None:
        """Close connections; nothing may be sent afterwards."""
        ...


NOT_BEGUN: Final = Deferred(
    Failure(
        FailureClass.CONFLICT, "not_begun", "What comes before it was not done: it is sent again when that is settled."
    ),
    0.0,
)
"""The outcome of a command behind one of its key that was not done."""


@runtime_checkable
class Batching(Protocol):
    """A system that takes several commands of one operation in one request."""

    async def send_many(self, commands: Sequence[Command]) -> Sequence[Outcome] | Rejected:
        """One attempt at each of them in one request, bounded in time; an outcome for each, in their order.

        They are two or more, of one operation. `Rejected`: the request as a whole was refused, and nothing was done
        with any of them. What an answer does not speak of is `Unknown`, for that command alone.

        Several are of one key only where the policy says that the system does them `in_order`: it begins each only
        when it has done the one before it of that key, and else it is `NOT_BEGUN`.
        """
        ...
