"""Events of invoices: what does not add up is refused in one plain sentence, and nothing is rounded or converted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pytest

from schemas.invoice.v1 import MOST_BILLS, Issued, PaymentReceived, WrittenOff
from tests.schemas.messages import decoded, example, example_data, refusal

ISSUED, POSTED, PAID = "invoice.issued.v1", "invoice.posted.v1", "invoice.payment_received.v1"
MILESTONE, TIME = example_data(ISSUED)["lines"]
BILL = TIME["bills"][0]
MANY = [{"entity": "timesheet", "id": "TS-1", "line_id": str(number)} for number in range(MOST_BILLS)]

WRONG: list[tuple[str, dict[str, Any], str]] = [
    (ISSUED, {"total": "16652.57"}, "let `net` and `tax` add up to `total`"),
    (ISSUED, {"total": 16652.56}, "write the amount as a JSON string"),
    (ISSUED, {"tax": "2658.810", "total": "16652.560"}, "EUR has 2 decimals"),
    (ISSUED, {"net": "-3000.00", "tax": "0.00", "total": "-3000.00"}, "what goes back is a credit memo"),
    (ISSUED, {"due_on": "2026-12-04"}, "let `due_on` be the day of `issued_on`"),
    (ISSUED, {"lines": []}, "at least 1"),
    (ISSUED, {"lines": [MILESTONE]}, "let the amounts of `lines` add up to `net`"),
    (ISSUED, {"lines": [MILESTONE, TIME | {"line_id": "1"}]}, "a `line_id` of its own"),
    (ISSUED, {"lines": [MILESTONE, TIME | {"bills": [BILL, BILL]}]}, "each line of a sheet or report once"),
    (ISSUED, {"lines": [MILESTONE | {"bills": [BILL]}, TIME]}, "each line of a sheet or report once"),
    (ISSUED, {"lines": [MILESTONE | {"bills": [BILL]}, TIME | {"bills": MANY}]}, f"at most {MOST_BILLS} lines"),
    (ISSUED, {"lines": [MILESTONE, TIME | {"amount": "1993.750"}]}, "EUR has 2 decimals"),
    (ISSUED, {"lines": [MILESTONE, TIME | {"kind": "gift"}]}, "kind"),
    (POSTED, {"lines": [MILESTONE]}, "let the amounts of `lines` add up to `net`"),
    (POSTED, {"posted_on": None}, "posted_on"),
    (PAID, {"amount": {"amount": "0.00", "currency": "EUR"}}, "other than zero"),
    (PAID, {"amount": {"amount": "0.001", "currency": "EUR"}}, "EUR has 2 decimals"),
    ("invoice.credit_memo_issued.v1", {"amount": {"amount": "-1.00", "currency": "EUR"}}, "zero or more"),
    ("invoice.written_off.v1", {"amount": {"amount": "-1.001", "currency": "EUR"}}, "EUR has 2 decimals"),
    ("invoice.disputed.v1", {"settled": "no"}, "settled"),
    ("ledger.revenue_posted.v1", {"amount": {"amount": "1.001", "currency": "EUR"}}, "EUR has 2 decimals"),
]


@pytest.mark.parametrize(("type_", "changes", "sentence"), WRONG, ids=[f"{row[0]} {row[2]}"[:70] for row in WRONG])
def test_a_wrong_event_is_told_what_to_change(type_: str, changes: dict[str, Any], sentence: str) -> None:
    event = example(type_)
    event["data"] |= changes
    assert sentence in refusal(orjson.dumps(event)).reason


def test_a_write_off_may_be_taken_back() -> None:
    event = example("invoice.written_off.v1")
    event["data"] |= {"amount": {"amount": "-1.00", "currency": "EUR"}}
    data = decoded(event).data
    assert isinstance(data, WrittenOff)
    assert data.amount.decimal == Decimal("-1.00")


def test_an_invoice_may_take_something_off_and_bill_nothing_that_we_know() -> None:
    event = example(ISSUED)
    discount = {"line_id": "3", "kind": "other", "amount": "-12000.00", "tax_code": "DE-19"}
    event["data"] |= {"lines": [MILESTONE, TIME, discount], "net": "1993.75", "tax": "0.00", "total": "1993.75"}
    assert isinstance(decoded(event).data, Issued)


def test_a_payment_may_go_back() -> None:
    event = example(PAID)
    event["data"] |= {"amount": {"amount": "-10000.00", "currency": "EUR"}}
    assert isinstance(decoded(event).data, PaymentReceived)
