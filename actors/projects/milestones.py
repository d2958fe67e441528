"""A completed milestone is kept; once it is known whose project it is, the CRM shows it, and it is billed."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from actors.decision import Accept, Context, Decision, Ignore, Reject, Request
from actors.lines import numbered
from actors.policy import Flow, Mode
from actors.projects.billing import OPERATION, UNBILLED, Billed, bill_milestones, differing, milestone_of
from schemas.acts import Act, Acted
from schemas.commands import Command, Confirmed, Rejected, Result
from schemas.facts import Notice
from schemas.operations.milestone import MilestonePut
from schemas.project.entity import Milestone, Project
from schemas.project.v1 import MilestoneCompleted
from schemas.values import Money
from schemas.verdicts import Failure, FailureClass

AGAIN: Final = 2
"""Counts the second showing of a milestone; the first one's command has no number."""


def completed(state: Project, milestone: MilestoneCompleted, context: Context) -> Decision:
    """Something was delivered that the contract names."""
    id, known = milestone.milestone_id, state.milestones.get(milestone.milestone_id)
    if known is not None:
        return _told_again(state, id, known, milestone.amount, context)
    # Looked at with or without an amount: the contract may have one for it.
    new = Milestone(name=milestone.name, completed_on=milestone.completed_on, is_to_bill=True)
    kept = new if milestone.amount is None else _with_amount(new, milestone.amount)
    return _goes_on(state, id, kept, context, Notice("milestone_completed", {"milestone_id": id}))


def _told_again(state: Project, id: str, known: Milestone, amount: Money | None, context: Context) -> Decision:
    """An amount that was left out at first is billed now; of two amounts the first counts, and a person is asked."""
    is_of_earlier_release = known.completed_on is None
    if is_of_earlier_release or amount is None or (amount.decimal, amount.currency) == (known.amount, known.currency):
        return Ignore(f"milestone {id} is completed already")
    if known.amount is not None:
        return Accept(state, cases=(differing(id, known, amount),))
    return _goes_on(state, id, _with_amount(known, amount), context)


def _with_amount(milestone: Milestone, amount: Money) -> Milestone:
    return milestone.model_copy(
        update={
            "amount": amount.decimal,
            "currency": amount.currency,
            "is_to_bill": True,
            "is_shown": False,
            "is_shown_again": milestone.is_shown,
        }
    )


def _goes_on(state: Project, id: str, kept: Milestone, context: Context, *notices: Notice) -> Decision:
    """The milestone is kept, shown, and billed, or kept until the project is set up."""
    refused = unmapped(state, context)
    if refused is not None:
        return refused
    billed = _ask(state.model_copy(update={"milestones": {**state.milestones, id: kept}}), context)
    remarks = () if state.legal_entity else ("the project is not set up yet: the milestone goes on once it is",)
    return Accept(
        billed.state, billed.requests, notices=notices, cases=billed.cases, settles=billed.settles,
        remarks=(*remarks, *billed.remarks),
    )  # fmt: skip


def acted(state: Project, act: Acted, context: Context) -> Decision:
    """A person has a milestone billed once more, or has looked at one that is not."""
    id = act.topic.removeprefix(UNBILLED)
    milestone = state.milestones.get(id)
    if act.act is Act.RESOLVE:
        settled = {} if milestone is None else {id: milestone.model_copy(update={"is_to_bill": False})}
        changed = state.model_copy(update={"milestones": {**state.milestones, **settled}})
        return Accept(changed, settles=(act.topic,), remarks=(f"{act.topic} was looked at by {act.by}: {act.reason}",))
    if act.act is not Act.RETRY or milestone is None or not milestone.is_to_bill:
        return Ignore(f"{act.act} is not possible here: nothing that it could settle is open under {act.topic}")
    mode = _mode(state, context)
    if mode is not Mode.LIVE:
        return Ignore(f"the policy has projects of {state.legal_entity} in mode {mode}: set it live, then retry again")
    billed = bill_milestones(state, context)
    if billed.state == state:
        return Ignore(f"the books of {milestone.completed_on} are closed still")
    return Accept(billed.state, billed.requests, cases=billed.cases, settles=billed.settles, remarks=billed.remarks)


def unmapped(state: Project, context: Context) -> Reject | None:
    """Why nobody can say who shows and bills the project's milestones."""
    if state.legal_entity is None or state.legal_entity in context.policy.legal_entities:
        return None
    reason = f"add legal entity {state.legal_entity} to the policy file, then retry"
    return Reject(Failure(FailureClass.MAPPING, "legal_entity_unmapped", reason, "legal_entity"))


def ask_earlier(state: Project, context: Context) -> Billed:
    """Have shown and billed what came before its project was opened; where projects are not live, remarks instead."""
    billed = _ask(state, context)
    mode = _mode(state, context)
    match mode:
        case Mode.LIVE:
            return billed
        case Mode.SHADOW:
            would = (f"shadow: would ask {each.system} for {each.operation} of {each.line}" for each in billed.requests)
            return Billed(_left_alone(state), remarks=tuple(would))
        case Mode.OFF:
            reason = f"{state.legal_entity} runs no projects"
            told = (f"{reason}: nobody is asked for {each.operation} of {each.line}" for each in billed.requests)
            return Billed(_left_alone(state), remarks=tuple(told))
        case _:
            assert_never(mode)


def answered(state: Project, result: Result) -> Decision:
    """What the systems say that were asked."""
    command = result.command
    match result.outcome:
        case Confirmed(external_id) if command.operation == OPERATION:
            told = {"milestone_id": milestone_of(command.line)}
            known_as = {} if external_id is None else {"billing_id": external_id}
            return Accept(_confirmed(state, command), notices=(Notice("milestone_billed", told | known_as),))
        case Confirmed():
            return Ignore(f"{command.system} shows the milestone")
        case Rejected(failure):
            return Reject(failure)
        case _:
            assert_never(result.outcome)


def _confirmed(state: Project, command: Command) -> Project:
    """The project with the reference under which a milestone is billed."""
    id = milestone_of(command.line)
    milestone = state.milestones.get(id)
    if milestone is None or milestone.bill_line != command.line:
        return state
    billed = milestone.model_copy(update={"reference": command.reference})
    return state.model_copy(update={"milestones": {**state.milestones, id: billed}})


def _ask(state: Project, context: Context) -> Billed:
    """Have milestones shown, and billed."""
    shown, requests = show_milestones(state, context)
    billed = bill_milestones(shown, context)
    return replace(billed, requests=(*requests, *billed.requests))


def _mode(state: Project, context: Context) -> Mode:
    legal_entity = context.policy.legal_entities.get(state.legal_entity or "")
    return Mode.LIVE if legal_entity is None else legal_entity.mode(Flow.PROJECTS)


def _left_alone(state: Project) -> Project:
    """What came while projects were not live here was billed otherwise, and is not billed once they are."""
    kept = {id: milestone.model_copy(update={"is_to_bill": False}) for id, milestone in state.milestones.items()}
    return state.model_copy(update={"milestones": kept})


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
        line = f"milestone.{milestone_id}"
        line = numbered(line, AGAIN, body) if milestone.is_shown_again else line
        requests.append(Request(crm, "milestone.put", line, body))
        milestones[milestone_id] = milestone.model_copy(update={"is_shown": True})
    return state.model_copy(update={"milestones": milestones}), tuple(requests)
