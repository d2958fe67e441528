"""Ledger: what stands in the books is passed on once, under our own ids where they are known."""

from __future__ import annotations

from typing import Any

import pytest

from actors.entities.ledger import ACTOR
from schemas.bindings import Binding
from schemas.facts import Notice
from schemas.keys import ActorKey, external_key
from schemas.ledger.entity import Posting
from schemas.ledger.v1 import JournalPosted, RevenuePosted
from schemas.values import Money, Reference
from tests.actors.firm import MONDAY, approved
from tests.actors.stage import Given, accepted, reason_to_ignore, refusal

BOUND = {external_key("erp", "project", "PRJ-1"): Binding(entity="project", id="P-1")}
GIVEN = Given(ACTOR, ActorKey("ledger", "GL-1"), Posting(), others=BOUND)
FIELDS: dict[str, Any] = {
    "legal_entity": "DE01", "account": "4400", "amount": Money(amount="12.00", currency="EUR"), "posted_on": MONDAY,
}  # fmt: skip
REVENUE = RevenuePosted(
    **FIELDS,
    project=Reference(system="erp", external_id="PRJ-1"),
    invoice=Reference(system="erp", external_id="4711"),
    contract=Reference(id="SOW-1"),
)


def test_it_is_passed_on_with_what_it_is_about() -> None:
    (notice,) = accepted(GIVEN.when(REVENUE)).notices
    assert notice == Notice(
        "revenue_posted",
        {
            "legal_entity": "DE01", "account": "4400", "amount": "12.00", "currency": "EUR", "posted_on": "2026-03-02",
            "contract": "contract/SOW-1", "project": "project/P-1", "invoice": "external/erp/invoice/4711",
        },
    )  # fmt: skip
    assert accepted(GIVEN.when(JournalPosted(**FIELDS))).notices[0].fact == "journal_posted"


def test_it_is_passed_on_once() -> None:
    assert "already" in reason_to_ignore(GIVEN.after(REVENUE).when(REVENUE))


@pytest.mark.parametrize("other", [JournalPosted(**FIELDS), REVENUE.model_copy(update={"account": "4401"})])
def test_another_content_under_the_same_id_is_a_conflict(other: RevenuePosted | JournalPosted) -> None:
    assert refusal(GIVEN.after(REVENUE).when(other)).code == "posting_differs"


def test_an_event_of_another_entity_changes_nothing() -> None:
    assert "nothing else" in reason_to_ignore(GIVEN.when(approved()))
