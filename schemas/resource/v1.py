"""Version 1 of the events of assignments. The subject is the assignment's id, such as `<project>-<employee>`."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from schemas.record import Record
from schemas.values import Day, Id, Note, PlannedHours, Reference


class Assigned(Record):
    """An employee is to work on a project: the assignment as it stands now."""

    project: Reference
    employee: Reference
    role: Id
    starts_on: Day
    ends_on: Day | None = None
    """Last day; left out where it is open."""
    hours_per_week: PlannedHours | None = None
    billable: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise PydanticCustomError("period_order", "let `ends_on` be the day of `starts_on` or a later one")
        return self


class Unassigned(Record):
    """The employee does not work on the project any more."""

    ends_on: Day
    """Last day on which they did."""
    reason: Note | None = None
