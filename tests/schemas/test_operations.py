"""The bodies of commands: exact, the same bytes every time, and readable by whoever keeps a journal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.cost import CostPost, CostReverse
from schemas.operations.expense import ExpensePost, ExpenseReverse
from schemas.operations.invoice import InvoicePost, ReceivablePut
from schemas.operations.table import OPERATIONS, Body, read_body
from tests.schemas.bodies import BODIES, billable, cost, expense, posted, standing, taken_back


def test_each_operation_has_a_body_here() -> None:
    assert {name: type(body) for name, body in BODIES.items()} == OPERATIONS


@pytest.mark.parametrize(("operation", "body"), BODIES.items())
def test_bytes_are_frozen_and_come_back(operation: str, body: Body) -> None:
    again = read_body(operation, body.to_json())

    assert again == body
    assert again.to_json() == body.to_json()


def test_a_journal_reads_the_same_three_of_each() -> None:
    seen = {name: (body.legal_entity, body.amount, body.currency) for name, body in BODIES.items()}

    assert seen == {
        "customer.put": ("DE01", None, "EUR"),
        "project.create": ("DE01", None, "EUR"),
        "project.cancel": ("DE01", None, "EUR"),
        "project.put": ("DE01", None, "EUR"),
        "project.withdraw": ("DE01", None, "EUR"),
        "contract.put": ("DE01", None, "EUR"),
        "contract.cancel": ("DE01", None, "EUR"),
        "workspace.create": ("DE01", None, None),
        "workspace.archive": ("DE01", None, None),
        "project.link": (None, None, None),
        "forecast.put": ("DE01", None, "EUR"),
        "milestone.put": ("DE01", None, "EUR"),
        "assignment.put": ("DE01", None, "EUR"),
        "delivery.put": ("DE01", None, None),
        "billable.post": ("DE01", Decimal("1087.50"), "EUR"),
        "billable.reverse": ("DE01", Decimal("-1087.50"), "EUR"),
        "expense.post": ("DE01", Decimal("184.90"), "EUR"),
        "expense.reverse": ("DE01", Decimal("-184.90"), "EUR"),
        "cost.post": ("DE01", Decimal("102.75"), "EUR"),
        "cost.reverse": ("DE01", Decimal("-102.75"), "EUR"),
        "milestone.bill": ("DE01", Decimal("12000.00"), "EUR"),
        "invoice.post": ("DE01", Decimal("16652.56"), "EUR"),
        "invoice.put": ("DE01", None, "EUR"),
        "receivable.put": ("DE01", None, "EUR"),
    }


def test_amounts_are_written_as_exact_strings() -> None:
    written = orjson.loads(BODIES["billable.reverse"].to_json())

    assert (written["amount"], written["hours"], written["rate"]) == ("-1087.50", "-7.50", "145.00")
    assert written["work_date"] == "2026-10-26"


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal("1.005")},
        {"amount": Decimal("1E+3")},
        {"amount": Decimal("NaN")},
        {"amount": 1087.5},
        {"amount": "1e3"},
        {"amount": Decimal("-0.01")},
        {"rate": Decimal("0.001")},
        {"rate": Decimal(-1)},
        {"hours": Decimal(0)},
        {"hours": Decimal("-7.50")},
        {"hours": Decimal("0.125")},
        {"currency": "EURO"},
        {"project": ""},
        {"tax_code": None},
        {"unknown": "1"},
    ],
    ids=str,
)
def test_a_booking_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BillablePost(**billable(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"amount": Decimal("0.01")}, {"hours": Decimal("7.50")}, {"reverses": ""}, {"rate": Decimal(-1)}],
    ids=str,
)
def test_a_reversal_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BillableReverse(**taken_back(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal("16652.57")},
        {"tax": Decimal("2658.810"), "amount": Decimal("16652.560")},
        {"net": Decimal("-1.00"), "tax": Decimal("0.00"), "amount": Decimal("-1.00")},
        {"lines": ()},
        {"lines": posted()["lines"][:1]},
    ],
    ids=str,
)
def test_an_invoice_that_does_not_add_up_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InvoicePost(**posted(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"open": Decimal("4280.01")},
        {"open": Decimal("4280.01"), "overpaid": Decimal("0.01")},
        {"paid": Decimal("14280.01")},
        {"status": "new"},
    ],
    ids=str,
)
def test_how_an_invoice_stands_is_refused_where_it_does_not_add_up(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReceivablePut(**standing(**changes), project_id="P-1")


def test_what_was_paid_too_much_is_not_open_below_zero() -> None:
    paid = standing(paid=Decimal("14281.00"), open=Decimal("0.00"), overpaid=Decimal("1.00"), status="paid")
    assert ReceivablePut(**paid, project_id="P-1").amount is None


def test_free_work_is_booked_and_taken_back_at_zero() -> None:
    assert BillablePost(**billable(amount=Decimal("0.00"), rate=Decimal(0))).amount == 0
    assert BillableReverse(**taken_back(amount=Decimal("0.00"), rate=Decimal(0))).amount == 0


FROZEN = {
    "billable.post": b'{"project":"PRJ-1","legal_entity":"DE01","currency":"EUR","amount":"1087.50","hours":"7.50",'
    b'"rate":"145.00","role":"consultant","employee":"E-1","work_date":"2026-03-02","sheet_id":"T-1","line_id":"1",'
    b'"contract_reference":"SOW-1","tax_code":"D19","cost_centre":"CC-1"}',
    "billable.reverse": b'{"project":"PRJ-1","legal_entity":"DE01","currency":"EUR","amount":"-1087.50",'
    b'"hours":"-7.50","rate":"145.00","role":"consultant","employee":"E-1","work_date":"2026-03-02","sheet_id":"T-1",'
    b'"line_id":"1","contract_reference":"SOW-1","tax_code":"D19","cost_centre":null,'
    b'"reverses":"timesheet/T-1/1.r1/1"}',
}
"""Bodies as releases froze them that knew neither revenue nor dimensions."""


@pytest.mark.parametrize("operation", FROZEN)
def test_what_an_earlier_release_froze_is_read(operation: str) -> None:
    body = read_body(operation, FROZEN[operation])

    assert isinstance(body, BillablePost | BillableReverse)
    assert (body.revenue, body.dimensions, body.contract_version) == (None, {}, None)


@pytest.mark.parametrize(
    "changes",
    [{"amount": Decimal("-0.01")}, {"amount": Decimal("1.005")}, {"category": None}, {"project": None}],
    ids=str,
)
def test_an_expense_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ExpensePost(**expense(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"hours": Decimal(-1)},
        {"hours": None},
        {"amount": None},
        {"currency": None},
        {"amount": Decimal("1.005")},
        {"kind": "expense"},
        {"kind": "expense", "hours": None, "amount": None, "currency": None},
        {"cost_centre": None},
    ],
    ids=str,
)
def test_a_cost_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CostPost(**cost(**changes))


def test_time_whose_cost_nobody_has_said_is_booked_by_the_hour() -> None:
    assert CostPost(**cost(amount=None, currency=None, project=None)).amount is None


def test_a_reversal_above_zero_is_refused() -> None:
    with pytest.raises(ValidationError):
        ExpenseReverse(**expense(reverses="expense/X/1.r1/1"))
    with pytest.raises(ValidationError):
        CostReverse(**cost(amount=Decimal("-102.75"), reverses="timesheet/T/3.r1/1"))


def test_an_unknown_operation_is_told() -> None:
    with pytest.raises(KeyError):
        read_body("billable.burn", b"{}")
    with pytest.raises(ValueError, match="customer_id"):
        read_body("customer.put", b"{}")
