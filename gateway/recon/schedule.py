"""What the policy file says of reconciliations that begin by themselves."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.values import Id, System

SCHEDULED: Final = "policy"
"""Who asks for the runs of a schedule."""


class ReconciliationPolicy(BaseModel):
    """One schedule: what is reconciled, and how often."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    system: System
    """The system whose books are read."""
    every_hours: int = Field(default=24, ge=1, le=744)
    """Times are counted from midnight UTC: 24 begins a run each night, 6 at 0, 6, 12, and 18 o'clock.

    It divides a day, or is of whole days.
    """
    days: int = Field(default=35, ge=1, le=3660)
    """How far back the period begins; it ends today, by UTC."""
    entity: Literal["timesheet", "expense", "project", "invoice"] | None = None
    """Of one entity alone; left out: of all."""
    legal_entity: Id | None = None
    """Of one legal entity alone; left out: of all."""

    @field_validator("every_hours")
    @classmethod
    def _has_a_midnight(cls, hours: int) -> int:
        if 24 % hours and hours % 24:
            raise ValueError("write 1, 2, 3, 4, 6, 8, 12, or a multiple of 24, so that it is counted from midnight")
        return hours


def slot_of(schedule: ReconciliationPolicy, at: datetime) -> int:
    """The number of the time of a schedule that a moment lies in: one run is begun in each.

    They are counted from a midnight long ago, which is any other midnight, too, for what divides a day or is of days.
    """
    return int(at.timestamp() // (schedule.every_hours * 3600))
