"""The sheets and reports that are billed, and what their lines have in common."""

from __future__ import annotations

from datetime import date

from schemas.expense import v1 as expense
from schemas.timesheet import v1 as timesheet

Approved = timesheet.Approved | expense.Approved
Corrected = timesheet.Corrected | expense.Corrected
Withdrawn = timesheet.Withdrawn | expense.Withdrawn
Paper = Approved | Corrected
Line = timesheet.Line | expense.Line


def day_of(line: Line) -> date:
    """The day of the work, or of the expense."""
    return line.work_date if isinstance(line, timesheet.Line) else line.incurred_on


def is_whole(paper: Paper) -> bool:
    """Whether it carries all of its lines, so that one that is missing is taken back."""
    return isinstance(paper, timesheet.Corrected | expense.Corrected) or not paper.partial
