"""Version 1 of the timesheet events. The subject is the sheet's id in the system that the time was written in."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.record import Record
from schemas.values import Currency, Day, Hours, Id, Moment, Name, Note, Period, Reference, Revision


class Employee(Record):
    """Whose time it is."""

    id: Id
    name: Name | None = None
    cost_centre: Id | None = None
    """Where the cost of time that is not billed belongs."""


class Approver(Record):
    """Who approved the sheet."""

    id: Id


class Line(Record):
    """Hours of one day on one task."""

    line_id: Id
    """Unique within the sheet and the same in all its revisions: each line is billed once, for ever."""
    work_date: Day
    hours: Hours
    role: Id
    """The role worked in, which finds the rate."""
    task: Id | None = None
    """The task of the project."""
    billable: bool
    rate_reference: Id | None = None
    """The rate card entry that applies, where the sender knows it."""
    contract_reference: Id | None = None
    """The contract worked under, where it is not the project's own."""
    note: Note | None = None


class _Sheet(Record):
    legal_entity: Id
    """Code of the legal entity of the firm that bills the work."""
    currency: Currency
    """The currency the work is billed in."""
    employee: Employee
    period: Period
    project: Reference
    lines: Annotated[tuple[Line, ...], Field(strict=False, fail_fast=True, min_length=1, max_length=1000)]

    @model_validator(mode="after")
    def _each_line_once(self) -> Self:
        if len({line.line_id for line in self.lines}) != len(self.lines):
            raise PydanticCustomError("line_repeated", "give each line a `line_id` of its own")
        return self


class Submitted(_Sheet):
    """The employee handed the sheet in."""

    revision: Revision = 1


class Approved(_Sheet):
    """The sheet is approved: its billable lines are to be billed."""

    revision: Revision = 1
    partial: bool = False
    """True where lines are approved one by one: the other lines of the sheet stay as they are. Otherwise the sheet
    carries all of its lines, and one that is missing is taken back."""
    approver: Approver
    approved_at: Moment


class Corrected(_Sheet):
    """An approved sheet was wrong. Carries all lines as they should have been, not only those that changed."""

    corrects: Revision
    """The revision that this sheet replaces. It counts as the next one, `corrects` + 1, so that a correction of it, or
    its withdrawal, names that."""
    reason: Note


class Rejected(_Sheet):
    """The sheet went back to the employee."""

    reason: Note


class Withdrawn(Record):
    """The approval was taken back: nothing of the sheet counts any more, until a higher revision of it is approved."""

    legal_entity: Id
    """Code of the legal entity of the firm that bills the work."""
    project: Reference
    revision: Revision
    """The revision that was approved, or a higher one: an approval of this one, or of one before it, counts no more."""
    reason: Note


class RatesChanged(Record):
    """A contract has other rates, or another last day, for days of which the sheet may have time. Comes from inside."""

    to: Id
    """The sheet."""
    contract: Id
    number: Revision
    """Number of the amendment in the contract's history."""
