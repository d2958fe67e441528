"""Canonical bodies -> values of Tryton's fields, and what has to change in a record that is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from adapters.tryton.rows import Row
from schemas.operations.billable import BillablePost
from schemas.operations.customer import CustomerPut
from schemas.operations.project import ProjectCreate, ProjectLink

Values = dict[str, object]

HOUR: Final = 3600
INVOICED_BY: Final[Mapping[str, str]] = {
    "time_and_materials": "timesheet",
    "fixed_fee": "manual",
    "retainer": "manual",
}
"""Billing method -> Tryton's `project_invoice_method`; what is not billed by the hour is billed elsewhere."""

PARTY_FIELDS: Final = (
    "code", "name", "active", "replaced_by", "_timestamp", "customer_tax_rule", "customer_payment_term", "identifiers",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CustomerWords:
    """Numbers of the records that the words of a customer mean; None where the word is left out."""

    tax_rule: int
    payment_term: int | None
    country: int | None
    identifier_type: str | None


def party_values(body: CustomerPut, words: CustomerWords) -> Values:
    """The values of a new party."""
    values: Values = {
        "code": body.customer_id,
        "name": body.name,
        "customer_tax_rule": words.tax_rule,
        "customer_payment_term": words.payment_term,
        "addresses": [["create", [{"country": words.country}]]],
    }
    if body.tax_id is not None:
        values["identifiers"] = [["create", [{"type": words.identifier_type, "code": body.tax_id}]]]
    return values


def party_changes(body: CustomerPut, words: CustomerWords, party: Row, identifiers: list[Row]) -> Values:
    """What to write to a party that is there; empty if it is as it should be. Addresses are the ERP's own by now."""
    values: Values = {}
    if party.text("code") != body.customer_id:  # it was there before us, under the ERP's own code
        values["code"] = body.customer_id
    if party.text("name") != body.name:
        values["name"] = body.name
    if party.number("customer_tax_rule") != words.tax_rule:
        values["customer_tax_rule"] = words.tax_rule
    if words.payment_term is not None and party.number("customer_payment_term") != words.payment_term:
        values["customer_payment_term"] = words.payment_term
    if body.tax_id is not None:
        ours = [each for each in identifiers if each.text("type") == words.identifier_type]
        if not ours:
            values["identifiers"] = [["create", [{"type": words.identifier_type, "code": body.tax_id}]]]
        elif all(_compact(each.text("code") or "") != _compact(body.tax_id) for each in ours):
            values["identifiers"] = [["write", [ours[0].id], {"code": body.tax_id}]]
    return values


def project_values(body: ProjectCreate, party: int, company: int, product: int | None) -> Values:
    """The values of a new project, with a task for each role, on which time is written at the role's rate."""
    return {
        "number": body.project_id,
        "name": body.name,
        "type": "project",
        "company": company,
        "party": party,
        "project_invoice_method": INVOICED_BY[body.billing_method],
        "comment": f"Contract {body.contract_reference}",
        "timesheet_available": False,
        "children": [
            [
                "create",
                [
                    {
                        # Without one it takes the next of a sequence, in the space of our ids.
                        "number": f"{body.project_id}/{role.role}",
                        "name": role.role,
                        "type": "task",
                        "company": company,
                        "product": product,
                        "list_price": role.rate,
                        "timesheet_available": True,
                    }
                    for role in body.roles
                ],
            ]
        ],
    }


@dataclass(frozen=True, slots=True)
class Closing:
    """The status that works of a cancelled project get: its number, and the progress that it asks for at least."""

    status: int
    progress: float | None


def is_cancelled(works: Sequence[Row], closing: Closing) -> bool:
    """Whether all works of a project have the status, and none is on the time sheets."""
    return all(work.number("status") == closing.status and not work.flag("timesheet_available") for work in works)


def cancelled_values(closing: Closing) -> Values:
    """What is written to every work of a project that is taken back; only what is off the time sheets takes no time."""
    values: Values = {"status": closing.status, "timesheet_available": False}
    if closing.progress is not None:
        values["progress"] = closing.progress
    return values


def cancelled_comment(project: Row, reason: str) -> str:
    """The project's comment with why it was taken back, told once."""
    line = f"Tallystick: cancelled: {' '.join(reason.split())}"
    kept = (project.text("comment") or "").splitlines()
    return "\n".join([*(each for each in kept if each != line), line])


def duration_of(hours: Decimal) -> timedelta:
    """Hours of at most two decimals are whole seconds."""
    return timedelta(seconds=int(hours * HOUR))


def described(body: BillablePost) -> str:
    """The sheet's line, as a time line names it."""
    return f"{body.sheet_id} {body.line_id}"


def line_values(body: BillablePost, reference: str, company: int, employee: int, work: int) -> Values:
    """The values of a new time line."""
    return {
        "company": company,
        "employee": employee,
        "work": work,
        "date": body.work_date,
        "duration": duration_of(body.hours),
        "description": described(body),
        # Whatever text it is, Tryton keeps it unique, and lets nobody change it.
        "uuid": reference,
    }


def work_of(line: Row) -> int | None:
    """The work that a time line is written on; None where it is on another record's time sheet."""
    work = line.of("work")
    model, _, number = ("" if work is None else work.text("origin") or "").partition(",")
    return int(number) if model == "project.work" else None


def link_changes(body: ProjectLink, opportunity: Row) -> Values:
    """What to write to an opportunity so that it names its project; empty if it does. A reference of others stays."""
    comment = opportunity.text("comment") or ""
    head = f"Tallystick: project {body.project_id},"
    ids = {"ERP": body.erp_id, "PSA": body.psa_id}
    line = f"{head} " + ", ".join(f"{system} {id}" for system, id in ids.items() if id is not None)
    values: Values = {}
    if [each for each in comment.splitlines() if each.startswith(head)] != [line]:
        kept = [each for each in comment.splitlines() if not each.startswith(head)]
        values["comment"] = "\n".join([*kept, line])
    if opportunity.text("reference") is None:
        values["reference"] = body.project_id
    return values


def _compact(code: str) -> str:
    """A tax number without the marks that countries write between its digits."""
    return "".join(each for each in code.upper() if each.isalnum())
