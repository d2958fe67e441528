"""Project: a won deal becomes a project in ERP and PSA, and the CRM learns their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import assert_never

from actors.decision import Accept, Actor, Context, Decision, Event, Ignore, Reject, Request, Snapshot, Wait
from schemas.commands import Confirmed, Rejected, Result
from schemas.customer.entity import Customer
from schemas.envelope import Envelope
from schemas.facts import Notice
from schemas.keys import ActorKey, external_key
from schemas.operations.project import ProjectCreate, ProjectLink, ProjectPut, RolePrice
from schemas.project.entity import Project
from schemas.project.v1 import Activated, MilestoneCompleted, OpportunityWon, StatusChanged
from schemas.verdicts import Failure, FailureClass


def references(_state: Project, event: Event, _loaded: Mapping[ActorKey, Snapshot]) -> Iterable[ActorKey]:
    """A won deal needs its customer."""
    if isinstance(event, Envelope) and isinstance(event.data, OpportunityWon):
        return (event.data.customer.key("customer"),)
    return ()


def decide(state: Project, event: Event, context: Context) -> Decision:
    """What a project's event means; pure."""
    match event:
        case Result():
            return _result(state, event, context)
        case Envelope(data=OpportunityWon() as deal):
            return _won(state, deal, context)
        case Envelope(data=Activated() as activated):
            return Accept(state.model_copy(update={"activated_on": activated.activated_on}))
        case Envelope(data=StatusChanged() as change):
            return Accept(
                state.model_copy(update={"status": change.status}),
                notices=(Notice("status_changed", {"status": change.status}),),
            )
        case Envelope(data=MilestoneCompleted() as milestone):
            return _milestone(state, milestone)
        case _:
            return Ignore(f"{event.type} does not concern a project")


def _won(state: Project, deal: OpportunityWon, context: Context) -> Decision:
    if state.opportunity_id is not None:
        return Ignore(f"the project exists already, made by opportunity {state.opportunity_id}")
    legal_entity = context.policy.legal_entities.get(deal.legal_entity)
    if legal_entity is None:
        return Reject(_unmapped("legal_entity", f"legal entity {deal.legal_entity}"))
    if deal.service_line not in context.policy.service_lines:
        return Reject(_unmapped("service_line", f"service line {deal.service_line}"))
    snapshot = context.find(deal.customer.key("customer"))
    customer = snapshot.state
    if not isinstance(customer, Customer) or deal.legal_entity not in customer.erp_ids:
        return Wait(snapshot.key, f"the ERP of {deal.legal_entity} does not have the customer yet")
    if customer.on_hold:
        return Reject(_rule("credit_hold", f"{snapshot.key} is on credit hold: release the hold, then retry"))
    tax_code = customer.tax_codes.get(deal.legal_entity)
    if tax_code is None:  # the CRM took the legal entity off its record after the ERP had the customer
        reason = f"{snapshot.key} does not trade with {deal.legal_entity}: add it in the CRM, then retry"
        return Reject(_rule("customer_not_traded", reason))
    body = ProjectCreate(
        project_id=context.key.id,
        customer=customer.erp_ids[deal.legal_entity],
        legal_entity=deal.legal_entity,
        currency=deal.currency,
        name=deal.name,
        service_line=deal.service_line,
        billing_method=deal.billing.method,
        contract_reference=deal.contract.reference,
        starts_on=deal.contract.starts_on,
        ends_on=deal.contract.ends_on,
        roles=tuple(RolePrice(role=rate.role, rate=rate.hourly.decimal) for rate in deal.billing.rates),
    )
    won = state.model_copy(
        update={
            "legal_entity": deal.legal_entity,
            "currency": deal.currency,
            "name": deal.name,
            "opportunity_id": deal.opportunity_id,
            "contract_reference": deal.contract.reference,
            "starts_on": deal.contract.starts_on,
            "ends_on": deal.contract.ends_on,
            "tax_code": tax_code,
            "rates": {rate.role: rate.hourly.decimal for rate in deal.billing.rates},
        }
    )
    return Accept(won, requests=(Request(legal_entity.erp, "project.create", "shell", body),))


def _result(state: Project, result: Result, context: Context) -> Decision:
    match result.outcome:
        case Rejected(failure):
            return Reject(failure)
        case Confirmed(external_id):
            return _confirmed(state, result, external_id, context)
        case _:
            assert_never(result.outcome)


def _confirmed(state: Project, result: Result, external_id: str | None, context: Context) -> Decision:
    """Each confirmed step asks for the next: ERP, then PSA with the ERP's id, then the CRM with both."""
    legal_entity = context.policy.legal_entities.get(state.legal_entity or "")
    if legal_entity is None:
        return Reject(_unmapped("legal_entity", f"legal entity {state.legal_entity}"))
    binds = () if external_id is None else (external_key(result.command.system, "project", external_id),)
    match result.command.operation:
        case "project.create" if external_id is not None:
            put = ProjectPut(
                project_id=context.key.id,
                erp_id=external_id,
                name=state.name or context.key.id,
                legal_entity=state.legal_entity or "",
                currency=state.currency or legal_entity.currency,
            )
            status = state.status or "active"
            return Accept(
                state.model_copy(update={"erp_id": external_id, "status": status}),
                requests=(Request(legal_entity.psa, "project.put", "psa", put),),
                binds=binds,
                notices=(Notice("activated", {"erp_id": external_id}),),
            )
        case "project.put" if external_id is not None:
            link = ProjectLink(
                opportunity_id=state.opportunity_id or "",
                project_id=context.key.id,
                erp_id=state.erp_id or "",
                psa_id=external_id,
            )
            return Accept(
                state.model_copy(update={"psa_id": external_id}),
                requests=(Request(legal_entity.crm, "project.link", "crm", link),),
                binds=binds,
            )
        case "project.link":
            return Ignore("the CRM knows the ids of the project")
        case operation:
            return Reject(
                Failure(
                    FailureClass.CONFLICT,
                    "id_missing",
                    f"{result.command.system} confirmed {operation} without its own id: look the project up there",
                )
            )


def _milestone(state: Project, milestone: MilestoneCompleted) -> Decision:
    if milestone.milestone_id in state.milestones:
        return Ignore(f"milestone {milestone.milestone_id} is completed already")
    return Accept(
        state.model_copy(update={"milestones": (*state.milestones, milestone.milestone_id)}),
        notices=(Notice("milestone_completed", {"milestone_id": milestone.milestone_id}),),
    )


def _rule(code: str, reason: str) -> Failure:
    return Failure(FailureClass.BUSINESS_RULE, code, reason, "customer")


def _unmapped(what: str, name: str) -> Failure:
    return Failure(FailureClass.MAPPING, f"{what}_unmapped", f"add {name} to the policy file, then retry", what)


ACTOR = Actor("project", Project, 1, decide, references)
