"""The events of the PSA: people, time, expenses, and the progress of projects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final, TypedDict

from gateway.demo.firm.model import IN_FORCE, Milestone, Person, Project, Report, Sheet, Spending, WorkLine, monday
from gateway.demo.telling.pen import Pen
from gateway.demo.telling.sending import Sender, Sending
from schemas.employee.v1 import Upserted
from schemas.expense import v1 as expense
from schemas.project.v1 import Activated, MilestoneCompleted
from schemas.timesheet import v1 as timesheet
from schemas.values import Money, Period, Reference

LEAD: Final = "E-2000"
"""Who approves time and expenses."""


def employee(pen: Pen, person: Person, on: date) -> Sending:
    """Who they are, and what an hour of theirs costs."""
    data = Upserted(
        name=person.name,
        legal_entity=person.branch.code,
        cost_centre=f"CC-{person.branch.code}-{person.role}",
        cost_rate=Money.of(person.cost_rate, person.branch.currency),
        role=person.role,
        joined_on=IN_FORCE,
    )
    return pen.write(Sender.PSA, "employee.upserted.v1", person.id, data, on)


def activated(pen: Pen, project: Project, on: date) -> Sending:
    """Work may begin."""
    return pen.write(Sender.PSA, "project.activated.v1", project.psa_id, Activated(activated_on=on), on)


def completed(pen: Pen, project: Project, milestone: Milestone) -> Sending:
    """A milestone is completed, and to be billed."""
    on = monday(milestone.week or 0)
    data = MilestoneCompleted(
        milestone_id=milestone.id,
        name=milestone.name,
        completed_on=on,
        amount=Money.of(milestone.amount, project.branch.currency),
    )
    return pen.write(Sender.PSA, "project.milestone_completed.v1", project.psa_id, data, on)


def submitted(pen: Pen, sheet: Sheet, revision: int = 1) -> Sending:
    data = timesheet.Submitted(**_common(sheet), lines=_hours(sheet.lines), revision=revision)
    return pen.write(Sender.PSA, "timesheet.submitted.v1", sheet.id, data, _after(sheet.week))


def approved(pen: Pen, sheet: Sheet, revision: int = 1) -> Sending:
    on = _after(sheet.week)
    data = timesheet.Approved(
        **_common(sheet),
        lines=_hours(sheet.lines),
        revision=revision,
        approver=timesheet.Approver(id=LEAD),
        approved_at=pen.moment(Sender.PSA, on),
    )
    return pen.write(Sender.PSA, "timesheet.approved.v1", sheet.id, data, on)


def rejected(pen: Pen, sheet: Sheet) -> Sending:
    data = timesheet.Rejected(**_common(sheet), lines=_hours(sheet.lines), reason="The task was closed last month")
    return pen.write(Sender.PSA, "timesheet.rejected.v1", sheet.id, data, _after(sheet.week))


def corrected(pen: Pen, sheet: Sheet) -> Sending:
    lines = _hours(sheet.corrected)
    data = timesheet.Corrected(**_common(sheet), lines=lines, corrects=1, reason="Booked on the wrong task")
    return pen.write(Sender.PSA, "timesheet.corrected.v1", sheet.id, data, _after(sheet.week + 1))


def withdrawn(pen: Pen, sheet: Sheet) -> Sending:
    data = timesheet.Withdrawn(
        legal_entity=sheet.project.branch.code,
        project=_project(sheet.project),
        revision=1,
        reason="Approved by mistake",
    )
    return pen.write(Sender.PSA, "timesheet.withdrawn.v1", sheet.id, data, _after(sheet.week + 1))


def spent(pen: Pen, report: Report) -> Sending:
    """The report is approved."""
    on = _after(report.week)
    data = expense.Approved(
        **_common(report),
        lines=_amounts(report.lines),
        approver=timesheet.Approver(id=LEAD),
        approved_at=pen.moment(Sender.PSA, on),
    )
    return pen.write(Sender.PSA, "expense.approved.v1", report.id, data, on)


def spent_otherwise(pen: Pen, report: Report) -> Sending:
    """The report is corrected."""
    lines = _amounts(report.corrected)
    data = expense.Corrected(**_common(report), lines=lines, corrects=1, reason="The receipt says more")
    return pen.write(Sender.PSA, "expense.corrected.v1", report.id, data, _after(report.week + 1))


def spent_in_vain(pen: Pen, report: Report) -> Sending:
    """The report is sent back."""
    data = expense.Rejected(**_common(report), lines=_amounts(report.lines), reason="No receipt")
    return pen.write(Sender.PSA, "expense.rejected.v1", report.id, data, _after(report.week))


class _Common(TypedDict):
    """The fields that every event of a sheet or a report has, beside its lines."""

    legal_entity: str
    currency: str
    employee: timesheet.Employee
    period: Period
    project: Reference


def _common(paper: Sheet | Report) -> _Common:
    branch = paper.project.branch
    days = [line.work_date if isinstance(line, WorkLine) else line.incurred_on for line in paper.lines]
    return _Common(
        legal_entity=branch.code,
        currency=branch.currency,
        employee=timesheet.Employee(id=paper.person.id),
        period=Period(starts_on=min(days), ends_on=max(days)),
        project=_project(paper.project),
    )


def _project(project: Project) -> Reference:
    return Reference(system="psa", external_id=project.psa_id)


def _hours(lines: Sequence[WorkLine]) -> tuple[timesheet.Line, ...]:
    return tuple(
        timesheet.Line(
            line_id=line.line_id,
            work_date=line.work_date,
            hours=line.hours,
            role=line.role,
            task=line.task,
            billable=line.is_billable,
        )
        for line in lines
    )


def _amounts(lines: Iterable[Spending]) -> tuple[expense.Line, ...]:
    return tuple(
        expense.Line(
            line_id=line.line_id,
            incurred_on=line.incurred_on,
            category=line.category,
            amount=line.amount,
            billable=line.is_billable,
        )
        for line in lines
    )


def _after(week: int) -> date:
    """The Monday after a week, on which its time is handed in and approved."""
    return monday(week) + timedelta(weeks=1)
