"""What a system is like, object by object, as its adapter declares it; `tallystick system list` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from adapters.ports.system import Capability


class Ambiguity(StrEnum):
    """How two records under one key of ours show themselves; they stop the command, a person says which is meant."""

    NEVER = "never"
    """The system's database keeps the key unique."""
    TWO_HITS = "two_hits"
    """A search can find two."""


class Precondition(StrEnum):
    """How a write can be tied to what was read before it."""

    TIMESTAMP = "timestamp"
    VERSION = "version"
    NONE = "none"


class LimitShape(StrEnum):
    """What the system bounds. Which figures hold, the policy file's gate says."""

    RATE = "rate"
    CONCURRENCY = "concurrency"
    NONE = "none"


class ChangeReading(StrEnum):
    """How changes are read."""

    WATERMARK = "watermark"
    """Everything that changed since a time, with an overlap for what was committed late."""
    NONE = "none"


class Deletes(StrEnum):
    """What a deleted record leaves to be read."""

    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Declaration:
    """One kind of record of a system.

    `record` is the vendor's own name of it. `operations`: ours that write it, with what is promised for each.
    `look_up_by`: the field that holds our reference or id; None: it cannot be asked for. `partial_success`: a list of
    records can be written in part, under an answer that says well. `throttle`: the answers that ask us to send less.
    `session`: how the credential is proved and renewed. `request_id`: where the system's own id of an answer stands.
    `tried_against`: the real server on which the adapter's work with this record was tried; None: only on sandboxes.
    """

    record: str
    operations: Mapping[str, Capability]
    look_up_by: str | None
    ambiguous: Ambiguity
    precondition: Precondition
    partial_success: bool
    throttle: tuple[str, ...]
    limit_shape: LimitShape
    idempotency_key: str | None
    changes: ChangeReading
    deletes: Deletes
    session: str
    request_id: str | None
    tried_against: str | None = None


class Declares(Protocol):
    """A system that says what it is like. It is not asked for that, so nothing is sent.

    Beside `System` and not in it: the runtime sends by `capability` alone, and what plays a system for it stays small.
    """

    def declarations(self) -> tuple[Declaration, ...]:
        """Each kind of record; every operation that the system is configured for stands in one of them."""
        ...
