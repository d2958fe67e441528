"""All that is counted for the business's figures, and how far."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from adapters.ports.kpis import Added, Kept, Place
from schemas.keys import ActorKey


@dataclass(slots=True)
class Sums:
    """The sums, what is remembered of keys, and the position behind which the next lines are counted."""

    turn: int = 0
    timeline: int = 0
    cases: int = 0
    until: datetime | None = None
    since: date | None = None
    added: dict[Place, Added] = field(default_factory=dict)
    kept: dict[ActorKey, Kept] = field(default_factory=dict)
