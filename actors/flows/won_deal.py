"""The flow of a won deal, as a table: from the customer in the ERP to the ids in the CRM. One run for each part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actors.flows.steps import Doing, Flow, Job, Stays, Step
from schemas.contract import v1 as contract
from schemas.customer.v1 import Trade
from schemas.operations.contract import ContractCancel, ContractPut, ScheduledAmount
from schemas.operations.project import (
    ProjectCancel,
    ProjectCreate,
    ProjectLink,
    ProjectPut,
    ProjectWithdraw,
    RolePrice,
    WorkPackage,
)
from schemas.operations.workspace import WorkspaceArchive, WorkspaceCreate
from schemas.project import v1 as project
from schemas.values import BillingMethod
from schemas.verdicts import Failure, FailureClass


def _trade(job: Job) -> Trade:
    return Trade(to=job.customer_id, legal_entity=job.part.legal_entity, engagement=job.engagement, on=job.begins_on)


def _customer_in_erp(job: Job) -> str | None:
    system = job.system("customer.put")
    return None if job.customer is None or system is None else job.customer.erp_id(job.part.legal_entity, system)


def _had(operation: str) -> Callable[[Job], str | None]:
    """The id of a project that the system of an operation had before the deal was won."""

    def had(job: Job) -> str | None:
        system = job.system(operation)
        return None if system is None else job.state.had.get(system)

    return had


def _agreed(job: Job) -> str | None:
    """The id of a contract that was in force before the deal was won: its own terms stay."""
    return job.state.agreed


def _create(job: Job) -> ProjectCreate:
    line = job.policy.service_lines[job.part.service_line]
    return ProjectCreate(
        project_id=job.state.project_id,
        customer=_id(job, "customer"),
        legal_entity=job.part.legal_entity,
        currency=job.part.currency,
        name=job.deal.name,
        service_line=job.part.service_line,
        billing_method=_method(job),
        contract_reference=job.part.contract.reference,
        starts_on=job.begins_on,
        ends_on=job.part.contract.ends_on,
        roles=_roles(job),
        work_packages=tuple(
            WorkPackage(code=package.code, name=package.name, billable=package.billable) for package in line.template
        ),
        revenue=line.revenue,
    )


def _cancel(job: Job) -> ProjectCancel:
    return ProjectCancel(
        project_id=job.state.project_id, erp_id=_id(job, "shell"), legal_entity=job.part.legal_entity,
        currency=job.part.currency, reason=job.reason,
    )  # fmt: skip


def _put(job: Job) -> ProjectPut:
    return ProjectPut(
        project_id=job.state.project_id, erp_id=job.state.step("shell").external_id, name=job.deal.name,
        legal_entity=job.part.legal_entity, currency=job.part.currency,
    )  # fmt: skip


def _withdraw(job: Job) -> ProjectWithdraw:
    return ProjectWithdraw(
        project_id=job.state.project_id, psa_id=_id(job, "delivery"), legal_entity=job.part.legal_entity,
        currency=job.part.currency, reason=job.reason,
    )  # fmt: skip


def _agree(job: Job) -> ContractPut:
    part = job.part
    return ContractPut(
        contract_id=job.state.contract_id,
        version=1,
        effective_on=job.begins_on,
        reference=part.contract.reference,
        project_id=job.state.project_id,
        project=job.state.step("shell").external_id,
        customer=_id(job, "customer"),
        legal_entity=part.legal_entity,
        currency=part.currency,
        billing_method=_method(job),
        fee=None if part.billing.fee is None else part.billing.fee.decimal,
        value=part.amount,
        roles=_roles(job),
        schedule=_schedule(job),
        starts_on=job.begins_on,
        ends_on=part.contract.ends_on,
        tax_code=_tax_code(job),
    )


def _revoke(job: Job) -> ContractCancel:
    return ContractCancel(
        contract_id=job.state.contract_id, billing_id=_id(job, "contract"), legal_entity=job.part.legal_entity,
        currency=job.part.currency, reason=job.reason,
    )  # fmt: skip


def _open(job: Job) -> project.Opened:
    shell, delivery, part = job.state.step("shell"), job.state.step("delivery"), job.part
    return project.Opened(
        to=job.state.project_id,
        engagement=job.engagement,
        opportunity_id=job.deal.opportunity_id,
        name=job.deal.name,
        legal_entity=part.legal_entity,
        currency=part.currency,
        service_line=part.service_line,
        contract=job.state.contract_id,
        contract_reference=part.contract.reference,
        starts_on=job.begins_on,
        ends_on=part.contract.ends_on,
        tax_code=_tax_code(job),
        rates=part.billing.rates,
        erp=shell.system,
        erp_id=shell.external_id,
        psa=delivery.system,
        psa_id=delivery.external_id,
        owner=job.deal.owner,
    )


def _shut(job: Job) -> project.Withdrawn:
    return project.Withdrawn(to=job.state.project_id, engagement=job.engagement, reason=job.reason)


def _begin_contract(job: Job) -> contract.Opened:
    agreed, part = job.state.step("contract"), job.part
    return contract.Opened(
        to=job.state.contract_id,
        engagement=job.engagement,
        project_id=job.state.project_id,
        project=job.state.step("shell").external_id,
        customer=_id(job, "customer"),
        legal_entity=part.legal_entity,
        currency=part.currency,
        reference=part.contract.reference,
        method=_method(job),
        fee=None if part.billing.fee is None else part.billing.fee.decimal,
        value=part.amount,
        roles=_roles(job),
        schedule=_schedule(job),
        starts_on=job.begins_on,
        ends_on=part.contract.ends_on,
        tax_code=_tax_code(job),
        billing=agreed.system,
        billing_id=agreed.external_id,
    )


def _end_contract(job: Job) -> contract.Withdrawn:
    return contract.Withdrawn(to=job.state.contract_id, engagement=job.engagement, reason=job.reason)


def _make_workspace(job: Job) -> WorkspaceCreate:
    return WorkspaceCreate(project_id=job.state.project_id, legal_entity=job.part.legal_entity, name=job.deal.name)


def _archive(job: Job) -> WorkspaceArchive:
    return WorkspaceArchive(
        project_id=job.state.project_id, workspace_id=_id(job, "workspace"), legal_entity=job.part.legal_entity,
        reason=job.reason,
    )  # fmt: skip


def _link(job: Job) -> ProjectLink:
    return ProjectLink(
        opportunity_id=job.deal.opportunity_id,
        project_id=job.state.project_id,
        erp_id=job.state.step("shell").external_id,
        psa_id=job.state.step("delivery").external_id,
    )


def _has_id(_job: Job, external_id: str | None) -> Failure | None:
    if external_id is not None:
        return None
    return Failure(
        FailureClass.CONFLICT,
        "id_missing",
        "the system confirmed it without its own id: look it up there, and edit-retry with its external_id",
        "external_id",
    )


def _is_told(_job: Job, _external_id: str | None) -> Failure | None:
    """That it was taken is all that there is to know."""
    return None


def _id(job: Job, step: str) -> str:
    """The system's own id of what an earlier step made. Raises `ValueError` if it has not."""
    found = job.state.step(step).external_id
    if found is None:
        raise ValueError(f"{step} has no id yet")
    return found


