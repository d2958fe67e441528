"""Failures that the shell itself finds, each in words a person can act on."""

from __future__ import annotations

from typing import Final

from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass

KILLS: Final = Failure(
    FailureClass.INTERNAL,
    "kills_process",
    "the process ended each time while it was at work on this message alone: report it, and retry once a release is "
    "installed that can take it, or discard it",
)
"""A message that is not decided any more."""


def taken(claim: Claim, holder: ActorKey) -> Failure:
    """Another key has the value."""
    reason = f"{holder} has {claim.scope} {claim.value} already: merge the two, or correct one of them, then retry"
    return Failure(FailureClass.DUPLICATE, "taken", reason)


def internal(code: str, reason: str) -> Failure:
    """A mistake of ours: report it."""
    return Failure(FailureClass.INTERNAL, code, reason)
