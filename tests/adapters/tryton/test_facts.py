"""A won opportunity as events, and what becomes of one that is not complete."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from pydantic import ValidationError

from adapters.tryton.facts import Deal, deal_facts
from adapters.tryton.rows import Row
from adapters.tryton.settings import TrytonFeedSettings
from schemas.registry import EVENTS

GOLDEN = Path(__file__).parent / "golden"
MAPPED = TrytonFeedSettings(service_line="consulting", tax_profile="standard", country="US")
OPPORTUNITY = {
    "id": 4, "number": "17", "description": "Yard planning", "end_date": date(2026, 11, 20), "party": 9,
    "write_date": datetime(2026, 11, 20, 9, 30, 1, 297499),  # noqa: DTZ001 - Tryton's times are UTC without a zone
    "currency.": {"id": 1, "code": "USD"},
    "employee.": {"id": 1, "party.": {"id": 3, "code": "ann"}},
}  # fmt: skip


def line(role: str | None, price: str, *, unit: str = "Hour", type: str = "service", sale: int = 2) -> Row:
    product = None if role is None else {"id": 2, "code": role, "type": type}
    return Row(
        {"id": 1, "sale": sale, "product.": product, "unit.": {"id": 9, "name": unit}, "description": "Advice",
         "unit_price": Decimal(price)}
    )  # fmt: skip


def identifier(code: str, type: str | None) -> Row:
    return Row({"id": 1, "type": type, "code": code})


def sale(number: int = 2, currency: str = "USD") -> Row:
    known = {"id": number, "number": f"S{number}", "sale_date": date(2026, 11, 19)}
    return Row({**known, "currency.": {"id": 1, "code": currency}})


def deal(**changed: object) -> Deal:
    known: dict[str, object] = {
        "opportunity": Row(OPPORTUNITY), "customer": Row({"id": 9, "code": "C-9", "name": "Acme"}),
        "identifiers": [identifier("0015e0", None), identifier("12-3456789", "us_ein")],
        "addresses": [Row({"id": 1, "country.": None}), Row({"id": 2, "country.": {"id": 57, "code": "CA"}})],
        "sales": [sale()],
        "lines": [line("consultant", "187.2500"), line("architect", "210.0000")],
        "legal_entity": "US01", "legal_entities": ("US01", "DE01"),
    }  # fmt: skip
    return Deal(**(known | changed))  # type: ignore[arg-type]  # each value is of its field's type


def test_a_won_opportunity_is_its_customer_and_its_deal() -> None:
    told = [
        {"type": fact.type, "subject": fact.subject, "time": fact.time.isoformat(), "data": orjson.loads(fact.data)}
        for fact in deal_facts(deal(), MAPPED)
    ]
    assert told == orjson.loads((GOLDEN / "opportunity.json").read_bytes())


def test_the_door_takes_what_is_complete() -> None:
    for fact in deal_facts(deal(), MAPPED):
        EVENTS.find(fact.type).model.model_validate_json(fact.data)


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"customer": None}, "name"),
        ({"sales": []}, "contract"),
        ({"lines": []}, "billing"),
        ({"lines": [line("consultant", "1"), line("consultant", "2")]}, "billing"),
        ({"lines": [line("consultant", "1.00001")]}, "billing"),
        ({"lines": [line("consultant", "1200", unit="Day")]}, "billing"),
        ({"sales": [sale(currency="EUR")]}, "billing"),
    ],
)  # fmt: skip
def test_what_is_missing_or_wrong_is_left_for_the_door_to_name(changed: dict[str, object], place: str) -> None:
    refused = []
    for fact in deal_facts(deal(**changed), MAPPED):
        try:
            EVENTS.find(fact.type).model.model_validate_json(fact.data)
        except ValidationError as error:
            refused += [str(each["loc"][0]) for each in error.errors() if each["loc"]]
    assert place in refused


def test_a_line_without_product_has_its_description_for_a_role() -> None:
    data = orjson.loads(deal_facts(deal(lines=[line(None, "5")]), MAPPED)[1].data)
    assert data["billing"]["rates"] == [{"role": "Advice", "hourly": {"amount": "5.00", "currency": "USD"}}]


def test_goods_are_no_role() -> None:
    data = orjson.loads(
        deal_facts(deal(lines=[line("consultant", "5"), line("licence", "9", type="goods")]), MAPPED)[1].data
    )
    assert [rate["role"] for rate in data["billing"]["rates"]] == ["consultant"]


def test_an_identifier_without_a_type_is_no_tax_number() -> None:
    data = orjson.loads(deal_facts(deal(identifiers=[identifier("0015e0", None)]), MAPPED)[0].data)
    assert "tax_id" not in data


def test_a_time_is_that_of_the_change() -> None:
    assert deal_facts(deal(), MAPPED)[0].time == datetime(2026, 11, 20, 9, 30, 1, 297499, tzinfo=UTC)
