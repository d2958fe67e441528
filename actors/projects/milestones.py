"""A completed milestone is kept, and shown in the CRM once it is known whose project it is. Bills nothing yet."""

from __future__ import annotations

from typing import assert_never

from actors.decision import Accept, Context, Decision, Ignore, Request
from actors.policy import Flow, Mode
from schemas.facts import Notice
from schemas.operations.milestone import MilestonePut
from schemas.project.entity import Milestone, Project
from schemas.project.v1 import MilestoneCompleted


def completed(state: Project, milestone: MilestoneCompleted, context: Context) -> Decision:
    """Something was delivered that the contract names."""
    if milestone.milestone_id in state.milestones:
        return Ignore(f"milestone {milestone.milestone_id} is completed already")
    kept = Milestone(
        name=milestone.name,
        completed_on=milestone.completed_on,
        amount=None if milestone.amount is None else milestone.amount.decimal,
        currency=None if milestone.amount is None else milestone.amount.currency,
    )
    changed = state.model_copy(update={"milestones": {**state.milestones, milestone.milestone_id: kept}})
    shown, requests = show_milestones(changed, context)
    remarks = () if state.legal_entity else ("the project is not set up yet: the CRM shows the milestone once it is",)
    notice = Notice("milestone_completed", {"milestone_id": milestone.milestone_id})
    return Accept(shown, requests, notices=(notice,), remarks=remarks)


def show_earlier(state: Project, context: Context) -> tuple[Project, tuple[Request, ...], tuple[str, ...]]:
    """Show milestones that came before their project was opened; where projects are not live, remarks instead."""
    shown, requests = show_milestones(state, context)
    legal_entity = context.policy.legal_entities.get(state.legal_entity or "")
    mode = Mode.LIVE if legal_entity is None else legal_entity.mode(Flow.PROJECTS)
    match mode:
        case Mode.LIVE:
            return shown, requests, ()
        case Mode.SHADOW:
            return state, (), tuple(f"shadow: would ask {asked.system} to show {asked.line}" for asked in requests)
        case Mode.OFF:
            reason = f"{state.legal_entity} runs no projects"
            return state, (), tuple(f"{reason}: {asked.line} is not shown" for asked in requests)
        case _:
            assert_never(mode)


def show_milestones(state: Project, context: Context) -> tuple[Project, tuple[Request, ...]]:
    """The project as it is once the CRM was asked to show its milestones, and what it is asked; some may come early."""
    legal_entity = context.policy.legal_entities.get(state.legal_entity or "")
    if legal_entity is None or state.legal_entity is None:
        return state, ()
    requests: list[Request] = []
    milestones = dict(state.milestones)
    for milestone_id, milestone in state.milestones.items():
        if milestone.completed_on is None or milestone.is_shown:
            continue
        crm = legal_entity.route("milestone.put", milestone.completed_on)
        if crm is None:
            continue
        body = MilestonePut(
            project_id=context.key.id,
            opportunity_id=state.opportunity_id,
            milestone_id=milestone_id,
            name=milestone.name,
            completed_on=milestone.completed_on,
            legal_entity=state.legal_entity,
            currency=milestone.currency or state.currency or legal_entity.currency,
            price=milestone.amount,
        )
        requests.append(Request(crm, "milestone.put", f"milestone.{milestone_id}", body))
        milestones[milestone_id] = milestone.model_copy(update={"is_shown": True})
    return state.model_copy(update={"milestones": milestones}), tuple(requests)
