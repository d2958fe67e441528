"""Project: what others rely on about it, from when its engagement has opened it."""

from __future__ import annotations

from typing import Literal

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, no_references
from schemas.commands import Result
from schemas.envelope import Envelope
from schemas.facts import Notice
from schemas.keys import external_key
from schemas.project.entity import Project
from schemas.project.v1 import Activated, MilestoneCompleted, Opened, StatusChanged, Withdrawn


def decide(state: Project, event: Event, _context: Context) -> Decision:
    """What a project's event means; pure."""
    match event:
        case Result():
            return Ignore("a project asks nothing of systems")
        case Envelope(data=Opened() as opened):
            return _opened(state, opened)
        case Envelope(data=Withdrawn() as withdrawn):
            return _withdrawn(state, withdrawn)
        case Envelope(data=Activated() as activated):
            return Accept(state.model_copy(update={"activated_on": activated.activated_on}))
        case Envelope(data=StatusChanged() as change):
            return _status(state, change.status)
        case Envelope(data=MilestoneCompleted() as milestone):
            return _milestone(state, milestone)
        case _:
            return Ignore(f"{event.type} does not concern a project")


def _opened(state: Project, opened: Opened) -> Decision:
    """The row is filled, and the ids of ERP and PSA mean this project from now on."""
    if state.engagement is not None:
        return Ignore(f"the project was opened already, by engagement {state.engagement}")
    project = state.model_copy(
        update={
            "engagement": opened.engagement,
            "legal_entity": opened.legal_entity,
            "currency": opened.currency,
            "name": opened.name,
            "opportunity_id": opened.opportunity_id,
            "service_line": opened.service_line,
            "contract": opened.contract,
            "contract_reference": opened.contract_reference,
            "starts_on": opened.starts_on,
            "ends_on": opened.ends_on,
            "tax_code": opened.tax_code,
            "rates": {rate.role: rate.hourly.decimal for rate in opened.rates},
            "erp": opened.erp,
            "erp_id": opened.erp_id,
            "psa": opened.psa,
            "psa_id": opened.psa_id,
            "owner": opened.owner,
            "status": state.status or "active",
        }
    )
    known = ((opened.erp, opened.erp_id), (opened.psa, opened.psa_id))
    return Accept(
        project,
        binds=tuple(
            external_key(system, "project", id) for system, id in known if system is not None and id is not None
        ),
        notices=(Notice("activated", {} if opened.erp_id is None else {"erp_id": opened.erp_id}),),
    )


def _withdrawn(state: Project, withdrawn: Withdrawn) -> Decision:
    if state.engagement != withdrawn.engagement:
        return Ignore(f"engagement {withdrawn.engagement} did not open this project")
    if state.status == "withdrawn":
        return Ignore("the project is withdrawn already")
    return _status(state, "withdrawn")


def _status(state: Project, status: Literal["active", "on_hold", "closed", "withdrawn"]) -> Decision:
    if state.status == "withdrawn":
        return Ignore("the deal was cancelled, so the project is withdrawn")
    return Accept(state.model_copy(update={"status": status}), notices=(Notice("status_changed", {"status": status}),))


def _milestone(state: Project, milestone: MilestoneCompleted) -> Decision:
    if milestone.milestone_id in state.milestones:
        return Ignore(f"milestone {milestone.milestone_id} is completed already")
    return Accept(
        state.model_copy(update={"milestones": (*state.milestones, milestone.milestone_id)}),
        notices=(Notice("milestone_completed", {"milestone_id": milestone.milestone_id}),),
    )


ACTOR = Actor("project", Project, 1, decide, no_references)
