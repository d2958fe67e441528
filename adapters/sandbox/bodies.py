"""The fields of request bodies that a sandbox system looks at; all others it takes unread.

Longer than a file should be, so that the bodies of all operations stand in one place, beside their table.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
Amount = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$")]


class Fields(BaseModel):
    """What is read of a body."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class BookedFields(Fields):
    """What is read of a body that writes an amount into the books."""

    legal_entity: Text
    currency: Text | None = None
    amount: Amount | None = None
    revenue: Text | None = None
    cost_centre: Text | None = None

    @property
    def day(self) -> date | None:
        """The day that the entry is of; None where the body does not say."""
        found = (getattr(self, name, None) for name in ("work_date", "incurred_on", "completed_on", "issued_on"))
        return next((each for each in found if each is not None), None)

    @property
    def account(self) -> str | None:
        """Where it is booked, as far as the body says."""
        return self.revenue


class ReversalFields(BookedFields):
    """What is read of a body that takes an entry back: one that was posted under the reference `reverses`."""

    reverses: Reference
    reverses_id: Text | None = None
    """Our own id of just that one."""
    work_date: date | None = None
    incurred_on: date | None = None


class CustomerPut(Fields):
    """A customer to make or to change; `erp_id` is the ERP's own id where it has it."""

    customer_id: Text
    erp_id: Text | None = None
    legal_entity: Text


class ProjectCreate(Fields):
    """A project in the ERP; `customer` is the ERP's own id."""

    project_id: Text
    customer: Text
    legal_entity: Text
    currency: Text


class ProjectCancel(Fields):
    """A project of the ERP to take back; `erp_id` is the ERP's own id."""

    erp_id: Text
    legal_entity: Text


class ContractPut(Fields):
    """A contract with its billing schedule; `customer` and `project` are the ERP's own ids."""

    contract_id: Text
    customer: Text
    project: Text | None = None
    legal_entity: Text
    currency: Text


class ContractCancel(Fields):
    """A contract to take back; `billing_id` is the ERP's own id."""

    billing_id: Text
    legal_entity: Text


class ProjectWithdraw(Fields):
    """A project of the PSA to close; `psa_id` is the PSA's own id."""

    psa_id: Text
    legal_entity: Text


class WorkspaceCreate(Fields):
    """A place for a project's documents and chat."""

    project_id: Text
    legal_entity: Text


class WorkspaceArchive(Fields):
    """A place to close."""

    workspace_id: Text
    legal_entity: Text


class ProjectPut(Fields):
    """A project in the PSA."""

    project_id: Text
    legal_entity: Text
    currency: Text


class ProjectLink(Fields):
    """The ids of a project, told to the opportunity that it came from."""

    opportunity_id: Text
    project_id: Text


class ForecastPut(Fields):
    """The forecast of a deal or a contract."""

    forecast_id: Text
    legal_entity: Text
    currency: Text


class MilestonePut(Fields):
    """A completed milestone, shown on the account."""

    project_id: Text
    milestone_id: Text


class AssignmentPut(Fields):
    """Who works on a project, for the ERP's cost forecast; `project` is the ERP's own id."""

    assignment_id: Text
    project: Text
    legal_entity: Text


class DeliveryPut(Fields):
    """Who works on a project, shown on the account."""

    assignment_id: Text
    project_id: Text


class BillablePost(BookedFields):
    """Approved time to bill; `project` is the ERP's own id, `amount` a decimal."""

    project: Text
    currency: Text
    amount: Amount
    work_date: date


class BillableReverse(ReversalFields):
    """The reversal of what was posted under the reference `reverses`."""

    project: Text
    currency: Text
    amount: Amount


class ExpensePost(BookedFields):
    """Approved expenses to bill; `project` is the ERP's own id, `amount` a decimal."""

    project: Text
    currency: Text
    amount: Amount
    incurred_on: date


class ExpenseReverse(ReversalFields):
    """The reversal of what was posted under the reference `reverses`."""

    project: Text
    currency: Text
    amount: Amount


class CostPost(BookedFields):
    """Time or expenses that nobody is billed for; `project` is the ERP's own id."""

    project: Text | None = None
    cost_centre: Text
    currency: Text | None = None
    amount: Amount | None = None
    incurred_on: date

    @property
    def account(self) -> str | None:
        """Cost is booked on its cost centre."""
        return self.cost_centre


class CostReverse(ReversalFields):
    """The reversal of what was posted under the reference `reverses`."""

    project: Text | None = None
    currency: Text | None = None
    amount: Amount | None = None


class MilestoneBill(BookedFields):
    """A completed milestone to bill; `project` is the ERP's own id, `amount` a decimal."""

    contract_id: Text
    milestone_id: Text
    project: Text | None = None
    currency: Text
    amount: Amount
    completed_on: date | None = None


class InvoicePost(BookedFields):
    """An invoice of a billing engine to post; `customer` and `project` are the ERP's own ids, `amount` a decimal."""

    invoice_id: Text
    customer: Text
    project: Text | None = None
    currency: Text
    amount: Amount
    issued_on: date | None = None


class Standing(Fields):
    """How an invoice stands: decimals, in its currency."""

    invoice_id: Text
    legal_entity: Text | None = None
    currency: Text | None = None
    total: Amount | None = None
    paid: Amount | None = None
    credited: Amount | None = None
    written_off: Amount | None = None
    open: Amount | None = None

    @property
    def shown(self) -> dict[str, str]:
        """The amounts that it names."""
        figures = (
            ("total", self.total), ("paid", self.paid), ("credited", self.credited), ("written_off", self.written_off),
            ("open", self.open),
        )  # fmt: skip
        return {name: amount for name, amount in figures if amount is not None}


class InvoicePut(Standing):
    """How an invoice stands, shown on the account."""

    customer_id: Text


class ReceivablePut(Standing):
    """How an invoice stands, shown on the project."""

    project_id: Text


Body = (
    CustomerPut
    | ProjectCreate
    | ProjectCancel
    | ProjectPut
    | ProjectWithdraw
    | ProjectLink
    | ContractPut
    | ContractCancel
    | ForecastPut
    | MilestonePut
    | AssignmentPut
    | DeliveryPut
    | WorkspaceCreate
    | WorkspaceArchive
    | BillablePost
    | BillableReverse
    | ExpensePost
    | ExpenseReverse
    | CostPost
    | CostReverse
    | MilestoneBill
    | InvoicePost
    | InvoicePut
    | ReceivablePut
)

BODIES: Final[Mapping[str, type[Body]]] = MappingProxyType(
    {
        "customer.put": CustomerPut,
        "project.create": ProjectCreate,
        "project.cancel": ProjectCancel,
        "project.put": ProjectPut,
        "project.withdraw": ProjectWithdraw,
        "project.link": ProjectLink,
        "contract.put": ContractPut,
        "contract.cancel": ContractCancel,
        "forecast.put": ForecastPut,
        "milestone.put": MilestonePut,
        "assignment.put": AssignmentPut,
        "delivery.put": DeliveryPut,
        "workspace.create": WorkspaceCreate,
        "workspace.archive": WorkspaceArchive,
        "billable.post": BillablePost,
        "billable.reverse": BillableReverse,
        "expense.post": ExpensePost,
        "expense.reverse": ExpenseReverse,
        "cost.post": CostPost,
        "cost.reverse": CostReverse,
        "milestone.bill": MilestoneBill,
        "invoice.post": InvoicePost,
        "invoice.put": InvoicePut,
        "receivable.put": ReceivablePut,
    }
)
