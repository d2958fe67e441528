"""Engagement: a won deal becomes running projects, by the flow in `actors.flows`; its key is the engagement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import assert_never

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Snapshot, Wait
from actors.flows import approvals, engine
from actors.flows.again import another_deal, come_back, gone_from, named_again, without_parts
from actors.flows.edits import Unfit, edited, read_edit
from actors.flows.engine import Move
from actors.flows.forecast import forecast, forecast_answered, with_forecast
from actors.flows.ids import not_free, standing_contracts, taken_ids
from actors.flows.parts import contract_id, joined, parts_of, project_id, unmapped
from actors.flows.people import act
from actors.flows.scene import Scene
from actors.flows.stages import VALIDATE, examine, move, redirect
from actors.flows.steps import Job, Step
from actors.flows.won_deal import CUSTOMER, WON_DEAL
from schemas.acts import Act, Acted
from schemas.commands import Confirmed, Rejected, Result
from schemas.customer.entity import Customer
from schemas.engagement.entity import Engagement, Grant, PartState
from schemas.engagement.v1 import CustomerMoved, CustomerReady, CustomerRefused
from schemas.envelope import Envelope
from schemas.keys import ActorKey
from schemas.project.entity import Project
from schemas.project.v1 import OpportunityForecast
from schemas.project.v2 import OpportunityWon
from schemas.verdicts import Failure

STEPS = {step.name: step for step in WON_DEAL}


def references(state: Engagement, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """A deal is examined with its customer, projects, and contracts: when it is won, and when a person acts."""
    match event:
        case Envelope(data=OpportunityWon() as deal) if state.deal is None or _may_be_joined(state):
            known = () if state.customer is None else (ActorKey("customer", state.customer),)
            return (deal.customer.key("customer"), *known, *_set_up(state), *_set_up_by(event.subject, deal))
        case Envelope(data=Acted() as acted) if state.customer is not None and state.deal is not None:
            meant = _set_up_by(event.subject, _deal_meant(state.deal, acted))
            return (_customer_meant(state.customer, acted), *_set_up(state), *meant)
        case _:
            return ()


def decide(state: Engagement, event: Event, context: Context) -> Decision:
    """What an engagement's event means; pure."""
    decision = _decided(state, event, context)
    return with_forecast(state, decision, context) if isinstance(decision, Accept) else decision


def _decided(state: Engagement, event: Event, context: Context) -> Decision:
    match event:
        case Result(command=command) if command.operation == "forecast.put":
            return forecast_answered(event)
        case Result():
            return _answered(state, event, context)
        case Envelope(data=OpportunityForecast() as planned):
            return forecast(state, planned, context)
        case Envelope(data=OpportunityWon() as deal):
            return _won(state, deal, context)
        case Envelope(data=CustomerReady() as ready):
            return _customer_ready(state, ready, context)
        case Envelope(data=CustomerRefused() as refused):
            return _customer_refused(state, refused, context)
        case Envelope(data=CustomerMoved() as moved):
            return _customer_moved(state, moved, context)
        case Envelope(data=Acted() as acted):
            return _acted(state, acted, context)
        case _:
            return Ignore(f"{event.type} does not concern an engagement")


def _won(state: Engagement, deal: OpportunityWon, context: Context) -> Decision:
    if state.deal is not None:
        return _won_again(state, state.deal, deal, context)
    parts = parts_of(deal, context.policy)
    if not parts.live and not parts.shadow:
        return Ignore(f"{', '.join(part.legal_entity for part in parts.off)} does not run won deals")
    return _taken_up(state, deal, deal.customer.key("customer"), context)


def _taken_up(
    state: Engagement, deal: OpportunityWon, customer: ActorKey, context: Context, as_won: OpportunityWon | None = None
) -> Decision:
    """The deal is examined, as far as nothing of it is begun. `as_won`: without what was edited of it, if it was."""
    snapshot = context.find(customer)
    if not isinstance(snapshot.state, Customer) or snapshot.state.profile is None:
        return Wait(snapshot.key, f"nothing was heard of {snapshot.key} yet")
    won = state.model_copy(
        update={
            "deal": deal, "as_won": as_won, "was_new": None if as_won is None else state.was_new,
            "grants": approvals.of_running(state),
        }
    )  # fmt: skip
    return examine(won, _scene_with(state, snapshot.key.id, snapshot.state, context))


