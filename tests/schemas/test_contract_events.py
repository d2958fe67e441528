"""Events of contracts and of what they are about: what cannot be meant is refused in one plain sentence."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.contract.v1 import ChangeOrderApproved
from tests.schemas.messages import decoded, example, refusal

EUR, USD = {"amount": "1.00", "currency": "EUR"}, {"amount": "1.00", "currency": "USD"}
RATE, IN_USD = {"role": "consultant", "hourly": EUR}, {"role": "consultant", "hourly": USD}
ORDER, RENEWED, ACTIVATED = "contract.change_order_approved.v1", "contract.renewed.v1", "contract.activated.v1"

WRONG: list[tuple[str, dict[str, Any], str]] = [
    (ORDER, {"version": 1}, "the contract itself is version 1"),
    (ORDER, {"version": "2"}, "whole JSON number from 2 on"),
    (ORDER, {"value_change": USD}, "amounts are in USD and in EUR"),
    (ORDER, {"rates": [RATE, RATE]}, "one rate for each role"),
    (ORDER, {"rates": []}, "needs at least 1 entry"),
    (ORDER, {"schedule": [{"amount": EUR}]}, "either `due_on` or `milestone_id`"),
    (ORDER, {"schedule": [{"amount": EUR, "due_on": "2026-12-01", "milestone_id": "M-1"}]}, "either `due_on`"),
    (ORDER, {"approved_by": {"id": "E-1"}}, "data.approved_by.role: is missing"),
    (ORDER, {"ends_on": "31.12.2026"}, "an existing ISO date"),
    (RENEWED, {"ends_on": "2027-04-30"}, "let `ends_on` be the day of `effective_on` or a later one"),
    (RENEWED, {"rates": [IN_USD]}, "amounts are in"),
    (RENEWED, {"value_change": {"amount": "-1.00", "currency": "EUR"}}, "zero or more"),
    (ACTIVATED, {"value": USD}, "amounts are in EUR and in USD"),
    (ACTIVATED, {"starts_on": "2027-04-01"}, "let `ends_on` be the day of `starts_on`"),
    ("resource.assigned.v1", {"ends_on": "2026-10-04"}, "let `ends_on` be the day of `starts_on`"),
    ("resource.assigned.v1", {"hours_per_week": "-1"}, "zero or more"),
    ("rate_card.published.v1", {"rates": [IN_USD]}, "the rate of consultant is in USD"),
    ("rate_card.published.v1", {"rates": [RATE, RATE]}, "one rate for each role"),
    ("project.margin_threshold_breached.v1", {"margin": 11.5}, "in per cent as a JSON string"),
    ("project.margin_threshold_breached.v1", {"margin": "100.01"}, "up to 100"),
]


@pytest.mark.parametrize(("type_", "changes", "sentence"), WRONG, ids=[f"{row[0]} {row[1]}"[:70] for row in WRONG])
def test_a_wrong_event_is_told_what_to_change(type_: str, changes: dict[str, Any], sentence: str) -> None:
    event = example(type_)
    event["data"] |= changes
    assert sentence in refusal(orjson.dumps(event)).reason


def test_a_change_order_may_carry_what_changes_alone() -> None:
    event = example(ORDER)
    event["data"] = {
        "version": 2, "effective_on": "2026-12-01", "approved_by": {"id": "E-1", "role": "cfo"}, "reason": "longer",
        "ends_on": "2027-12-31",
    }  # fmt: skip
    order = decoded(event).data
    assert isinstance(order, ChangeOrderApproved)
    assert (order.value_change, order.rates, order.currency) == (None, None, None)
