"""The canonical bodies of commands are what the sandbox systems take."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import orjson
import pytest

from adapters.sandbox.bodies import BODIES
from adapters.sandbox.operations import OPERATIONS as PLAYED
from adapters.sandbox.postings import Posting, read_posting
from schemas.operations.table import OPERATIONS

BILLABLE: Final[Mapping[str, object]] = MappingProxyType(
    {
        "project": "P-E1",
        "legal_entity": "DE01",
        "currency": "EUR",
        "amount": "1200.00",
        "hours": "8",
        "rate": "150.00",
        "role": "consultant",
        "employee": "4711",
        "work_date": "2026-11-02",
        "sheet_id": "S1",
        "line_id": "L1",
        "contract_reference": "SOW-1",
        "tax_code": "V19",
    }
)
EXPENSE: Final[Mapping[str, object]] = MappingProxyType(
    {
        "project": "P-E1",
        "legal_entity": "DE01",
        "currency": "EUR",
        "amount": "84.20",
        "category": "travel",
        "employee": "4711",
        "incurred_on": "2026-11-02",
        "report_id": "X1",
        "line_id": "L1",
        "contract_reference": "SOW-1",
        "tax_code": "V19",
    }
)
COST: Final[Mapping[str, object]] = MappingProxyType(
    {
        "kind": "time",
        "legal_entity": "DE01",
        "cost_centre": "CC-1",
        "employee": "4711",
        "incurred_on": "2026-11-02",
        "document_id": "S1",
        "line_id": "L2",
        "hours": "2",
    }
)
STANDING: Final[Mapping[str, object]] = MappingProxyType(
    {
        "invoice_id": "INV-1",
        "number": "2026-1",
        "legal_entity": "DE01",
        "issued_on": "2026-12-01",
        "due_on": "2026-12-31",
        "currency": "EUR",
        "status": "partly_paid",
        "total": "119.00",
        "paid": "19.00",
        "credited": "0",
        "written_off": "0",
        "open": "100.00",
        "overpaid": "0",
        "disputed": False,
    }
)
COMPLETE: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "customer.put": {
            "customer_id": "A1",
            "erp_id": "9001",
            "legal_entity": "DE01",
            "name": "Northwind Advisory",
            "country": "DE",
            "tax_code": "V19",
            "currency": "EUR",
            "on_hold": False,
        },
        "project.create": {
            "project_id": "E1",
            "customer": "C-A1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "name": "Rollout",
            "service_line": "advisory",
            "billing_method": "time_and_materials",
            "contract_reference": "SOW-1",
            "starts_on": "2026-11-01",
        },
        "forecast.put": {
            "forecast_id": "K1",
            "kind": "contract",
            "version": 1,
            "legal_entity": "DE01",
            "currency": "EUR",
        },
        "milestone.put": {
            "project_id": "E1",
            "milestone_id": "M1",
            "name": "Concept accepted",
            "completed_on": "2026-12-04",
            "legal_entity": "DE01",
            "currency": "EUR",
        },
        "assignment.put": {
            "assignment_id": "E1-4711",
            "project": "P-E1",
            "legal_entity": "DE01",
            "employee": "4711",
            "role": "consultant",
            "starts_on": "2026-11-01",
            "status": "assigned",
        },
        "delivery.put": {
            "assignment_id": "E1-4711",
            "project_id": "E1",
            "legal_entity": "DE01",
            "employee": "4711",
            "role": "consultant",
            "starts_on": "2026-11-01",
            "status": "assigned",
        },
        "billable.post": BILLABLE,
        "billable.reverse": dict(BILLABLE) | {"amount": "-1200.00", "hours": "-8", "reverses": "timesheet/S1/L1/1"},
        "expense.post": EXPENSE,
        "expense.reverse": dict(EXPENSE) | {"amount": "-84.20", "reverses": "expense/X1/L1/1"},
        "cost.post": COST,
        "cost.reverse": dict(COST) | {"hours": "-2", "reverses": "timesheet/S1/L2/1"},
        "project.put": {
            "project_id": "E1",
            "erp_id": "P-E1",
            "name": "Rollout",
            "legal_entity": "DE01",
            "currency": "EUR",
        },
        "project.cancel": {
            "project_id": "E1",
            "erp_id": "P-E1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "reason": "cancelled",
        },
        "project.withdraw": {
            "project_id": "E1",
            "psa_id": "psa-E1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "reason": "cancelled",
        },
        "contract.put": {
            "contract_id": "K1",
            "version": 1,
            "effective_on": "2026-11-01",
            "reference": "SOW-1",
            "project_id": "E1",
            "project": "P-E1",
            "customer": "C-A1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "billing_method": "time_and_materials",
            "starts_on": "2026-11-01",
            "tax_code": "V19",
        },
        "contract.cancel": {
            "contract_id": "K1",
            "billing_id": "K-K1",
            "legal_entity": "DE01",
            "currency": "EUR",
            "reason": "cancelled",
        },
        "milestone.bill": {
            "project_id": "E1",
            "project": "P-E1",
            "contract_id": "K1",
            "contract_reference": "SOW-1",
            "milestone_id": "M1",
            "name": "Concept accepted",
            "completed_on": "2026-12-04",
            "legal_entity": "DE01",
            "currency": "EUR",
            "amount": "12000.00",
        },
        "invoice.post": {
            "invoice_id": "INV-1",
            "legal_entity": "DE01",
            "customer": "C-A1",
            "project": "P-E1",
            "number": "2026-1",
            "issued_on": "2026-12-01",
            "due_on": "2026-12-31",
            "currency": "EUR",
            "net": "100.00",
            "tax": "19.00",
            "amount": "119.00",
            "lines": [{"line_id": "1", "kind": "time", "amount": "100.00", "tax_code": "V19"}],
        },
        "invoice.put": dict(STANDING) | {"customer_id": "A1"},
        "receivable.put": dict(STANDING) | {"project_id": "E1"},
        "workspace.create": {"project_id": "E1", "legal_entity": "DE01", "name": "Rollout"},
        "workspace.archive": {
            "project_id": "E1",
            "workspace_id": "W-E1",
            "legal_entity": "DE01",
            "reason": "cancelled",
        },
        "project.link": {"opportunity_id": "O1", "project_id": "E1", "erp_id": "P-E1", "psa_id": "psa-E1"},
    }
)


def test_both_tables_name_the_same_operations() -> None:
    assert set(OPERATIONS) == set(BODIES) == {each.name for each in PLAYED} == set(COMPLETE)


@pytest.mark.parametrize("operation", COMPLETE)
def test_a_canonical_body_is_read(operation: str) -> None:
    raw = OPERATIONS[operation].model_validate_json(orjson.dumps(dict(COMPLETE[operation]))).to_json()
    posting = read_posting(operation, '"k"', "timesheet/S%2F1/L1/1", raw)
    assert isinstance(posting, Posting), posting
    assert posting.key == "timesheet/S/1"
