"""Resource: who works on which project, told to the ERP's cost forecast and shown in the CRM."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Final, assert_never

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, Snapshot, Wait
from actors.lines import numbered
from schemas.commands import Confirmed, Rejected, Result
from schemas.employee.entity import Employee
from schemas.envelope import Envelope
from schemas.facts import Notice
from schemas.keys import ActorKey
from schemas.operations.assignment import AssignmentPut, DeliveryPut
from schemas.project.entity import Project
from schemas.record import Record
from schemas.resource.entity import Assignment
from schemas.resource.v1 import Assigned, Unassigned
from schemas.verdicts import Failure, FailureClass

_COMMON: Final = {"legal_entity", "employee", "role", "starts_on", "ends_on", "status"}


def references(_state: Assignment, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """An assignment needs its project, and takes what an hour of its employee costs."""
    if isinstance(event, Envelope) and isinstance(event.data, Assigned):
        return event.data.project.key("project"), event.data.employee.key("employee")
    return ()


def decide(state: Assignment, event: Event, context: Context) -> Decision:
    """What an assignment's event means; pure."""
    match event:
        case Result():
            return _result(event)
        case Envelope(data=Assigned() as assigned):
            return _assigned(state, assigned, context)
        case Envelope(data=Unassigned() as unassigned):
            return _unassigned(state, unassigned.ends_on, context)
        case _:
            return Ignore(f"{event.type} does not concern an assignment")


def _assigned(state: Assignment, assigned: Assigned, context: Context) -> Decision:
    at_project, at_employee = (
        context.find(assigned.project.key("project")), context.find(assigned.employee.key("employee")),
    )  # fmt: skip
    project, employee = at_project.state, at_employee.state
    if not isinstance(project, Project) or project.erp_id is None or project.legal_entity is None:
        return Wait(at_project.key, "the assignment's project is not there yet")
    if at_employee.key.is_external:
        return Wait(at_employee.key, "nobody has said yet which employee this id means")
    if state.project_id not in (None, at_project.key.id):
        reason = (
            f"the assignment is on project {state.project_id}: publish that on {at_project.key.id} under another id"
        )
        return Reject(Failure(FailureClass.BUSINESS_RULE, "project_differs", reason, "project"))
    legal_entity = context.policy.legal_entities.get(project.legal_entity)
    if legal_entity is None:
        reason = f"add legal entity {project.legal_entity} to the policy file, then retry"
        return Reject(Failure(FailureClass.MAPPING, "legal_entity_unmapped", reason, "legal_entity"))
    is_new = state.project_id is None
    profile = employee.profile if isinstance(employee, Employee) else None
    cost = None if profile is None else profile.cost_rate
    changed = state.model_copy(
        update={
            "project_id": at_project.key.id,
            "opportunity_id": project.opportunity_id,
            "project_in_erp": project.erp_id,
            "legal_entity": project.legal_entity,
            "employee": at_employee.key.id,
            "role": assigned.role,
            "starts_on": assigned.starts_on,
            "ends_on": assigned.ends_on,
            "hours_per_week": assigned.hours_per_week,
            "billable": assigned.billable,
            "cost_rate": None if cost is None else cost.decimal,
            "cost_currency": None if cost is None else cost.currency,
            "status": "assigned",
            "erp": project.erp or legal_entity.route("assignment.put", assigned.starts_on) if is_new else state.erp,
            "crm": legal_entity.route("delivery.put", assigned.starts_on) if is_new else state.crm,
        }
    )
    if changed == state:
        return Ignore("the assignment is known like this already")
    return _told(changed, Notice("assigned", {"project_id": at_project.key.id}), context)


def _unassigned(state: Assignment, ends_on: date, context: Context) -> Decision:
    if state.starts_on is None:
        return Ignore("nobody was assigned: there is nothing to end")
    if state.status == "ended" and state.ends_on == ends_on:
        return Ignore(f"the assignment ended on {ends_on} already")
    changed = state.model_copy(update={"status": "ended", "ends_on": ends_on})
    return _told(changed, Notice("unassigned", {"project_id": state.project_id or ""}), context)


def _told(state: Assignment, notice: Notice, context: Context) -> Accept:
    """Bring ERP and CRM to the assignment as it stands."""
    number = state.puts + 1
    common = state.model_dump(include=_COMMON) | {"assignment_id": context.key.id}
    in_erp = {
        "project": state.project_in_erp, "hours_per_week": state.hours_per_week, "cost_rate": state.cost_rate,
        "currency": state.cost_currency,
    }  # fmt: skip
    in_crm = {"project_id": state.project_id, "opportunity_id": state.opportunity_id}
    bodies: tuple[tuple[str | None, str, Record], ...] = (
        (state.erp, "assignment.put", AssignmentPut.model_validate(common | in_erp)),
        (state.crm, "delivery.put", DeliveryPut.model_validate(common | in_crm)),
    )
    requests = tuple(
        Request(system, operation, numbered("state", number, body), body)
        for system, operation, body in bodies
        if system is not None
    )
    return Accept(state.model_copy(update={"puts": number}), requests, notices=(notice,))


def _result(result: Result) -> Decision:
    match result.outcome:
        case Confirmed():
            return Ignore(f"{result.command.system} has this state of the assignment")
        case Rejected(failure):
            return Reject(failure)
        case _:
            assert_never(result.outcome)


ACTOR = Actor("resource", Assignment, 1, decide, references)
