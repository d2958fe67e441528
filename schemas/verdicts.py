"""The closed sets of the commit path: verdicts, lane states, failure classes. One spelling everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """Where a message ended or stands; the same words in the database, the API, metrics, and notices."""

    QUEUED = "queued"
    WAITING = "waiting"
    BACKOFF = "backoff"
    PARKED = "parked"
    CONFLICT = "conflict"
    DEAD_LETTER = "dead_letter"
    APPLIED = "applied"
    IGNORED = "ignored"
    STALE = "stale"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    DISCARDED = "discarded"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the message unless a person acts."""
        return self in FINAL


FINAL = frozenset(
    {Verdict.APPLIED, Verdict.IGNORED, Verdict.STALE, Verdict.SUPERSEDED, Verdict.REJECTED, Verdict.DISCARDED}
)


class LaneState(StrEnum):
    """State of a key's durable queue. `open` means: its head may run."""

    OPEN = "open"
    BACKOFF = "backoff"
    WAITING = "waiting"
    PARKED = "parked"
    PAUSED = "paused"


class FailureClass(StrEnum):
    """What kind of failure it is, and so who settles it and whether it is tried again by itself."""

    SCHEMA = "schema"
    AUTH = "auth"
    MAPPING = "mapping"
    MISSING_REFERENCE = "missing_reference"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    BUSINESS_RULE = "business_rule"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"
    UNKNOWN_OUTCOME = "unknown_outcome"
    INTERNAL = "internal"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something did not go through, in words a person can act on.

    `code` is stable and short (`tax_profile_unmapped`); `reason` is one plain sentence that says what to change;
    `field` names the offending field where there is one.
    """

    failure_class: FailureClass
    code: str
    reason: str
    field: str | None = None
