"""What the ERP is asked to book for a line, and to take back."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, assert_never

from actors.billing.checks import objection_to, too_dear
from actors.billing.ground import Ground
from actors.billing.papers import Line
from actors.billing.terms import Terms, contract_named
from actors.decision import Wait
from schemas.billed import BilledLine, Post
from schemas.expense import v1 as expense
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.cost import CostPost, CostReverse
from schemas.operations.expense import ExpensePost, ExpenseReverse
from schemas.record import Record
from schemas.timesheet import v1 as timesheet
from schemas.verdicts import Failure

NOTHING: Final = Decimal(0)


def operation_of(post: Post) -> str:
    """What kind of entry it is: `billable`, `expense`, or `cost`; it is posted and reversed."""
    match post:
        case BillablePost():
            return "billable"
        case ExpensePost():
            return "expense"
        case CostPost():
            return "cost"
        case _:
            assert_never(post)


def billed(line: Line, terms: Terms, ground: Ground) -> Post | Failure:
    """A line that is billed, or why it cannot be."""
    failure = objection_to(line, terms, ground)
    if failure is not None:
        return failure
    return _time(line, terms, ground) if isinstance(line, timesheet.Line) else _expense(line, terms, ground)


def cost(line: Line, ground: Ground) -> CostPost | Wait | Failure:
    """A line that is not billed, as cost of its cost centre."""
    employee, profile = ground.paper.employee, ground.profile
    cost_centre = employee.cost_centre or (None if profile is None else profile.cost_centre)
    if cost_centre is None:
        key = ActorKey("employee", employee.id)
        return Wait(key, f"nobody has said which cost centre bears time and expenses of {employee.id} yet")
    fields: dict[str, object] = {
        "project": None if ground.project.status == "withdrawn" else ground.erp_id,
        "legal_entity": ground.paper.legal_entity,
        "cost_centre": cost_centre,
        "employee": employee.id,
        "document_id": ground.context.key.id,
        "line_id": line.line_id,
        "dimensions": _dimensions(ground),
    }
    if isinstance(line, expense.Line):
        spent = line.spent(ground.paper.currency)
        of_expense = {
            "kind": "expense", "incurred_on": line.incurred_on, "category": line.category, "amount": spent.decimal,
            "currency": spent.currency,
        }  # fmt: skip
        return CostPost.model_validate(fields | of_expense)
    fields |= {"kind": "time", "incurred_on": line.work_date, "hours": line.hours, "role": line.role}
    rate = None if profile is None else profile.cost_rate
    if rate is None:
        return CostPost.model_validate(fields)
    failure = too_dear(line, rate.decimal, f"{employee.id}, in employee.upserted")
    if failure is not None:
        return failure
    amount = ground.legal_entity.rounded(line.hours * rate.decimal, rate.currency)
    return CostPost.model_validate(fields | {"amount": amount, "currency": rate.currency})


def reversal(post: Post, reference: str, external_id: str | None = None) -> Record:
    """What takes a booking back: the same with its amounts below zero, naming what was confirmed.

    `external_id`: the system's own id of the entry, where just that one is meant.
    """
    fields: dict[str, object] = dict(post) | {"reverses": reference, "reverses_id": external_id}
    match post:
        case BillablePost():
            return BillableReverse.model_validate(fields | {"amount": _negated(post.amount), "hours": -post.hours})
        case ExpensePost():
            return ExpenseReverse.model_validate(fields | {"amount": _negated(post.amount)})
        case CostPost():
            hours = None if post.hours is None else -post.hours
            amount = None if post.amount is None else _negated(post.amount)
            return CostReverse.model_validate(fields | {"amount": amount, "hours": hours})
        case _:
            assert_never(post)


def says_the_same(line: Line, ground: Ground, booked: BilledLine) -> bool:
    """Whether the line itself is as it was booked: a contract that has changed since does not change what is posted."""
    was, paper, employee = booked.body, ground.paper, ground.paper.employee
    if (paper.legal_entity, employee.id) != (was.legal_entity, was.employee):
        return False
    match line, was:
        case timesheet.Line(billable=True), BillablePost():
            return (
                (paper.currency, employee.cost_centre) == (was.currency, was.cost_centre)
                and (line.hours, line.role, line.work_date) == (was.hours, was.role, was.work_date)
                and _is_under(line, ground, booked.contract, was.contract_reference)
            )
        case expense.Line(billable=True), ExpensePost():
            return (
                (line.spent(paper.currency).decimal, line.spent(paper.currency).currency) == (was.amount, was.currency)
                and (line.category, line.incurred_on) == (was.category, was.incurred_on)
                and employee.cost_centre == was.cost_centre
                and _is_under(line, ground, booked.contract, was.contract_reference)
            )
        case _, CostPost() if not line.billable:
            return employee.cost_centre in (None, was.cost_centre) and _costs_the_same(line, ground, was)
        case _:
            return False


def _is_under(line: Line, ground: Ground, contract: str | None, reference: str) -> bool:
    """Whether a line is under the contract that it is booked under, whatever name it has for it.

    `contract`: its id; None where the project keeps the terms itself, or an earlier release did not keep it, which had
    the `reference` as the line had it.
    """
    key, own = contract_named(line, ground.project), ground.project.contract_reference or ""
    if contract is not None:
        return key is not None and key.id == contract
    is_own = key is None or key.id == ground.project.contract
    return reference in {own if is_own else line.contract_reference, line.contract_reference or own}


def _costs_the_same(line: Line, ground: Ground, was: CostPost) -> bool:
    """What an hour of the employee costs may have changed since: what is booked stays."""
    if isinstance(line, timesheet.Line):
        return (line.hours, line.role, line.work_date) == (was.hours, was.role, was.incurred_on)
    spent = line.spent(ground.paper.currency)
    return (spent.decimal, spent.currency, line.category, line.incurred_on) == (
        was.amount, was.currency, was.category, was.incurred_on,
    )  # fmt: skip


def _time(line: timesheet.Line, terms: Terms, ground: Ground) -> BillablePost:
    rate = terms.rates_on(line.work_date)[line.role]
    paper, project = ground.paper, ground.project
    return BillablePost(
        project=ground.erp_id,
        legal_entity=paper.legal_entity,
        currency=paper.currency,
        amount=ground.legal_entity.rounded(line.hours * rate, paper.currency),
        hours=line.hours,
        rate=rate,
        role=line.role,
        employee=paper.employee.id,
        work_date=line.work_date,
        sheet_id=ground.context.key.id,
        line_id=line.line_id,
        contract_reference=terms.reference,
        tax_code=project.tax_code or "",
        cost_centre=paper.employee.cost_centre,
        contract_version=terms.version_on(line.work_date),
        revenue=_revenue(ground),
        dimensions=_dimensions(ground),
    )


def _expense(line: expense.Line, terms: Terms, ground: Ground) -> ExpensePost:
    paper, project = ground.paper, ground.project
    return ExpensePost(
        project=ground.erp_id,
        legal_entity=paper.legal_entity,
        currency=paper.currency,
        amount=line.spent(paper.currency).decimal,
        category=line.category,
        employee=paper.employee.id,
        incurred_on=line.incurred_on,
        report_id=ground.context.key.id,
        line_id=line.line_id,
        contract_reference=terms.reference,
        tax_code=project.tax_code or "",
        cost_centre=paper.employee.cost_centre,
        revenue=_revenue(ground),
        dimensions=_dimensions(ground),
    )


def _revenue(ground: Ground) -> str | None:
    return None if ground.service_line is None else ground.service_line.revenue


def _dimensions(ground: Ground) -> dict[str, str]:
    return {} if ground.service_line is None else dict(ground.service_line.dimensions)


def _negated(amount: Decimal) -> Decimal:
    """Below zero, and never a zero below zero."""
    return -amount + NOTHING
