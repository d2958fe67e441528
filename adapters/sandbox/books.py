"""What a sandbox system knows of its business, and what it refuses because of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import assert_never

from adapters.sandbox.answers import Refusal
from adapters.sandbox.bodies import (
    AssignmentPut,
    BillablePost,
    BillableReverse,
    Body,
    ContractCancel,
    ContractPut,
    CostPost,
    CostReverse,
    CustomerPut,
    DeliveryPut,
    ExpensePost,
    ExpenseReverse,
    ForecastPut,
    InvoicePost,
    InvoicePut,
    MilestoneBill,
    MilestonePut,
    ProjectCancel,
    ProjectCreate,
    ProjectLink,
    ProjectPut,
    ProjectWithdraw,
    ReceivablePut,
    WorkspaceArchive,
    WorkspaceCreate,
)
from adapters.sandbox.settings import SandboxSettings

Booked = (
    BillablePost | BillableReverse | ExpensePost | ExpenseReverse | CostPost | CostReverse | MilestoneBill | InvoicePost
)
"""What writes an amount into the books."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an accepted posting writes. `external_id` comes from the canonical id where the body has one.

    `shown`: amounts that it shows, by name, and that move no money.
    """

    external_id: str
    legal_entity: str | None = None
    amount: str | None = None
    currency: str | None = None
    shown: Mapping[str, str] | None = None


class Books:
    """Customers, projects with their currency, what else was made or cancelled, and references of what was posted."""

    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._customers: set[str] = set()
        self._currency_of_project: dict[str, str | None] = {}
        self._posted: set[str] = set()
        self._made: dict[str, set[str]] = {"contract.put": set(), "project.put": set(), "workspace.create": set()}
        self._cancelled: set[str] = set()

    def check(self, body: Body, seq: int) -> Written | Refusal:  # noqa: C901, PLR0912 one branch for each operation
        """What the body would write as effect number `seq`, or why it may not."""
        match body:
            case CustomerPut():
                entry = Written(body.erp_id or f"C-{body.customer_id}", body.legal_entity)
                return self._refused_entity(body.legal_entity, None) or entry
            case ProjectCreate():
                entry = Written(f"P-{body.project_id}", body.legal_entity, currency=body.currency)
                refused = self._refused_customer(body) or self._refused_entity(body.legal_entity, body.currency)
                return refused or self._refused_again(entry.external_id) or entry
            case ProjectPut():
                entry = Written(f"psa-{body.project_id}", body.legal_entity, currency=body.currency)
                return self._refused_entity(body.legal_entity, body.currency) or entry
            case ProjectLink():
                return Written(f"L-{seq}")
            case ForecastPut() | MilestonePut() | AssignmentPut() | DeliveryPut() | InvoicePut() | ReceivablePut():
                return self._planned(body)
            case ProjectCancel():
                return self._refused_project(body.erp_id, "erp_id") or Written(body.erp_id, body.legal_entity)
            case ContractPut():
                entry = Written(f"K-{body.contract_id}", body.legal_entity, currency=body.currency)
                return self._refused_contract(body) or entry
            case ContractCancel():
                return self._taking_back("contract.put", body.billing_id, "billing_id", body.legal_entity)
            case ProjectWithdraw():
                return self._taking_back("project.put", body.psa_id, "psa_id", body.legal_entity)
            case WorkspaceCreate():
                entry = Written(f"W-{body.project_id}", body.legal_entity)
                return self._refused_entity(body.legal_entity, None) or entry
            case WorkspaceArchive():
                return self._taking_back("workspace.create", body.workspace_id, "workspace_id", body.legal_entity)
            case BillablePost() | ExpensePost():
                prefix, day = ("B", body.work_date) if isinstance(body, BillablePost) else ("E", body.incurred_on)
                return self._refused_billing(body) or self._refused_date(body, day) or _booking(f"{prefix}-{seq}", body)
            case BillableReverse() | ExpenseReverse():
                return self._refused_billing(body) or self._refused_reversal(body) or _booking(f"R-{seq}", body)
            case CostPost():
                refused = self._refused_cost(body) or self._refused_date(body, body.incurred_on)
                return refused or _booking(f"X-{seq}", body)
            case CostReverse():
                return self._refused_cost(body) or self._refused_reversal(body) or _booking(f"R-{seq}", body)
            case MilestoneBill():
                return self._refused_invoice(body) or _booking(f"MB-{seq}", body)
            case InvoicePost():
                entry = _booking(f"I-{body.invoice_id}", body)
                return self._refused_customer(body) or self._refused_invoice(body) or entry
            case _:
                assert_never(body)

    def record(self, operation: str, external_id: str, reference: str, currency: str | None) -> None:
        """Take note of an effect, a new one or one from the file of an earlier run."""
        match operation:
            case "customer.put":
                self._customers.add(external_id)
            case "project.create":
                self._currency_of_project[external_id] = currency
            case "project.cancel":
                self._cancelled.add(external_id)
            case "contract.put" | "project.put" | "workspace.create":
                self._made[operation].add(external_id)
            case "billable.post" | "expense.post" | "cost.post":
                self._posted.add(reference)
            case _:
                # Nothing that is asked later depends on the others.
                pass

    def _refused_project(self, project: str, field: str, *, may_be_cancelled: bool = False) -> Refusal | None:
        if project not in self._currency_of_project:
            return Refusal(422, "unknown_project", f"There is no project {project} here.", field=field)
        if project in self._cancelled and not may_be_cancelled:
            return Refusal(422, "project_cancelled", f"Project {project} was cancelled.", field=field)
        return None

    def _refused_again(self, project: str) -> Refusal | None:
        if project not in self._cancelled:
            return None
        detail = f"Project {project} was cancelled: a new one needs another id."
        return Refusal(422, "project_cancelled", detail, field="project_id")

    def _refused_contract(self, body: ContractPut) -> Refusal | None:
        refused = None if body.project is None else self._refused_project(body.project, "project")
        return refused or self._refused_customer(body) or self._refused_entity(body.legal_entity, body.currency)

    def _taking_back(self, operation: str, id: str, field: str, legal_entity: str) -> Written | Refusal:
        """The entry that takes back what `operation` made, if it did."""
        if id in self._made[operation]:
            return Written(id, legal_entity)
        return Refusal(422, "unknown_record", f"There is no {id} here.", field=field)

    def _refused_customer(self, body: ProjectCreate | ContractPut | InvoicePost) -> Refusal | None:
        if body.customer in self._customers:
            return None
        return Refusal(422, "unknown_customer", f"There is no customer {body.customer} here.", field="customer")

    def _refused_invoice(self, body: MilestoneBill | InvoicePost) -> Refusal | None:
        refused = None if body.project is None else self._refused_project(body.project, "project")
        return refused or self._refused_entity(body.legal_entity, body.currency)

    def _planned(
        self, body: ForecastPut | MilestonePut | AssignmentPut | DeliveryPut | InvoicePut | ReceivablePut
    ) -> Written | Refusal:
        """The entry of what is planned or shown, which moves no money."""
        match body:
            case ForecastPut():
                entry = Written(f"F-{body.forecast_id}", body.legal_entity, currency=body.currency)
                return self._refused_entity(body.legal_entity, body.currency) or entry
            case MilestonePut():
                return Written(f"M-{body.project_id}-{body.milestone_id}")
            case AssignmentPut():
                entry = Written(f"A-{body.assignment_id}", body.legal_entity)
                refused = self._refused_project(body.project, "project")
                return refused or self._refused_entity(body.legal_entity, None) or entry
            case DeliveryPut():
                return Written(f"D-{body.assignment_id}")
            case InvoicePut() | ReceivablePut():
                return Written(f"V-{body.invoice_id}", body.legal_entity, currency=body.currency, shown=body.shown)
            case _:
                assert_never(body)

    def _refused_entity(self, legal_entity: str, currency: str | None) -> Refusal | None:
        entities = self._settings.legal_entities
        if entities is None:
            return None
        known = entities.get(legal_entity)
        if known is None:
            detail = f"There is no legal entity {legal_entity} here."
            return Refusal(422, "unknown_legal_entity", detail, field="legal_entity")
        if currency not in (None, known):
            detail = f"Legal entity {legal_entity} keeps its books in {known}, not in {currency}."
            return Refusal(422, "wrong_currency", detail, field="currency")
        return None

    def _refused_billing(self, body: BillablePost | BillableReverse | ExpensePost | ExpenseReverse) -> Refusal | None:
        is_reversal = isinstance(body, BillableReverse | ExpenseReverse)
        refused = self._refused_project(body.project, "project", may_be_cancelled=is_reversal)
        if refused is not None:
            return refused
        currency = self._currency_of_project[body.project]
        if currency != body.currency:
            detail = f"Project {body.project} is billed in {currency}, not in {body.currency}."
            return Refusal(422, "wrong_currency", detail, field="currency")
        return self._refused_entity(body.legal_entity, body.currency)

    def _refused_cost(self, body: CostPost | CostReverse) -> Refusal | None:
        """Cost may be in another currency than the project's: it is nobody's bill."""
        is_reversal = isinstance(body, CostReverse)
        refused = (
            None
            if body.project is None
            else self._refused_project(body.project, "project", may_be_cancelled=is_reversal)
        )
        return refused or self._refused_entity(body.legal_entity, None)

    def _refused_date(self, body: BillablePost | ExpensePost | CostPost, day: date) -> Refusal | None:
        closed = self._settings.closed_until
        if closed is None or day >= closed:
            return None
        field = "work_date" if isinstance(body, BillablePost) else "incurred_on"
        detail = f"The books are closed for work before {closed}; this was done on {day}."
        return Refusal(422, "closed_period", detail, field=field)

    def _refused_reversal(self, body: BillableReverse | ExpenseReverse | CostReverse) -> Refusal | None:
        if body.reverses in self._posted:
            return None
        return Refusal(422, "unknown_reference", f"Nothing was posted under {body.reverses}.", field="reverses")


def _booking(external_id: str, body: Booked) -> Written:
    return Written(external_id, legal_entity=body.legal_entity, amount=body.amount, currency=body.currency)
