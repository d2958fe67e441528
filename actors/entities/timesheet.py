"""Timesheet: each approved billable line becomes one billable entry in the ERP, once, for ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, assert_never

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, Snapshot, Wait
from actors.invoices.billed import heard
from actors.policy import LegalEntity
from schemas.acts import Acted
from schemas.commands import Confirmed, Rejected, Result, command_reference
from schemas.envelope import Envelope
from schemas.facts import Notice
from schemas.invoice.told import Invoiced
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.project.entity import Project
from schemas.timesheet.entity import BilledLine, Timesheet
from schemas.timesheet.v1 import Approved, Corrected, Line, Submitted
from schemas.timesheet.v1 import Rejected as SentBack
from schemas.verdicts import Failure, FailureClass

MOST: Final = Decimal(10) ** 15 - 1
"""The largest amount that a command carries: fifteen digits before the point, see `schemas.values.Amount`."""


def references(_state: Timesheet, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """What is billed needs its project."""
    if isinstance(event, Envelope) and isinstance(event.data, (Approved, Corrected)):
        return (event.data.project.key("project"),)
    return ()


def decide(state: Timesheet, event: Event, context: Context) -> Decision:
    """What a timesheet's event means; pure."""
    match event:
        case Result():
            return _result(state, event)
        case Envelope(data=Submitted()):
            if state.revision:
                return Ignore("the sheet is approved already")
            return Accept(state.model_copy(update={"status": "submitted"}))
        case Envelope(data=SentBack()):
            if state.revision:
                return Reject(_rule("approved_already", "the sheet was approved: send timesheet.corrected instead"))
            return Accept(state.model_copy(update={"status": "rejected"}))
        case Envelope(data=Approved() as sheet):
            is_known = {line.line_id for line in sheet.lines if line.billable} <= state.lines.keys()
            if sheet.revision < state.revision or (sheet.revision == state.revision and not sheet.partial and is_known):
                return Ignore(f"revision {state.revision} is approved already")
            return _bill(state, sheet, sheet.revision, context)
        case Envelope(data=Corrected() as sheet):
            return _corrected(state, sheet, context)
        case Envelope(data=Invoiced() | Acted() as told):
            return heard(state, told)
        case _:
            return Ignore(f"{event.type} does not concern a timesheet")


def _corrected(state: Timesheet, sheet: Corrected, context: Context) -> Decision:
    if sheet.corrects > state.revision:
        return Reject(_rule("revision_missing", f"approve revision {sheet.corrects} before correcting it"))
    if sheet.corrects < state.revision:
        return Ignore(f"revision {sheet.corrects} was replaced by revision {state.revision} already")
    return _bill(state, sheet, sheet.corrects + 1, context)


def _bill(state: Timesheet, sheet: Approved | Corrected, revision: int, context: Context) -> Decision:
    """Book what is new or changed, take back what is gone or changed."""
    legal_entity = context.policy.legal_entities.get(sheet.legal_entity)
    if legal_entity is None:
        return Reject(_mapping("legal_entity_unmapped", f"add legal entity {sheet.legal_entity} to the policy file"))
    snapshot = context.find(sheet.project.key("project"))
    project = snapshot.state
    if not isinstance(project, Project) or project.erp is None or project.erp_id is None:
        return Wait(snapshot.key, f"the ERP of {sheet.legal_entity} does not have the project yet")
    requests: list[Request] = []
    lines = dict(state.lines)
    wanted = {line.line_id: line for line in sheet.lines if line.billable}
    is_whole = isinstance(sheet, Corrected) or not sheet.partial
    for line_id, booked in state.lines.items():
        line = wanted.get(line_id)
        if line is None and not is_whole:
            continue
        if line is None or not _says_the_same(line, sheet, snapshot.key.id, project, booked):
            if booked.revision == revision:
                return Reject(_rule("line_changed", f"line {line_id} was approved already: raise the revision"))
            requests.append(_reversal(line_id, booked, booked.system or project.erp))
            del lines[line_id]
    new = [line for line_id, line in wanted.items() if line_id not in lines]
    failure = _unbillable(sheet, new, project) if new else None
    if failure is not None:
        return Reject(failure)
    for line in new:
        body = _body(line, sheet, project, legal_entity, context.key)
        name = f"{line.line_id}.r{revision}"
        requests.append(Request(project.erp, "billable.post", name, body))
        reference = command_reference(context.key, name, 1)
        lines[line.line_id] = BilledLine(
            revision=revision, body=body, reference=reference, project=snapshot.key.id, system=project.erp
        )
    return Accept(
        state.model_copy(update={"status": "approved", "revision": revision, "lines": lines}),
        requests=tuple(requests),
    )


