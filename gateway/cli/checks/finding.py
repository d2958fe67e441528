"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gateway.exits import explain


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works, but somebody should look at it."""
    FAIL = "fail"
    """The gateway does not start with it, or cannot do its work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `change` says what to do about it, empty where nothing is."""

    part: str
    level: Level
    found: str
    change: str = ""


def failed(part: str, error: Exception) -> Finding:
    """The finding for an error that is known; raises it again if it is not."""
    explained = explain(error)
    if explained is None:
        raise error
    return Finding(part, Level.FAIL, explained.reason, explained.advice)