def _may_be_joined(state: Engagement) -> bool:
    """Whether parts of the deal may still begin that were in shadow or left out when it was won."""
    is_past = state.status in {"shadowed", "running", "active"}
    return is_past and (bool(state.left_out) or any(part.is_shadow for part in state.parts))


def _won_again(state: Engagement, first: OpportunityWon, deal: OpportunityWon, context: Context) -> Decision:
    """What was in shadow or left out begins now if it is live; for all else the deal is won already."""
    if deal.opportunity_id != first.opportunity_id:
        return another_deal(state, first, deal)
    known = named_again(state, deal)
    gone = gone_from(known, deal)
    if gone:
        return without_parts(known, first, gone)
    now = known.model_copy(update={"gone": ()})
    return come_back(state, now, _joining(now, first, deal, context))


def _joining(state: Engagement, first: OpportunityWon, deal: OpportunityWon, context: Context) -> Decision:
    """Further parts begin. Where all of the deal was in shadow, it is as it comes now."""
    known = Ignore(f"opportunity {deal.opportunity_id} was won already: what changes it is a change order")
    if not _may_be_joined(state):
        return known
    if state.status == "shadowed":
        is_live = bool(parts_of(deal, context.policy).live)
        return _taken_up(state, deal, deal.customer.key("customer"), context) if is_live else known
    whole = joined(state, first, deal, context.policy)
    if whole is None or state.customer is None:
        return known
    askers = (name for name in (deal.requested_by, deal.owner) if name is not None)
    barred = tuple(dict.fromkeys((*state.editors, *askers)))
    as_won = None if state.as_won is None else joined(state, state.as_won, deal, context.policy)
    joining = state.model_copy(update={"editors": barred})
    return _taken_up(joining, whole, ActorKey("customer", state.customer), context, as_won)


def _customer_ready(state: Engagement, ready: CustomerReady, context: Context) -> Decision:
    part = _waiting_part(state, ready.customer, ready.legal_entity)
    if part is None:
        return Ignore("nothing waits for this answer of the customer")
    code = state.tax_codes.get(ready.legal_entity, ready.tax_code)
    taxed = state.model_copy(
        update={
            "parts": tuple(
                each.model_copy(update={"tax_code": code}) if each.legal_entity == ready.legal_entity else each
                for each in state.parts
            )
        }
    )
    onward = engine.adopted if part.step(CUSTOMER.name).status == "failed" else engine.confirmed
    return _moved(taxed, ready.legal_entity, context, lambda job: onward(WON_DEAL, job, CUSTOMER, ready.erp_id))


def _customer_refused(state: Engagement, refused: CustomerRefused, context: Context) -> Decision:
    part = _waiting_part(state, refused.customer, refused.legal_entity)
    if part is None:
        return Ignore("nothing waits for this answer of the customer")
    stands = part.step(CUSTOMER.name)
    if (stands.code, stands.reason) == (refused.code, refused.reason):
        return Ignore("the customer said so already")
    failure = Failure(refused.failure_class, refused.code, refused.reason, refused.field)
    return _moved(state, refused.legal_entity, context, lambda job: engine.failed(job, CUSTOMER, failure))


def _customer_moved(state: Engagement, moved: CustomerMoved, context: Context) -> Decision:
    """The deal goes on with the customer that stays; what was made under the one that is gone stays as it is."""
    if state.customer != moved.customer or state.status in {"cancelling", "cancelled"}:
        return Ignore(f"customer {moved.customer} is not the one of this deal, or the deal is cancelled")
    return redirect(state, Scene(context.key.id, context.policy, moved.into))


def _acted(state: Engagement, acted: Acted, context: Context) -> Decision:
    if state.deal is None or state.customer is None:
        return Ignore("nothing was won here yet")
    snapshot = context.find(_customer_meant(state.customer, acted))
    customer = snapshot.state if isinstance(snapshot.state, Customer) and snapshot.state.profile is not None else None
    grant = Grant(rule="", role="", by=acted.by, at=context.now, reason=acted.reason)
    return act(state, acted, _scene_with(state, snapshot.key.id, customer, context), grant)


