"""Won opportunities of a Tryton CRM, read as changes and mapped to events."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from adapters.ports.changes import Change, FeedUnavailable, Page
from adapters.tryton.changed import Changed, by, change_of, following, unavailable
from adapters.tryton.client import Client
from adapters.tryton.facts import Deal, deal_facts
from adapters.tryton.failures import Failed
from adapters.tryton.rows import Row
from adapters.tryton.settings import TrytonFeedSettings, TrytonSettings

OPPORTUNITY: Final = (
    "number", "description", "end_date", "party", "company.party.name", "currency.code", "employee.party.code", "sales",
)  # fmt: skip
PARTY: Final = ("code", "name")
SALE: Final = ("number", "sale_date", "currency.code")
LINE: Final = ("sale", "product.code", "product.type", "description", "unit.name", "unit_price")
CHANGED: Final = ("write_date", "party.write_date", "sales.write_date", "sales.lines.write_date")
"""The times of all that an opportunity's events are made of."""


class OpportunityFeed:
    """Port `Feed`.

    The link that the gateway itself puts on an opportunity changes it, so each deal is published once more after it;
    the gateway knows the deal by then.
    """

    record = "sale.opportunity"

    def __init__(self, settings: TrytonSettings, mapped: TrytonFeedSettings) -> None:
        self._client = Client(settings)
        self._changed = Changed(self._client, self.record, OPPORTUNITY, CHANGED)
        self._mapped = mapped
        self._legal_entities = {name: code for code, name in settings.companies.items()}

    async def now(self) -> datetime:
        """The server's clock, in whole seconds."""
        return await self._changed.now()

    async def page(self, since: datetime | None, until: datetime, start: str | None) -> Page:
        """A page of what changed from `since` to `until`."""
        try:
            found = await self._changed.page([["state", "=", "won"]], since, until, start)
            changes = [self._change(deal) for deal in await self._deals(found)]
        except Failed as failed:
            raise unavailable(failed) from failed
        return Page(tuple(changes), following(found))

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()

    async def _deals(self, won: list[Row]) -> list[Deal]:
        """The opportunities with what stands around them, each kind of record in one call for all of them."""
        if not won:
            return []
        find = self._client.find
        parties = sorted({row.number("party") or 0 for row in won})
        around_party = [["party", "in", parties]]
        customers = {row.id: row for row in await find("party.party", [["id", "in", parties]], PARTY)}
        identifiers = by(await find("party.identifier", around_party, ["party", "type", "code"]), "party")
        addresses = by(await find("party.address", around_party, ["party", "country.code"]), "party")
        theirs = await find("sale.opportunity", [*around_party, ["state", "=", "won"]], ["party", "company.party.name"])
        others = by(theirs, "party")
        numbers = [number for row in won for number in row.numbers("sales")]
        sold = [["id", "in", numbers], ["state", "!=", "cancelled"]]
        sales = {row.id: row for row in await find("sale.sale", sold, SALE)}
        priced = [["sale", "in", sorted(sales)], ["type", "=", "line"]]
        lines = by(await find("sale.line", priced, LINE), "sale")
        deals: list[Deal] = []
        for row in won:
            party = row.number("party") or 0
            ours = [sales[number] for number in row.numbers("sales") if number in sales]
            deals.append(
                Deal(
                    opportunity=row,
                    customer=customers.get(party),
                    identifiers=identifiers[party],
                    addresses=addresses[party],
                    sales=ours,
                    lines=[line for sale in ours for line in lines[sale.id]],
                    legal_entity=self._legal_entity(row),
                    legal_entities=tuple(dict.fromkeys(self._legal_entity(each) for each in others[party])),
                )
            )
        return deals

    def _change(self, deal: Deal) -> Change:
        """What is published of it; raises `FeedUnavailable` where it cannot be read."""
        try:
            facts = deal_facts(deal, self._mapped)
        except Failed as failed:
            number = deal.opportunity.id
            raise FeedUnavailable(f"opportunity {number}: {failed.outcome.failure.reason}") from failed
        return change_of(deal.opportunity, facts)

    def _legal_entity(self, row: Row) -> str:
        """The legal entity of the opportunity's company; the company's own name where none is mapped to it."""
        company = row.of("company")
        party = None if company is None else company.of("party")
        name = "" if party is None else party.text("name") or ""
        return self._legal_entities.get(name, name)
