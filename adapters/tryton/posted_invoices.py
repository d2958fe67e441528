"""Invoices that stand in the books of a Tryton ERP, with what it says is open of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.tryton.client import Client
from adapters.tryton.companies import Companies
from adapters.tryton.invoice_changes import POSTED, is_credit_note
from adapters.tryton.invoices import id_of
from adapters.tryton.rows import Row
from schemas.standing import Sort, Standing

INVOICE: Final = (
    "invoice_date", "company.party.name", "currency.code", "total_amount", "amount_to_pay", "lines_to_pay",
)  # fmt: skip


class PostedInvoices:
    """Customer invoices, under the ids by which their events name them. `system` is the name of this Tryton."""

    def __init__(self, client: Client, companies: Companies, system: str) -> None:
        self._client = client
        self._companies = companies
        self._system = system

    async def page(self, first: date, last: date, after: int, limit: int) -> tuple[list[Standing], int | None]:
        """Those among the next `limit` behind a number, and the number of the last; None if it was the last.

        Credit notes are told as what they settle. Raises `Failed`.
        """
        domain = [
            *POSTED,
            ["id", ">", after],
            ["invoice_date", ">=", first],
            ["invoice_date", "<=", last],
            ["company.party.name", "in", self._companies.parties],
        ]
        found = await self._client.find("account.invoice", domain, INVOICE, limit=limit)
        rows = [row for row in found if not is_credit_note(row)]
        moved = await self._moved(rows)
        standings = [self._standing(row, is_moved=not moved.isdisjoint(row.numbers("lines_to_pay"))) for row in rows]
        return standings, found[-1].id if len(found) == limit else None

    async def _moved(self, rows: Sequence[Row]) -> set[int]:
        """The lines of these invoices whose debt is grouped with others: Tryton says that nothing is open of them."""
        lines = sorted(number for row in rows for number in row.numbers("lines_to_pay"))
        if not lines:
            return set()
        domain = [["id", "in", lines], ["reconciliation.delegate_to", "!=", None]]
        return {row.id for row in await self._client.find("account.move.line", domain, ())}

    def _standing(self, row: Row, *, is_moved: bool) -> Standing:
        currency = row.of("currency")
        still_open = max(row.decimal("amount_to_pay") or Decimal(), Decimal())
        return Standing(
            Sort.INVOICE,
            None,
            id_of(self._system, row),
            self._companies.legal_entity(row),
            row.day("invoice_date") or date.min,
            row.decimal("total_amount"),
            None if currency is None else currency.text("code"),
            open=None if is_moved else still_open,
        )