def _method(job: Job) -> BillingMethod:
    if job.part.billing.method is None:
        raise ValueError("a part without a billing method passes no validation")
    return job.part.billing.method


def _tax_code(job: Job) -> str:
    if job.state.tax_code is None:
        raise ValueError("a customer without a tax code passes no validation")
    return job.state.tax_code


def _roles(job: Job) -> tuple[RolePrice, ...]:
    return tuple(RolePrice(role=rate.role, rate=rate.hourly.decimal) for rate in job.part.billing.rates)


def _schedule(job: Job) -> tuple[ScheduledAmount, ...]:
    return tuple(
        ScheduledAmount(name=row.name, due_on=row.due_on, milestone_id=row.milestone_id, amount=row.amount.decimal)
        for row in job.part.billing.schedule
    )


WON_DEAL: Final[Flow] = (
    Step(
        "customer", (), Doing("customer.trade", _trade), Stays("other deals may rely on the customer"), _has_id,
        ready=_customer_in_erp, awaits_reply=True, relies=("customer.put",),
    ),
    Step(
        "shell", ("customer",), Doing("project.create", _create), Doing("project.cancel", _cancel), _has_id,
        ready=_had("project.create"),
    ),
    Step(
        "delivery", ("shell",), Doing("project.put", _put), Doing("project.withdraw", _withdraw), _has_id,
        ready=_had("project.put"),
    ),
    Step(
        "contract", ("delivery",), Doing("contract.put", _agree), Doing("contract.cancel", _revoke), _has_id,
        ready=_agreed,
    ),
    Step(
        "open", ("contract",), Doing("project.opened", _open), Doing("project.withdrawn", _shut), _is_told,
        leaves="time may be billed on it: correct the sheets that are, so that their lines are reversed",
    ),
    Step(
        "terms", ("contract",), Doing("contract.opened", _begin_contract), Doing("contract.withdrawn", _end_contract),
        _is_told,
    ),
    Step(
        "workspace", ("open",), Doing("workspace.create", _make_workspace), Doing("workspace.archive", _archive),
        _has_id, critical=False,
    ),
    Step(
        "links", ("open",), Doing("project.link", _link),
        Stays("the CRM was told its ids", "tell whoever sold it that the project is cancelled"), _is_told,
    ),
)  # fmt: skip
"""Step, what it needs, do, undo, verify."""

CUSTOMER: Final = WON_DEAL[0]
