"""Why lines cannot be booked: what a person has to settle first. What is booked already stays so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from actors.billing.ground import Ground
from actors.billing.papers import Line
from actors.billing.terms import Terms
from schemas.billed import BilledLine
from schemas.billed_month.entity import AHEAD
from schemas.expense import v1 as expense
from schemas.operations.billable import BillablePost
from schemas.operations.cost import CostPost
from schemas.timesheet import v1 as timesheet
from schemas.verdicts import Failure, FailureClass

DAY: Final = Decimal(24)
"""Hours that one person can work on one day."""
MOST: Final = Decimal(10) ** 15 - 1
"""The largest amount that a command carries: fifteen digits before the point, see `schemas.values.Amount`."""


def objection(ground: Ground, new: Sequence[Line], booked: Mapping[str, BilledLine]) -> Failure | None:
    """Why new lines cannot be booked at all, the first reason found. `booked` are those that stay."""
    project, paper = ground.project, ground.paper
    if project.legal_entity != paper.legal_entity:
        reason = f"the project is billed by {project.legal_entity}, not {paper.legal_entity}"
        return _rule("legal_entity_differs", reason, "legal_entity")
    barred = _unbillable(ground) if any(line.billable for line in new) else None
    return barred or next(_crowded_days(ground, new, booked), None)


def objection_to(line: Line, terms: Terms, ground: Ground) -> Failure | None:
    """Why a line cannot be billed under its terms."""
    day = line.work_date if isinstance(line, timesheet.Line) else line.incurred_on
    field = "work_date" if isinstance(line, timesheet.Line) else "incurred_on"
    if terms.starts_on is None or day < terms.starts_on:
        return _rule("contract_not_in_force", f"line {line.line_id}: the contract starts on {terms.starts_on}", field)
    if terms.last_day is not None and day > terms.last_day:
        return _rule("contract_not_in_force", f"line {line.line_id}: the contract ended on {terms.last_day}", field)
    if isinstance(line, expense.Line):
        return _in_foreign_currency(line, ground)
    return _too_early(line, terms, ground) or _unpriced(line, terms, ground)


def too_dear(line: timesheet.Line, rate: Decimal, whose: str) -> Failure | None:
    """Why the product of hours and a rate fits into no command."""
    if line.hours * rate <= MOST:
        return None
    return _rule("amount_too_large", f"line {line.line_id}: correct the rate of {whose}", "hours")


def _unbillable(ground: Ground) -> Failure | None:
    """Why nothing more is billed on the project."""
    project, paper = ground.project, ground.paper
    if project.status == "withdrawn":
        reason = "the project is withdrawn, since its deal was cancelled: name another one, or take its lines back"
        return _rule("project_not_active", reason, "project")
    if project.status != "active":
        reason = f"the project is {project.status}: reopen it, or correct the lines"
        return _rule("project_not_active", reason, "project")
    if project.currency != paper.currency:
        return _rule("currency_differs", f"the project is in {project.currency}; nothing is converted here", "currency")
    if ground.service_line is None:
        return _mapping(
            "service_line_unmapped", f"add service line {project.service_line} to the policy file", "service_line"
        )
    return None


def _too_early(line: timesheet.Line, terms: Terms, ground: Ground) -> Failure | None:
    """Why nobody would hear of other rates for the line: its month is later than its contract tells of them."""
    if terms.contract is None or line.work_date <= ground.context.now.date() + timedelta(days=AHEAD):
        return None
    reason = f"line {line.line_id} is dated more than {AHEAD} days ahead: correct its day, or retry from then on"
    return _rule("work_date_ahead", reason, "work_date")


def _unpriced(line: timesheet.Line, terms: Terms, ground: Ground) -> Failure | None:
    """Why an hour of the line has no price."""
    template = () if ground.service_line is None else ground.service_line.template
    if any(package.code == line.task and not package.billable for package in template):
        reason = f"line {line.line_id}: task {line.task} is not billed on such a project: take it out, or bill another"
        return _rule("task_not_billable", reason, f"lines.{line.line_id}")
    rate = terms.rates_on(line.work_date).get(line.role)
    if rate is None:
        reason = f"the contract has no rate for role {line.role} on {line.work_date}"
        return _mapping("rate_missing", reason, f"lines.{line.line_id}")
    return too_dear(line, rate, f"role {line.role}")


def _in_foreign_currency(line: expense.Line, ground: Ground) -> Failure | None:
    spent = line.spent(ground.paper.currency)
    if spent.currency == ground.paper.currency:
        return None
    reason = (
        f"line {line.line_id} is in {spent.currency}, the project is billed in {ground.paper.currency}, and nothing is "
        "converted here: send it with what is to be billed"
    )
    return _rule("currency_differs", reason, f"lines.{line.line_id}")


def _crowded_days(ground: Ground, new: Sequence[Line], booked: Mapping[str, BilledLine]) -> Iterator[Failure]:
    """Days of new lines on which somebody would have worked for more than a day."""
    hours: defaultdict[date, Decimal] = defaultdict(Decimal)
    sent = {line.line_id for line in ground.paper.lines}
    for line in ground.paper.lines:
        if isinstance(line, timesheet.Line):
            hours[line.work_date] += line.hours
    for line_id, stands in booked.items():
        if line_id in sent:
            continue
        if isinstance(stands.body, BillablePost):
            hours[stands.body.work_date] += stands.body.hours
        elif isinstance(stands.body, CostPost) and stands.body.hours is not None:
            hours[stands.body.incurred_on] += stands.body.hours
    for line in new:
        if isinstance(line, timesheet.Line) and hours[line.work_date] > DAY:
            reason = f"{hours[line.work_date]} hours on {line.work_date}: a day has {DAY}, so correct the sheet"
            yield _rule("hours_too_many", reason, f"lines.{line.line_id}")


def _rule(code: str, reason: str, field: str | None = None) -> Failure:
    return Failure(FailureClass.BUSINESS_RULE, code, reason, field)


def _mapping(code: str, reason: str, field: str | None = None) -> Failure:
    return Failure(FailureClass.MAPPING, code, f"{reason}, then retry", field)
