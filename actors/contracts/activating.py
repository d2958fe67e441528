"""How a contract begins: with the deal that it was won by, or by itself on a project that is there already."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal, NamedTuple

from actors.contracts.advancing import advance, amended, schedule_of
from actors.contracts.telling import tell, tell_billing
from actors.decision import Accept, Context, Decision, Ignore, Reject, Wait
from actors.flows.ids import CONTRACT
from actors.policy import LegalEntity
from schemas.acts import Act
from schemas.contract.entity import Amendment, Contract
from schemas.contract.v1 import Activated, Opened
from schemas.customer.entity import Customer
from schemas.facts import Case, Claim, Notice
from schemas.project.entity import Project
from schemas.verdicts import Failure, FailureClass

TAKEN: Final = "taken:"
"""Begins the topic of the case of a deal that names another one's contract."""
DIFFERS: Final = "differs:"
"""Begins the topic of the case of a deal that says otherwise of what its contract keeps."""


def opened(state: Contract, terms: Opened, context: Context) -> Decision:
    """The deal's flow has set the contract up, in the billing system too."""
    if state.engagement == terms.engagement:
        return Ignore("its engagement has set the contract up already")
    if state.status == "withdrawn":
        state = _anew(state)
    elif state.engagement is not None:
        return _taken(state, f"under the contract of engagement {state.engagement}", terms)
    if state.version:
        return _joined(state, terms, context)
    legal_entity = context.policy.legal_entities.get(terms.legal_entity)
    begun = state.model_copy(
        update={
            "engagement": terms.engagement,
            "reference": terms.reference,
            "customer": terms.customer,
            "project_id": terms.project_id,
            "project": terms.project,
            "tax_code": terms.tax_code,
            "billing": terms.billing,
            "billing_id": terms.billing_id,
            "status": "in_force",
            "legal_entity": terms.legal_entity,
            "currency": terms.currency,
            "method": terms.method,
            "fee": terms.fee,
            "starts_on": terms.starts_on,
            "planning": None if legal_entity is None else legal_entity.route("forecast.put", terms.starts_on),
        }
    )
    value = terms.fee if terms.value is None and terms.method == "fixed_fee" else terms.value
    first = Amendment(
        number=len(state.history) + 1,
        kind="contract",
        version=1,
        status="applied",
        billing="none" if terms.billing is None else "done",
        effective_on=terms.starts_on,
        value=value,
        rates={price.role: price.rate for price in terms.roles},
        schedule=terms.schedule,
        ends_on=terms.ends_on,
    )
    return _in_force(amended(begun, first), context)


def activated(state: Contract, terms: Activated, context: Context) -> Decision:
    """The CRM says that the contract is in force: what a deal set up stays, any other contract begins with it."""
    if state.status == "withdrawn":
        return Ignore("the contract is withdrawn, because its deal was cancelled: another deal may be won under it")
    if state.version:
        return Ignore(
            f"the contract is {state.status} already, at version {state.version}: send changes as change orders"
        )
    ground = _ground(state, terms, context)
    if not isinstance(ground, _Ground):
        return ground
    begun = _begun(state, terms, ground, context.key.id)
    first = _first(terms, billing="none" if begun.came_alone or begun.billing is None else "done")
    contract, requests = tell(amended(begun, first), context.key, first, billing=begun.came_alone)
    decision = _in_force(contract, context)
    settles = ("activation", *decision.settles)
    claims = (Claim(CONTRACT, context.key.id),) if begun.came_alone else ()
    return replace(decision, requests=(*requests, *decision.requests), settles=settles, claims=claims)


class _Ground(NamedTuple):
    """What a contract that comes by itself stands on.

    `erp` has the project, `customer` is the id there, or with whoever keeps the customers instead.
    """

    legal_entity: LegalEntity
    project_id: str
    project: Project
    erp: str | None
    customer: str


def _ground(state: Contract, terms: Activated, context: Context) -> _Ground | Decision:
    """Project and customer of a contract, once both are there; else what becomes of the event."""
    legal_entity = context.policy.legal_entities.get(terms.legal_entity)
    if legal_entity is None:
        reason = f"add legal entity {terms.legal_entity} to the policy file, then retry"
        return Reject(Failure(FailureClass.MAPPING, "legal_entity_unmapped", reason, "legal_entity"))
    at_project = context.find(terms.project.key("project"))
    project = at_project.state
    if not isinstance(project, Project) or project.erp_id is None:
        return Wait(at_project.key, "the contract's project is not there yet")
    if (project.legal_entity, project.currency) != (terms.legal_entity, terms.currency):
        return _contradicts(state, terms, project)
    holder = context.taken.get(Claim(CONTRACT, context.key.id))
    if holder is not None and project.contract != context.key.id:
        return _sold_elsewhere(state, holder.id)
    at_customer = context.find(terms.customer.key("customer"))
    customer = at_customer.state
    erp = project.erp or legal_entity.route("project.create", terms.starts_on)
    keeper = legal_entity.operations.get("customer.put") or erp or ""
    customer_id = customer.erp_id(terms.legal_entity, keeper) if isinstance(customer, Customer) else None
    if customer_id is None:
        return Wait(at_customer.key, f"{keeper} does not have the contract's customer for {terms.legal_entity} yet")
    return _Ground(legal_entity, at_project.key.id, project, erp, customer_id)


