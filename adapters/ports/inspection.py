"""Port to the question what a system is and what our credential may do there; nothing is written to answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class NotInspected(RuntimeError):
    """The system could not be asked, or did not let us in; the text says which, and what to change.

    `change` is the part of the text that says what to change, where it is given by itself.
    """

    def __init__(self, found: str, change: str = "") -> None:
        super().__init__(f"{found}: {change}" if change else found)
        self.found = found
        self.change = change


@dataclass(frozen=True, slots=True)
class Right:
    """Something that the gateway needs of the system. `missing` says what to change, None where it is there."""

    name: str
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found. `clock` is the system's time when it answered, `limits` those that it told of."""

    version: str | None
    identity: str
    clock: datetime | None
    rights: tuple[Right, ...]
    limits: Mapping[str, str]


class Inspects(Protocol):
    """A system that can be asked about itself."""

    async def inspect(self) -> Inspection:
        """Ask; raises `NotInspected`."""
        ...
