"""One body of each operation, for the tests of the schemas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from schemas.operations.assignment import AssignmentPut, DeliveryPut
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.contract import ContractCancel, ContractPut, ScheduledAmount
from schemas.operations.cost import CostPost, CostReverse
from schemas.operations.customer import CustomerPut
from schemas.operations.expense import ExpensePost, ExpenseReverse
from schemas.operations.forecast import ForecastPut, PlannedWork
from schemas.operations.invoice import InvoiceLine, InvoicePost, InvoicePut, ReceivablePut
from schemas.operations.milestone import MilestonePut
from schemas.operations.milestone_bill import MilestoneBill
from schemas.operations.project import (
    ProjectCancel,
    ProjectCreate,
    ProjectLink,
    ProjectPut,
    ProjectWithdraw,
    RolePrice,
    WorkPackage,
)
from schemas.operations.table import Body
from schemas.operations.workspace import WorkspaceArchive, WorkspaceCreate


def billable(**changes: Any) -> dict[str, Any]:
    """The fields of a booking."""
    return {
        "project": "PRJ-000017",
        "legal_entity": "DE01",
        "currency": "EUR",
        "amount": Decimal("1087.50"),
        "hours": Decimal("7.50"),
        "rate": Decimal("145.00"),
        "role": "consultant",
        "employee": "E-1042",
        "work_date": date(2026, 10, 26),
        "sheet_id": "TS-2026-44-1042",
        "line_id": "1",
        "contract_reference": "SOW-2026-017",
        "tax_code": "D19",
        "cost_centre": "CC-310",
        "contract_version": 2,
        "revenue": "REV-ADV",
        "dimensions": {"practice": "advisory"},
    } | changes


def taken_back(**changes: Any) -> dict[str, Any]:
    """The fields of the reversal of that booking."""
    reference = "timesheet/TS-2026-44-1042/1.r1/1"
    return billable(amount=Decimal("-1087.50"), hours=Decimal("-7.50"), reverses=reference) | changes


def expense(**changes: Any) -> dict[str, Any]:
    """The fields of an expense that is billed."""
    return {
        "project": "PRJ-000017",
        "legal_entity": "DE01",
        "currency": "EUR",
        "amount": Decimal("184.90"),
        "category": "travel",
        "employee": "E-1042",
        "incurred_on": date(2026, 10, 26),
        "report_id": "EX-2026-44-1042",
        "line_id": "1",
        "contract_reference": "SOW-2026-017",
        "tax_code": "D19",
        "cost_centre": "CC-310",
        "revenue": "REV-ADV",
        "dimensions": {"practice": "advisory"},
    } | changes


def cost(**changes: Any) -> dict[str, Any]:
    """The fields of time that is not billed."""
    return {
        "kind": "time",
        "project": "PRJ-000017",
        "legal_entity": "DE01",
        "cost_centre": "CC-310",
        "employee": "E-1042",
        "incurred_on": date(2026, 10, 27),
        "document_id": "TS-2026-44-1042",
        "line_id": "3",
        "hours": Decimal("1.50"),
        "role": "consultant",
        "amount": Decimal("102.75"),
        "currency": "EUR",
        "dimensions": {"practice": "advisory"},
    } | changes


def posted(**changes: Any) -> dict[str, Any]:
    """The fields of an invoice to be posted."""
    return {
        "invoice_id": "BI-2026-0481",
        "legal_entity": "DE01",
        "customer": "9001",
        "project": "PRJ-000017",
        "contract_reference": "SOW-2026-017",
        "number": "DE01-2026-0481",
        "issued_on": date(2026, 12, 5),
        "due_on": date(2027, 1, 4),
        "currency": "EUR",
        "net": Decimal("13993.75"),
        "tax": Decimal("2658.81"),
        "amount": Decimal("16652.56"),
        "lines": (
            InvoiceLine(line_id="1", kind="milestone", amount=Decimal("12000.00"), tax_code="DE-19"),
            InvoiceLine(line_id="2", kind="time", amount=Decimal("1993.75"), tax_code="DE-19"),
        ),
    } | changes


def standing(**changes: Any) -> dict[str, Any]:
    """The fields of how an invoice stands."""
    return {
        "invoice_id": "BI-2026-0481",
        "number": "DE01-2026-0481",
        "legal_entity": "DE01",
        "issued_on": date(2026, 12, 5),
        "due_on": date(2027, 1, 4),
        "sent_on": date(2026, 12, 5),
        "currency": "EUR",
        "status": "partly_paid",
        "total": Decimal("16652.56"),
        "paid": Decimal("10000.00"),
        "credited": Decimal("2372.56"),
        "written_off": Decimal("0.00"),
        "open": Decimal("4280.00"),
        "overpaid": Decimal("0.00"),
        "disputed": True,
        "dispute": "The workshop was to be free of charge.",
    } | changes


BODIES: Mapping[str, Body] = {
    "customer.put": CustomerPut(
        customer_id="C-1001",
        erp_id="9001",
        legal_entity="DE01",
        name="Example Shipyard GmbH",
        country="DE",
        tax_id="DE999999999",
        tax_code="D19",
        currency="EUR",
        payment_terms="NET30",
        on_hold=False,
    ),
    "project.create": ProjectCreate(
        project_id="ENG-2026-017-DE01",
        customer="10042",
        legal_entity="DE01",
        currency="EUR",
        name="Yard planning system",
        service_line="advisory",
        billing_method="time_and_materials",
        contract_reference="SOW-2026-017",
        starts_on=date(2026, 10, 1),
        ends_on=date(2027, 3, 31),
        roles=(RolePrice(role="consultant", rate=Decimal("145.00")),),
        work_packages=(WorkPackage(code="WP1", name="Analysis", billable=True),),
        revenue="REV-ADV",
    ),
    "project.cancel": ProjectCancel(
        project_id="ENG-2026-017-DE01",
        erp_id="PRJ-000017",
        legal_entity="DE01",
        currency="EUR",
        reason="the customer withdrew",
    ),
    "project.withdraw": ProjectWithdraw(
        project_id="ENG-2026-017-DE01",
        psa_id="4711",
        legal_entity="DE01",
        currency="EUR",
        reason="the customer withdrew",
    ),
    "contract.put": ContractPut(
        contract_id="CT-2026-017-DE01",
        version=1,
        effective_on=date(2026, 10, 1),
        reference="SOW-2026-017",
        project_id="ENG-2026-017-DE01",
        project="PRJ-000017",
        customer="10042",
        legal_entity="DE01",
        currency="EUR",
        billing_method="fixed_fee",
        fee=Decimal("24000.00"),
        value=Decimal("24000.00"),
        schedule=(
            ScheduledAmount(name="Kick-off", due_on=date(2026, 10, 15), amount=Decimal("8000.00")),
            ScheduledAmount(milestone_id="M-TRAINED", amount=Decimal("16000.00")),
        ),
        starts_on=date(2026, 10, 1),
        tax_code="D19",
    ),
    "contract.cancel": ContractCancel(
        contract_id="CT-2026-017-DE01",
        billing_id="K-17",
        legal_entity="DE01",
        currency="EUR",
        reason="the customer withdrew",
    ),
    "workspace.create": WorkspaceCreate(
        project_id="ENG-2026-017-DE01", legal_entity="DE01", name="Yard planning system"
    ),
    "workspace.archive": WorkspaceArchive(
        project_id="ENG-2026-017-DE01", workspace_id="W-17", legal_entity="DE01", reason="the customer withdrew"
    ),
    "project.put": ProjectPut(
        project_id="ENG-2026-017-DE01",
        erp_id="PRJ-000017",
        name="Yard planning system",
        legal_entity="DE01",
        currency="EUR",
    ),
    "project.link": ProjectLink(
        opportunity_id="OPP-20417", project_id="ENG-2026-017-DE01", erp_id="PRJ-000017", psa_id="4711"
    ),
    "forecast.put": ForecastPut(
        forecast_id="SOW-2026-017",
        kind="contract",
        version=3,
        legal_entity="DE01",
        currency="EUR",
        value=Decimal("204000.00"),
        starts_on=date(2026, 10, 1),
        ends_on=date(2027, 4, 30),
        work=(
            PlannedWork(
                role="consultant",
                starts_on=date(2026, 12, 1),
                ends_on=date(2026, 12, 31),
                hours=Decimal("160.00"),
                amount=Decimal("24000.00"),
            ),
        ),
    ),
    "milestone.put": MilestonePut(
        project_id="ENG-2026-017-DE01",
        opportunity_id="OPP-20417",
        milestone_id="M-1",
        name="Concept accepted",
        completed_on=date(2026, 12, 4),
        legal_entity="DE01",
        currency="EUR",
        price=Decimal("12000.00"),
    ),
    "assignment.put": AssignmentPut(
        assignment_id="ENG-2026-017-DE01-E-1042",
        project="PRJ-000017",
        legal_entity="DE01",
        employee="E-1042",
        role="consultant",
        starts_on=date(2026, 10, 5),
        ends_on=date(2027, 3, 31),
        hours_per_week=Decimal("32.00"),
        cost_rate=Decimal("68.50"),
        currency="EUR",
        status="assigned",
    ),
    "delivery.put": DeliveryPut(
        assignment_id="ENG-2026-017-DE01-E-1042",
        project_id="ENG-2026-017-DE01",
        opportunity_id="OPP-20417",
        legal_entity="DE01",
        employee="E-1042",
        role="consultant",
        starts_on=date(2026, 10, 5),
        ends_on=date(2027, 3, 31),
        status="assigned",
    ),
    "billable.post": BillablePost(**billable()),
    "billable.reverse": BillableReverse(**taken_back()),
    "expense.post": ExpensePost(**expense()),
    "expense.reverse": ExpenseReverse(**expense(amount=Decimal("-184.90"), reverses="expense/EX-2026-44-1042/1.r1/1")),
    "cost.post": CostPost(**cost()),
    "cost.reverse": CostReverse(
        **cost(hours=Decimal("-1.50"), amount=Decimal("-102.75"), reverses="timesheet/TS-2026-44-1042/3.r1/1")
    ),
    "milestone.bill": MilestoneBill(
        project_id="ENG-2026-017-DE01",
        project="PRJ-000017",
        contract_id="SOW-2026-017",
        contract_reference="SOW-2026-017",
        milestone_id="M-1",
        name="Concept accepted",
        completed_on=date(2026, 12, 4),
        legal_entity="DE01",
        currency="EUR",
        amount=Decimal("12000.00"),
    ),
    "invoice.post": InvoicePost(**posted()),
    "invoice.put": InvoicePut(
        **standing(), customer_id="C-1001", project_id="ENG-2026-017-DE01", opportunity_id="OPP-20417"
    ),
    "receivable.put": ReceivablePut(**standing(), project_id="ENG-2026-017-DE01", project="psa-ENG-2026-017-DE01"),
}