def _unbillable(sheet: Approved | Corrected, new: Sequence[Line], project: Project) -> Failure | None:
    """Why a sheet's new lines cannot be billed on the project, the first reason found. What is booked stays so."""
    if project.status == "withdrawn":
        reason = "the project is withdrawn, since its deal was cancelled: name another one, or take its lines back"
        return _rule("project_not_active", reason, "project")
    if project.status != "active":
        reason = f"the project is {project.status}: reopen it, or correct the sheet"
        return _rule("project_not_active", reason, "project")
    if project.legal_entity != sheet.legal_entity:
        return _rule(
            "legal_entity_differs", f"the project is billed by {project.legal_entity}, not {sheet.legal_entity}",
            "legal_entity",
        )  # fmt: skip
    if project.currency != sheet.currency:
        return _rule("currency_differs", f"the project is in {project.currency}; nothing is converted here", "currency")
    for line in new:
        rates = project.rates_on(line.work_date)
        if line.role not in rates:
            reason = f"the contract has no rate for role {line.role} on {line.work_date}"
            return _mapping("rate_missing", reason, f"lines.{line.line_id}")
        if line.hours * rates[line.role] > MOST:
            return _rule("amount_too_large", f"line {line.line_id}: correct the rate of role {line.role}", "hours")
        if project.starts_on is None or line.work_date < project.starts_on:
            return _rule(
                "contract_not_in_force", f"line {line.line_id}: the contract starts on {project.starts_on}", "work_date"
            )
        if project.last_day is not None and line.work_date > project.last_day:
            return _rule(
                "contract_not_in_force", f"line {line.line_id}: the contract ended on {project.last_day}", "work_date"
            )
    return None


def _body(
    line: Line, sheet: Approved | Corrected, project: Project, legal_entity: LegalEntity, key: ActorKey
) -> BillablePost:
    rate = project.rates_on(line.work_date)[line.role]
    return BillablePost(
        project=project.erp_id or "",
        legal_entity=sheet.legal_entity,
        currency=sheet.currency,
        amount=legal_entity.rounded(line.hours * rate, sheet.currency),
        hours=line.hours,
        rate=rate,
        role=line.role,
        employee=sheet.employee.id,
        work_date=line.work_date,
        sheet_id=key.id,
        line_id=line.line_id,
        contract_reference=line.contract_reference or project.contract_reference or "",
        tax_code=project.tax_code or "",
        cost_centre=sheet.employee.cost_centre,
    )


def _says_the_same(
    line: Line, sheet: Approved | Corrected, project_id: str, project: Project, booked: BilledLine
) -> bool:
    """Whether the line itself is as it was booked: a contract that has changed since does not change what is posted."""
    was = booked.body
    is_there = booked.project == project_id if booked.project is not None else was.project == project.erp_id
    reference = line.contract_reference or project.contract_reference or ""
    who = (sheet.employee.id, sheet.employee.cost_centre)
    return (
        is_there
        and (sheet.legal_entity, sheet.currency) == (was.legal_entity, was.currency)
        and (line.hours, line.role, line.work_date, reference)
        == (was.hours, was.role, was.work_date, was.contract_reference)
        and who == (was.employee, was.cost_centre)
    )


def _reversal(line_id: str, booked: BilledLine, erp: str) -> Request:
    post = booked.body
    fields = post.model_dump() | {"amount": -post.amount + Decimal(0), "hours": -post.hours}
    body = BillableReverse(**fields, reverses=booked.reference)
    return Request(erp, "billable.reverse", f"{line_id}.r{booked.revision}", body)


def _result(state: Timesheet, result: Result) -> Decision:
    match result.outcome:
        case Rejected(failure):
            return Reject(failure)
        case Confirmed():
            line_id, _, revision = result.command.line.rpartition(".r")
            line = state.lines.get(line_id)
            if result.command.operation != "billable.post" or line is None or str(line.revision) != revision:
                return Ignore("the ERP took the booking back")
            # A retry by a person may have raised the generation: what a reversal names is what was confirmed.
            booked = line.model_copy(update={"posted": True, "reference": result.command.reference})
            lines = {**state.lines, line_id: booked}
            posted = all(line.posted for line in lines.values())
            return Accept(
                state.model_copy(update={"lines": lines}),
                notices=(Notice("posted", {"revision": str(state.revision)}),) if posted else (),
            )
        case _:
            assert_never(result.outcome)


def _rule(code: str, reason: str, field: str | None = None) -> Failure:
    return Failure(FailureClass.BUSINESS_RULE, code, reason, field)


def _mapping(code: str, reason: str, field: str | None = None) -> Failure:
    return Failure(FailureClass.MAPPING, code, f"{reason}, then retry", field)


ACTOR = Actor("timesheet", Timesheet, 1, decide, references)
