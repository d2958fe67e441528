"""Figures over the API: the days that are asked for, what may not be asked, and the shape of the answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from adapters.ports.kpis import Added, Counted, Place
from adapters.postgres.kpis import PostgresBooks
from gateway.kpis.figures import FIGURES
from tests.contracts.turns import SHEET, applied, message
from tests.gateway.http.stand import Stand


async def fill(stand: Stand, url: str) -> date:
    """Lines billed today and a month ago; today."""
    today, books = datetime.now(UTC).date(), PostgresBooks(url)
    sums = {
        Place("billed", "DE01", "EUR", "", today): Added(2, Decimal("941.25")),
        Place("billed", "US01", "USD", "", today): Added(1, Decimal("10.00")),
        Place("billed", "DE01", "EUR", "", today - timedelta(days=40)): Added(1, Decimal("1.00")),
        Place("lines_billed", "DE01", "", "1h", today): Added(3, Decimal(100)),
    }
    row = (await stand.commits.load([SHEET]))[SHEET]
    await stand.commit(applied(row, message("e1")))
    await books.add(Counted(await books.page(most=100), sums))
    await books.close()
    return today


async def test_figures_of_the_last_days_or_of_those_asked_for(stand: Stand, database_url: str) -> None:
    today = await fill(stand, database_url)
    page = await stand.get("/v1/kpis")
    told = orjson.loads(page.content)
    assert (page.status, told["to"], told["from"]) == (200, f"{today}", f"{today - timedelta(days=29)}")
    assert [each["figure"] for each in told["figures"]] == [figure.name for figure in FIGURES]
    found = {each["figure"]: each for each in told["figures"]}
    assert found["billed"]["values"] == [
        {"currency": "EUR", "value": "941.25", "of": 2}, {"currency": "USD", "value": "10.00", "of": 1},
    ]  # fmt: skip
    assert found["billing"]["values"] == [{"currency": None, "value": "33.333", "of": 3}]
    assert found["untouched"]["values"] == [{"currency": None, "value": None, "of": 0}]
    assert [each["flow"] for each in told["waiting"]] == [
        "won_deals", "unbilled", "blocked_invoices", "unmatched_customers", "cases",
    ]  # fmt: skip
    assert told["counted_until"] is not None
    earlier = orjson.loads((await stand.get(f"/v1/kpis?from={today - timedelta(days=40)}&legal_entity=DE01")).content)
    assert {each["figure"]: each for each in earlier["figures"]}["billed"]["values"] == [
        {"currency": "EUR", "value": "942.25", "of": 3}
    ]


async def test_objectives_of_the_policy_say_how_far_they_are_reached(stand: Stand, database_url: str) -> None:
    await fill(stand, database_url)
    told = orjson.loads((await stand.get("/v1/kpis")).content)
    reached = {each["objective"]: (each["within"], each["reached"], each["is_met"]) for each in told["objectives"]}
    assert reached["billing"] == ("1h", "100.000", True)
    assert reached["posting_accuracy"] == (None, None, None)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("from=2026-13-01", "from"),
        ("to=yesterday", "to"),
        ("from=2026-03-02&to=2026-03-01", "is before"),
        ("to=9999-12-31", "earlier day"),
        ("to=0001-01-05", "later day"),
        ("legal_entity=", "legal_entity"),
        ("days=3", "days"),
    ],
)
async def test_what_may_not_be_asked(stand: Stand, asked: str, says: str) -> None:
    page = await stand.get(f"/v1/kpis?{asked}")
    assert page.status == 400
    assert says in page.detail
