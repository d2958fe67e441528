"""Won opportunities of a Tryton CRM, read as changes and mapped to events."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from adapters.ports.changes import Change, FeedUnavailable, Page, Version
from adapters.tryton.client import Client
from adapters.tryton.facts import Deal, deal_facts
from adapters.tryton.failures import Failed
from adapters.tryton.rows import Row
from adapters.tryton.settings import TrytonFeedSettings, TrytonSettings

PAGE: Final = 50
DIGITS: Final = 12
OPPORTUNITY: Final = (
    "number", "write_date", "_timestamp", "description", "end_date", "party", "company.party.name", "currency.code",
    "employee.party.code", "sales",
)  # fmt: skip
PARTY: Final = ("code", "name")
SALE: Final = ("number", "sale_date", "currency.code")
LINE: Final = ("sale", "product.code", "product.type", "description", "unit.name", "unit_price")
CHANGED: Final = ("write_date", "party.write_date", "sales.write_date", "sales.lines.write_date")
"""The times of all that an opportunity's events are made of."""


class OpportunityFeed:
    """Port `Feed`. A page begins behind the last record's (time, number), so that none is passed over.

    The link that the gateway itself puts on an opportunity changes it, so each deal is published once more after it;
    the gateway knows the deal by then.
    """

    record = "sale.opportunity"

    def __init__(self, settings: TrytonSettings, mapped: TrytonFeedSettings) -> None:
        self._client = Client(settings)
        self._mapped = mapped
        self._system = settings.name
        self._legal_entities = {name: code for code, name in settings.companies.items()}

    async def now(self) -> datetime:
        """The server's clock, in whole seconds."""
        try:
            await self._client.version()
        except Failed as failed:
            raise _unavailable(failed) from failed
        clock = self._client.clock
        if clock is None:
            raise FeedUnavailable("Tryton's answers carry no Date: put a server in front that sets it")
        return clock

    async def page(self, since: datetime | None, until: datetime, start: str | None) -> Page:
        """A page of what changed from `since` to `until`."""
        try:
            found = await self._opportunities(since, until, start)
            changes = [self._change(deal) for deal in await self._deals(found)]
        except Failed as failed:
            raise _unavailable(failed) from failed
        return Page(tuple(changes), _place(found[-1]) if len(found) == PAGE else None)

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()

    async def _opportunities(self, since: datetime | None, until: datetime, start: str | None) -> list[Row]:
        domain: list[object] = [
            ["state", "=", "won"],
            ["write_date", "<=", _naive(until)],
        ]
        if since is not None:
            at_least = _naive(since)
            domain.append(["OR", *([field, ">=", at_least] for field in CHANGED)])
        if start is not None:
            moment, _, id = start.partition(" ")
            at = datetime.fromisoformat(moment)
            domain.append(["OR", ["write_date", ">", at], [["write_date", "=", at], ["id", ">", int(id)]]])
        order = (("write_date", "ASC"), ("id", "ASC"))
        return await self._client.find("sale.opportunity", domain, OPPORTUNITY, limit=PAGE, order=order)

    async def _deals(self, won: list[Row]) -> list[Deal]:
        """The opportunities with what stands around them, each kind of record in one call for all of them."""
        if not won:
            return []
        find = self._client.find
        parties = sorted({row.number("party") or 0 for row in won})
        around_party = [["party", "in", parties]]
        customers = {row.id: row for row in await find("party.party", [["id", "in", parties]], PARTY)}
        identifiers = _by(await find("party.identifier", around_party, ["party", "type", "code"]), "party")
        addresses = _by(await find("party.address", around_party, ["party", "country.code"]), "party")
        theirs = await find("sale.opportunity", [*around_party, ["state", "=", "won"]], ["party", "company.party.name"])
        others = _by(theirs, "party")
        numbers = [number for row in won for number in row.numbers("sales")]
        sold = [["id", "in", numbers], ["state", "!=", "cancelled"]]
        sales = {row.id: row for row in await find("sale.sale", sold, SALE)}
        priced = [["sale", "in", sorted(sales)], ["type", "=", "line"]]
        lines = _by(await find("sale.line", priced, LINE), "sale")
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
        """The facts are made of the customer and the sale too, which change without the opportunity's time."""
        try:
            facts = deal_facts(deal, self._mapped)
        except Failed as failed:
            number = deal.opportunity.id
            raise FeedUnavailable(f"opportunity {number}: {failed.outcome.failure.reason}") from failed
        digest = sha256(b"\n".join(fact.data for fact in facts)).hexdigest()[:DIGITS]
        return Change(Version(str(deal.opportunity.id), f"{deal.opportunity.timestamp}-{digest}"), facts)

    def _legal_entity(self, row: Row) -> str:
        """The legal entity of the opportunity's company; the company's own name where none is mapped to it."""
        company = row.of("company")
        party = None if company is None else company.of("party")
        name = "" if party is None else party.text("name") or ""
        return self._legal_entities.get(name, name)


def _by(rows: list[Row], field: str) -> defaultdict[int, list[Row]]:
    """Records by the one that they refer to."""
    found: defaultdict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.number(field) or 0].append(row)
    return found


def _place(row: Row) -> str:
    at = row.moment("write_date") or datetime.min.replace(tzinfo=UTC)
    return f"{_naive(at).isoformat()} {row.id}"


def _naive(moment: datetime) -> datetime:
    """The moment as Tryton keeps it: UTC without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _unavailable(failed: Failed) -> FeedUnavailable:
    return FeedUnavailable(f"{failed.outcome.failure.code}: {failed.outcome.failure.reason}")
