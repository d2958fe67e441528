"""Commands to systems and what came of them: identity, outcomes, and the result that returns to the actor."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote
from uuid import UUID

from schemas.keys import ActorKey
from schemas.verdicts import Failure

SELF: Final = "self"
"""The built-in system through which one actor asks another: its commands arrive there as events."""
OURS: Final = "tallystick"
"""How the sources of events begin that the gateway itself says; no other source or system may be called so."""


def command_id(system: str, operation: str, key: ActorKey, line: str, generation: int) -> UUID:
    """The identity of a command, the same through retry, restart, and replay; also its idempotency key.

    A digest of (system, operation, key, line, generation), so it needs no clock and no randomness.
    """
    identity = "\x1f".join((system, operation, key.entity, key.id, line, str(generation)))
    digest = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:16])
    return UUID(int=digest & ~_VERSION_BITS | _VERSION_8)


def command_reference(key: ActorKey, line: str, generation: int) -> str:
    """Our reference of an effect, `entity/id/line/generation`, by which a system can be asked for it later.

    Ids are percent-encoded, so that the four parts can be told apart.
    """
    return f"{key.entity}/{_quoted(key.id)}/{_quoted(line)}/{generation}"


@lru_cache(maxsize=10_000)
def _quoted(text: str) -> str:
    return quote(text, safe="")


_VERSION_BITS: Final = 0xF000 << 64 | 0xC000 << 48
_VERSION_8: Final = 0x8000 << 64 | 0x8000 << 48
"""Version 8 of RFC 9562: bits of our own making. Python 3.11's `UUID` does not set it."""


BY_REFERENCE: Final = b"{}"
"""The body of a command of which the reference alone is known: so it can be asked for, and not sent."""


class Command(NamedTuple):
    """What one system is asked to do, with its body frozen: JSON bytes that never change for this id."""

    id: UUID
    system: str
    operation: str
    key: ActorKey
    line: str
    generation: int
    body: bytes
    reference: str
    """Our reference of the effect, see `command_reference`."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The system has the effect. `external_id` is its own id for what was made or changed, where it gave one."""

    external_id: str | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The system refused, and said so in a way that proves it did nothing."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Deferred:
    """The system did nothing and asks us to come back: throttled, paused, in maintenance. Spends no attempt.

    `retry_after` is in seconds, None when the system did not say.
    """

    failure: Failure
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The effect may or may not be there, or may still come."""

    failure: Failure


Outcome = Confirmed | Rejected | Deferred | Unknown
"""What one attempt came to."""


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a command, as the event that its actor decides on."""

    command: Command
    outcome: Confirmed | Rejected
