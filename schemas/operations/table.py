"""The table of operations: name to the body that a command of it carries."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from schemas.operations.assignment import AssignmentPut, DeliveryPut
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.contract import ContractCancel, ContractPut
from schemas.operations.cost import CostPost, CostReverse
from schemas.operations.customer import CustomerPut
from schemas.operations.expense import ExpensePost, ExpenseReverse
from schemas.operations.forecast import ForecastPut
from schemas.operations.invoice import InvoicePost, InvoicePut, ReceivablePut
from schemas.operations.milestone import MilestonePut
from schemas.operations.milestone_bill import MilestoneBill
from schemas.operations.project import ProjectCancel, ProjectCreate, ProjectLink, ProjectPut, ProjectWithdraw
from schemas.operations.workspace import WorkspaceArchive, WorkspaceCreate

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
"""The body of a command. Each has `legal_entity`, `amount` (a decimal), and `currency`; None where it has none."""

OPERATIONS: Final[Mapping[str, type[Body]]] = MappingProxyType(
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


def read_body(operation: str, body: bytes) -> Body:
    """The body of a command from its frozen bytes.

    Raises `KeyError` for an operation that is not in the table, `ValueError` for a body that is not of its model.
    """
    return OPERATIONS[operation].model_validate_json(body)