def _answered(state: Engagement, result: Result, context: Context) -> Decision:
    """A system's answer to the try that stands; to any other it is no news."""
    line = engine.read_line(result.command.line)
    step = STEPS.get(line.step)
    part = next((each for each in state.parts if each.legal_entity == line.legal_entity), None)
    if step is None or part is None:
        return Ignore("the part or step is not known any more")
    stands = part.step(step.name)
    if line.is_undo:
        is_news = stands.status == "undoing" and stands.undo_tries == line.number and stands.code is None
    else:
        is_news = stands.status == "asked" and stands.tries == line.number
    if not is_news:
        return Ignore(f"{line.legal_entity}.{step.name}: the answer to a try that is over")
    if step.awaits_reply and isinstance(result.outcome, Confirmed):
        return Ignore(f"{line.legal_entity}.{step.name}: asked, and the answer comes as an event")
    return _moved(state, line.legal_entity, context, _meaning(step, result, is_undo=line.is_undo, state=state))


def _meaning(step: Step, result: Result, *, is_undo: bool, state: Engagement) -> Callable[[Job], Move]:
    """What the outcome of a command does to its part."""
    is_cancelling = state.status == "cancelling"
    match result.outcome:
        case Confirmed() if is_undo:
            return lambda job: engine.undone(WON_DEAL, job, step)
        case Confirmed(external_id):
            onward = engine.landed if is_cancelling else engine.confirmed
            return lambda job: onward(WON_DEAL, job, step, external_id)
        case Rejected(failure) if is_undo:
            return lambda job: engine.undo_failed(job, step, failure)
        case Rejected(failure) if is_cancelling:
            return lambda job: engine.fell(WON_DEAL, job, step, failure)
        case Rejected(failure):
            return lambda job: engine.failed(job, step, failure)
        case _:
            assert_never(result.outcome)


def _moved(state: Engagement, legal_entity: str, context: Context, step: Callable[[Job], Move]) -> Decision:
    failure = unmapped(state, context.policy)
    if failure is not None:
        return Reject(failure)
    return move(state, _scene(context), {legal_entity}, step)


def _had(context: Context) -> dict[str, dict[str, str]]:
    """Of the projects that were looked up, the ids that systems had before the deal was won."""
    found = ((key.id, snapshot.state) for key, snapshot in context.references.items())
    return {
        id_: project.had
        for id_, project in found
        if isinstance(project, Project) and (project.engagement is None or project.status == "withdrawn")
    }


def _scene_with(state: Engagement, customer_id: str, customer: Customer | None, context: Context) -> Scene:
    return Scene(
        context.key.id, context.policy, customer_id, customer, _had(context), taken_ids(context),
        standing_contracts(state, context), not_free(state, context),
    )  # fmt: skip


def _scene(context: Context) -> Scene:
    return Scene(context.key.id, context.policy)


def _waiting_part(state: Engagement, customer: str, legal_entity: str) -> PartState | None:
    """The part that waits for the customer's answer, or that its last answer has stopped."""
    if state.status in {"cancelling", "cancelled"} or state.customer != customer:
        return None
    return next(
        (
            part
            for part in state.parts
            if part.legal_entity == legal_entity
            and not part.is_shadow
            and part.step(CUSTOMER.name).status in {"asked", "failed"}
        ),
        None,
    )


def _set_up(state: Engagement) -> list[ActorKey]:
    """The projects and contracts of its parts, also of those that the deal has come again without."""
    projects = [ActorKey("project", part.project_id) for part in state.parts]
    return [*projects, *(ActorKey("contract", part.contract_id) for part in state.parts)]


def _set_up_by(engagement: str, deal: OpportunityWon) -> list[ActorKey]:
    """The projects and contracts that a deal is to set up."""
    projects = [ActorKey("project", project_id(engagement, deal, part)) for part in deal.parts]
    return [*projects, *(ActorKey("contract", contract_id(deal, part)) for part in deal.parts)]


def _deal_meant(deal: OpportunityWon, acted: Acted) -> OpportunityWon:
    """The deal, or what an edit makes of it."""
    if acted.act is not Act.EDIT_RETRY or acted.topic != VALIDATE:
        return deal
    try:
        return edited(deal, read_edit(acted))
    except Unfit:  # the decision says why
        return deal


def _customer_meant(customer: str, acted: Acted) -> ActorKey:
    """The deal's customer, or the one that an edit puts in its place."""
    if acted.act is Act.EDIT_RETRY and acted.topic == VALIDATE:
        try:
            other = read_edit(acted).customer
        except Unfit:
            other = None
        if other is not None:
            return other.key("customer")
    return ActorKey("customer", customer)


ACTOR = Actor("engagement", Engagement, 1, decide, references)
