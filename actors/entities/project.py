"""Project: what others rely on about it, from when its engagement has opened it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Snapshot
from actors.projects import milestones
from actors.projects.billing import UNBILLED
from actors.projects.changes import acted, closed, made_twice, margin_breached, terms_changed
from actors.projects.milestones import answered, ask_earlier, completed, unmapped
from actors.projects.repairing import repaired
from actors.projects.upcasts import UPCASTS
from schemas.acts import Acted
from schemas.bound import Bound
from schemas.commands import Result
from schemas.envelope import Envelope
from schemas.facts import Claim, Notice
from schemas.keys import EXTERNAL, ActorKey, external_key
from schemas.project.entity import Project, made_in
from schemas.project.v1 import (
    Activated,
    Closed,
    MarginThresholdBreached,
    MilestoneCompleted,
    Opened,
    StatusChanged,
    TermsChanged,
    Withdrawn,
)
from schemas.repair.v1 import Repaired


def references(state: Project, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """What milestones are billed by: the contract of the project."""
    match event:
        case Envelope(data=MilestoneCompleted() | Acted()):
            contract = state.contract
        case Envelope(data=Opened() as opened):
            contract = opened.contract
        case _:
            contract = None
    return () if contract is None else (ActorKey("contract", contract),)


def decide(state: Project, event: Event, context: Context) -> Decision:
    """What a project's event means; pure."""
    match event:
        case Result():
            return answered(state, event)
        case Envelope(data=Opened() as opened):
            return _opened(state, opened, context)
        case Envelope(data=Withdrawn() as withdrawn):
            return _withdrawn(state, withdrawn)
        case Envelope(data=Bound() as bound):
            return _bound(state, bound, context)
        case Envelope():
            return _told(state, event, context)


def _told(state: Project, event: Envelope, context: Context) -> Decision:
    """What the project's own events mean."""
    match event.data:
        case Activated() as activated:
            return Accept(state.model_copy(update={"activated_on": activated.activated_on}))
        case StatusChanged() as change:
            return _status(state, change.status)
        case MilestoneCompleted() as milestone:
            return completed(state, milestone, context)
        case TermsChanged() as terms:
            return terms_changed(state, terms)
        case MarginThresholdBreached() as breach:
            return margin_breached(state, breach)
        case Closed() as end:
            return closed(state, end)
        case Repaired() as repair:
            return repaired(state, repair, context)
        case Acted() as act:
            return milestones.acted(state, act, context) if act.topic.startswith(UNBILLED) else acted(state, act)
        case _:
            return Ignore(f"{event.type} does not concern a project")


def _opened(state: Project, opened: Opened, context: Context) -> Decision:
    """The row is filled, and the ids of ERP and PSA mean this project from now on.

    A project that was withdrawn with its deal begins anew with another one.
    """
    if state.engagement is not None and (state.status != "withdrawn" or state.engagement == opened.engagement):
        return Ignore(f"the project was opened already, by engagement {state.engagement}")
    known_before = state if state.engagement is None else Project(had=state.had)
    project = known_before.model_copy(
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
            "status": known_before.status or "active",
        }
    )
    refused = unmapped(project, context) if project.milestones else None
    if refused is not None:
        return refused
    billed = ask_earlier(project, context)
    known = ((opened.erp, opened.erp_id), (opened.psa, opened.psa_id))
    return Accept(
        billed.state,
        billed.requests,
        settles=billed.settles,
        binds=tuple(
            external_key(system, "project", id) for system, id in known if system is not None and id is not None
        ),
        notices=(Notice("activated", {} if opened.erp_id is None else {"erp_id": opened.erp_id}),),
        cases=(
            *billed.cases,
            *(
                made_twice(system, state.had[system], id)
                for system, id in known
                if system is not None and id is not None and state.had.get(system, id) != id
            ),
        ),
        remarks=billed.remarks,
    )


def _bound(state: Project, bound: Bound, context: Context) -> Decision:
    """A system has the project already, as a person says: its id means this project, and its deal makes no other."""
    system, id_ = bound.system, bound.external_id
    external = external_key(system, "project", id_)
    holder = context.taken.get(Claim(EXTERNAL, external.id))
    if holder is not None:
        return Ignore(f"{id_} of {system} means {holder}")
    if bound.legal_entity is not None and state.legal_entity not in (None, bound.legal_entity):
        return Ignore(f"the project belongs to {state.legal_entity}, not to {bound.legal_entity}")
    stands = {state.psa: state.psa_id, state.erp: state.erp_id}.get(system) or state.had.get(system)
    if stands is not None:
        return Ignore(f"{system} has the project as {stands}" + (" already" if stands == id_ else ""))
    claim = made_in(system, context.key.id)
    maker = context.taken.get(claim)
    if maker is not None:
        return Ignore(
            f"{maker} has {system} make the project: look what comes of that, and give its step the id if need be"
        )
    is_open = state.engagement is not None and state.status != "withdrawn"
    return Accept(
        state.model_copy(update={"had": {**state.had, system: id_}}),
        claims=() if is_open else (claim,),
        binds=(external,),
        notices=(Notice("linked", {"system": system, "external_id": id_}),),
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


ACTOR = Actor("project", Project, 2, decide, references, UPCASTS)
