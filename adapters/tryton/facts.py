"""A won opportunity as events. Pure: what is missing is left out, so that the gateway's door names it to a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

import orjson

from adapters.ports.changes import Fact
from adapters.tryton.rows import Row
from adapters.tryton.settings import TrytonFeedSettings

CUSTOMER: Final = "customer.upserted.v1"
DEAL: Final = "project.opportunity_won.v1"
SERVICE: Final = "service"
HOUR: Final = "Hour"
"""Tryton's own unit, by its name in the language in which we ask."""


@dataclass(frozen=True, slots=True)
class Deal:
    """An opportunity with its customer and its sales. `legal_entities` are those of all won deals of the customer."""

    opportunity: Row
    customer: Row | None
    identifiers: list[Row]
    addresses: list[Row]
    sales: list[Row]
    lines: list[Row]
    legal_entity: str
    legal_entities: tuple[str, ...]


def deal_facts(deal: Deal, mapped: TrytonFeedSettings) -> tuple[Fact, ...]:
    """The customer, then the deal: the project waits for its customer in the ERP."""
    at = deal.opportunity.moment("write_date") or datetime.min.replace(tzinfo=UTC)
    customer = "" if deal.customer is None else deal.customer.text("code") or ""
    project = f"{deal.opportunity.text('number')}-{deal.legal_entity}"
    return (
        Fact(CUSTOMER, customer, at, orjson.dumps(_customer(deal, mapped))),
        Fact(DEAL, project, at, orjson.dumps(_deal(deal, customer, mapped))),
    )


def _customer(deal: Deal, mapped: TrytonFeedSettings) -> dict[str, object]:
    party = deal.customer
    return _without_gaps(
        {
            "name": None if party is None else party.text("name"),
            "country": _country(deal) or mapped.country,
            "tax_id": next((each.text("code") for each in deal.identifiers if each.text("type")), None),
            "tax_profile": mapped.tax_profile,
            "legal_entities": sorted(deal.legal_entities),
            "currency": _currency(deal),
        }
    )


def _deal(deal: Deal, customer: str, mapped: TrytonFeedSettings) -> dict[str, object]:
    opportunity = deal.opportunity
    sale = min(deal.sales, key=lambda each: each.id, default=None)
    signed = None if sale is None else sale.day("sale_date")
    won = opportunity.day("end_date")
    return _without_gaps(
        {
            "opportunity_id": str(opportunity.id),
            "customer": {"id": customer},
            "legal_entity": deal.legal_entity,
            "service_line": mapped.service_line,
            "name": opportunity.text("description") or opportunity.text("number"),
            "currency": _currency(deal),
            "contract": _without_gaps(
                {
                    "reference": None if sale is None else sale.text("number"),
                    "signed_on": _day(signed or won),
                    "starts_on": _day(signed or won),
                }
            ),
            "billing": {"method": "time_and_materials", "rates": _rates(deal)},
            "owner": _owner(opportunity),
        }
    )


def _rates(deal: Deal) -> list[dict[str, object]]:
    """A rate for each line of a service, with the product's code as role; two of a role are refused.

    A price for anything but an hour, or in another currency than the opportunity's, is no rate of its contract: it is
    left out, and the line named to a person.
    """
    currencies = {sale.id: currency.text("code") for sale in deal.sales if (currency := sale.of("currency"))}
    rates: list[dict[str, object]] = []
    for line in deal.lines:
        product = line.of("product")
        if product is not None and product.text("type") != SERVICE:
            continue
        unit = line.of("unit")
        price = line.decimal("unit_price")
        is_rate = unit is not None and unit.text("name") == HOUR
        is_ours = currencies.get(line.number("sale") or 0) == _currency(deal)
        amount = _amount(price) if price is not None and is_rate and is_ours else None
        rates.append(
            {
                "role": (None if product is None else product.text("code")) or line.text("description"),
                "hourly": _without_gaps({"amount": amount, "currency": _currency(deal)}),
            }
        )
    return rates


def _amount(price: Decimal) -> str:
    """The price with two decimals at least, and no zeros behind the fourth that only Tryton's scale puts there."""
    plain = f"{price:f}"
    whole, _, decimals = plain.partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def _currency(deal: Deal) -> str | None:
    currency = deal.opportunity.of("currency")
    return None if currency is None else currency.text("code")


def _country(deal: Deal) -> str | None:
    countries = (address.of("country") for address in deal.addresses)
    return next((country.text("code") for country in countries if country is not None), None)


def _owner(opportunity: Row) -> str | None:
    employee = opportunity.of("employee")
    party = None if employee is None else employee.of("party")
    return None if party is None else party.text("code")


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _without_gaps(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
