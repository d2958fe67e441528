"""A seller's work in the CRM: an opportunity, from the first talk until it is won."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.live.made import TrytonMade
from tests.live.rpc import Rpc


@dataclass(frozen=True, slots=True)
class Sold:
    """Hours of one role, and the rate for one of them, in the currency of the company that sells."""

    role: str
    hours: Decimal
    rate: Decimal


@dataclass(frozen=True, slots=True)
class Won:
    """A won opportunity, and the sale that it became."""

    id: int
    number: str
    sale: int
    sale_number: str


@dataclass(frozen=True, slots=True)
class Seller:
    """Somebody who sells in the CRM."""

    crm: Rpc
    made: TrytonMade

    async def customer(self, code: str, name: str) -> int:
        """The id of the party with that code, made if it is not there."""
        found = await self.crm.call("model.party.party.search", [["code", "=", code]], 0, 1, None)
        if found:
            return int(found[0])
        values = {"code": code, "name": name, "addresses": [["create", [{"city": "Boston"}]]]}
        (made,) = await self.crm.call("model.party.party.create", [values])
        return int(made)

    async def win(self, legal_entity: str, customer: int, title: str, sold: Sequence[Sold]) -> Won:
        """Win an opportunity: convert it to a sale, price and confirm that; lines keep the order of `sold`."""
        company = self.made.companies[legal_entity]
        values = {
            "company": company.id,
            "currency": company.currency,
            "party": customer,
            "employee": company.employees["ann"],
            "description": title,
            "lines": [["create", [self._line(line) for line in sold]]],
        }
        (opportunity,) = await self._in(company.id, "sale.opportunity.create", [values])
        for step in ("opportunity", "convert"):
            await self._in(company.id, f"sale.opportunity.{step}", [opportunity])
        (sale,) = await self._in(company.id, "sale.sale.search", [["origin", "=", f"sale.opportunity,{opportunity}"]])
        lines = await self._in(company.id, "sale.line.search", [["sale", "=", sale]], 0, None, [["sequence", "ASC"]])
        for line, what in zip(lines, sold, strict=True):
            await self._in(company.id, "sale.line.write", [line], {"unit_price": what.rate})
        for step in ("quote", "confirm"):
            await self._in(company.id, f"sale.sale.{step}", [sale])
        (won,) = await self._in(company.id, "sale.opportunity.read", [opportunity], ["number"])
        (sold_by,) = await self._in(company.id, "sale.sale.read", [sale], ["number"])
        return Won(opportunity, won["number"], sale, sold_by["number"])

    async def _in(self, company: int, method: str, *params: object) -> list[Any]:
        """A call in one company; what it answers is a list, or of no interest."""
        answer = await self.crm.call(f"model.{method}", *params, company=company)
        return answer if isinstance(answer, list) else []

    def _line(self, line: Sold) -> dict[str, object]:
        return {"product": self.made.products[line.role], "quantity": float(line.hours), "unit": self.made.hour}
