"""What an approved repair does of milestones that their system does not have any more: they are billed anew."""

from __future__ import annotations

from actors.decision import Accept, Context, Decision, Ignore, Request
from actors.policy import Flow
from actors.projects.billing import OPERATION, billed_anew, unbillable
from actors.repairs import barred, outdated_look
from actors.standing import reference_of
from schemas.facts import Notice
from schemas.keys import ActorKey
from schemas.project.entity import Milestone, Project
from schemas.repair.v1 import Item, Repaired


def repaired(state: Project, told: Repaired, context: Context) -> Decision:
    """Each milestone that is billed as it was planned; the others are left to the next reconciliation."""
    outdated = outdated_look(told, context)
    if outdated is not None:
        return outdated
    milestones = dict(state.milestones)
    requests: list[Request] = []
    remarks: list[str] = []
    for item in told.items:
        id = _held(state, item, told, context.key)
        objection = _objection(state, None if id is None else milestones[id], item, context)
        if id is None or objection is not None:
            remarks.append(f"{objection}: it is left as it is")
            continue
        milestones[id], request = billed_anew(state, id, milestones[id], told.system, context)
        requests.append(request)
    if not requests:
        return Ignore("; ".join(remarks))
    notice = Notice("repaired", {"plan": told.plan, "by": told.by})
    after = state.model_copy(update={"milestones": milestones})
    return Accept(after, tuple(requests), notices=(notice,), remarks=tuple(remarks))


def _held(state: Project, item: Item, told: Repaired, key: ActorKey) -> str | None:
    """The milestone that an item is about, if it is billed as it was when the repair was planned."""
    for id, milestone in state.milestones.items():
        stands = reference_of(key, milestone.bill_line, milestone.reference)
        if (milestone.biller, milestone.bill_line, stands) == (told.system, item.booking, item.holds):
            return id
    return None


def _objection(state: Project, milestone: Milestone | None, item: Item, context: Context) -> str | None:
    """Why a milestone is not billed anew; None where it is."""
    if milestone is None or milestone.completed_on is None:
        return f"{OPERATION} of {item.booking} was asked for otherwise since the repair was planned"
    failure = unbillable(state, milestone)
    why = None if failure is None else failure.reason
    return why or barred(state.legal_entity or "", milestone.completed_on, context.policy, Flow.PROJECTS)