def _begun(state: Contract, terms: Activated, ground: _Ground, id: str) -> Contract:
    """The contract before its first entry. Where its project was sold under it, a deal brings it to billing."""
    return Contract(
        status="in_force",
        came_alone=ground.project.contract != id,
        reference=terms.reference or id,
        customer=ground.customer,
        project_id=ground.project_id,
        project=ground.project.erp_id,
        tax_code=ground.project.tax_code,
        legal_entity=terms.legal_entity,
        currency=terms.currency,
        method=terms.billing.method,
        fee=None if terms.billing.fee is None else terms.billing.fee.decimal,
        starts_on=terms.starts_on,
        held=state.held,
        billing=ground.legal_entity.resumed("contract.put", terms.starts_on, "erp", ground.erp),
        planning=ground.legal_entity.route("forecast.put", terms.starts_on),
    )


def _first(terms: Activated, billing: Literal["none", "done"]) -> Amendment:
    """The contract itself, as the first entry of its history."""
    value = terms.value or (terms.billing.fee if terms.billing.method == "fixed_fee" else None)
    return Amendment(
        number=1,
        kind="contract",
        version=1,
        status="applied",
        billing=billing,
        effective_on=terms.starts_on,
        value=None if value is None else value.decimal,
        rates={rate.role: rate.hourly.decimal for rate in terms.billing.rates},
        schedule=schedule_of(terms.schedule),
        forecast=terms.forecast or None,
        ends_on=terms.ends_on,
    )


def _joined(state: Contract, terms: Opened, context: Context) -> Accept:
    """A deal was won under a contract that is in force: its terms stay, and the billing system gets them again.

    One that came alone keeps its customer and tax code too; any other is set up by the deal under those of the deal.
    On another project than the contract's nothing of it changes, and a person is asked.
    """
    if state.project_id != terms.project_id:
        asked, requests = tell_billing(state, context.key)
        taken = _taken(asked, f"under a contract that is in force on project {state.project_id}", terms)
        return replace(taken, requests=requests)
    found = state.model_copy(
        update={
            "engagement": terms.engagement,
            "customer": state.customer if state.came_alone else terms.customer,
            "project": terms.project,
            "tax_code": state.tax_code if state.came_alone else terms.tax_code,
            "billing": state.billing if state.billing_id is not None else terms.billing,
            "billing_id": state.billing_id or terms.billing_id,
        }
    )
    asked, requests = tell_billing(found, context.key)
    remark = "the contract is in force already: its terms stay, from the deal it takes where it is kept"
    settles = tuple(each.topic for each in found.unbilled)
    return Accept(asked, requests, cases=_differences(found, terms), settles=settles, remarks=(remark,))


def _differences(state: Contract, terms: Opened) -> tuple[Case, ...]:
    """Who is billed, and how it is taxed, the contract says: a person must know of a deal that says otherwise."""
    said = {"customer": (state.customer, terms.customer), "tax_code": (state.tax_code, terms.tax_code)}
    differ = {field: values for field, values in said.items() if values[0] != values[1]}
    if not differ:
        return ()
    what = "; ".join(f"{field} {here} stays, the deal has {there}" for field, (here, there) in differ.items())
    reason = (
        f"engagement {terms.engagement} was won under this contract, and says otherwise of it: {what}; "
        "where that is wrong, give the deal's contract an id of its own in the CRM, and resolve this"
    )
    failure = Failure(FailureClass.CONFLICT, "terms_differ", reason, next(iter(differ)))
    return (Case(failure, f"{DIFFERS}{terms.engagement}", (Act.RESOLVE,)),)


def _anew(withdrawn: Contract) -> Contract:
    """A contract whose deal was cancelled begins again with another one; what was is history alone."""
    history = tuple(
        each.model_copy(update={"status": "cancelled"}) if each.status == "applied" else each
        for each in withdrawn.history
    )
    return withdrawn.model_copy(update={"status": "new", "engagement": None, "version": 0, "history": history})


def _in_force(contract: Contract, context: Context) -> Accept:
    """The contract is at version 1: change orders that came before it are applied."""
    decision = advance(contract, context)
    notice = Notice("in_force", {"project_id": contract.project_id or ""})
    return replace(decision, notices=(notice, *decision.notices))


def _taken(state: Contract, under: str, terms: Opened) -> Accept:
    """A deal names a contract that is not its own: a person must know that the deal bills without one."""
    reason = (
        f"engagement {terms.engagement} was sold {under}, so nothing of it is amended here: give its contract an id of "
        "its own in the CRM, and resolve this"
    )
    failure = Failure(FailureClass.CONFLICT, "contract_taken", reason, "contract")
    return Accept(state, cases=(Case(failure, f"{TAKEN}{terms.engagement}", (Act.RESOLVE,)),))


def _sold_elsewhere(state: Contract, engagement: str) -> Accept:
    reason = (
        f"engagement {engagement} is being set up under this contract, for another project: give one of them a "
        "contract of its own in the CRM and send contract.activated again"
    )
    failure = Failure(FailureClass.CONFLICT, "contract_taken", reason, "contract")
    return Accept(state, cases=(Case(failure, "activation", (Act.RESOLVE,)),))


def _contradicts(state: Contract, terms: Activated, project: Project) -> Accept:
    reason = (
        f"the contract is of {terms.legal_entity} in {terms.currency}, its project of {project.legal_entity} in "
        f"{project.currency}: correct it in the CRM and send contract.activated again"
    )
    failure = Failure(FailureClass.BUSINESS_RULE, "project_differs", reason, "project")
    return Accept(state, cases=(Case(failure, "activation", (Act.RESOLVE,)),))
