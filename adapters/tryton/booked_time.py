"""Time that stands in a Tryton ERP to be billed: what we booked, and what somebody wrote there by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from typing import Final

from adapters.tryton.client import Client
from adapters.tryton.companies import Companies
from adapters.tryton.mapping import HOUR, work_of
from adapters.tryton.rows import Row, malformed
from schemas.standing import Sort, Standing, name_of

LINE: Final = (
    "uuid", "date", "duration", "work.origin", "company.party.name", "company.currency.code",
    "company.currency.digits", "invoice_line.unit_price", "invoice_line.currency.code", "invoice_line.currency.digits",
)  # fmt: skip
TASK: Final = ("list_price", "invoice_method")
BY_THE_HOUR: Final = "timesheet"
"""The `invoice_method` of a task whose time Tryton puts on invoices."""


class BookedTime:
    """Time lines with hours, at the price of their task, or at that of the invoice which they are on.

    `to_even`: the legal entities whose lines are rounded half to even; those of the others are rounded half up.
    """

    def __init__(self, client: Client, companies: Companies, to_even: frozenset[str]) -> None:
        self._client = client
        self._companies = companies
        self._to_even = to_even

    async def page(self, first: date, last: date, after: int, limit: int) -> tuple[list[Standing], int | None]:
        """Entries among the next `limit` lines behind a number, and the number of the last; None if it was the last.

        Time of somebody else counts where Tryton bills it. Raises `Failed`.
        """
        domain = [
            ["id", ">", after],
            ["date", ">=", first],
            ["date", "<=", last],
            ["duration", ">", timedelta()],
            ["company.party.name", "in", self._companies.parties],
        ]
        lines = await self._client.find("timesheet.line", domain, LINE, limit=limit)
        tasks = await self._tasks(lines)
        found = [(line, tasks.get(work_of(line) or 0)) for line in lines]
        standings = [self._standing(line, task) for line, task in found if _is_ours(line) or _is_billed(task)]
        return standings, lines[-1].id if len(lines) == limit else None

    async def _tasks(self, lines: Sequence[Row]) -> Mapping[int, Row]:
        """The works that lines are written on, by number."""
        numbers = sorted({work for line in lines if (work := work_of(line)) is not None})
        if not numbers:
            return {}
        return {row.id: row for row in await self._client.find("project.work", [["id", "in", numbers]], TASK)}

    def _standing(self, line: Row, task: Row | None) -> Standing:
        legal_entity = self._companies.legal_entity(line)
        price, currency = _priced(line, task)
        unit = Decimal(1).scaleb(-(currency.number("digits") or 0))
        rule = ROUND_HALF_EVEN if legal_entity in self._to_even else ROUND_HALF_UP
        return Standing(
            Sort.BILLABLE,
            line.text("uuid") if _is_ours(line) else None,
            str(line.id),
            legal_entity,
            line.day("date") or date.min,
            None if price is None else (_hours(line) * price).quantize(unit, rounding=rule),
            None if price is None else currency.text("code"),
        )


def _is_ours(line: Row) -> bool:
    return name_of(line.text("uuid")) is not None


def _is_billed(task: Row | None) -> bool:
    return task is not None and task.text("invoice_method") == BY_THE_HOUR


def _priced(line: Row, task: Row | None) -> tuple[Decimal | None, Row]:
    """The price of an hour, and its currency: on the invoice, once Tryton has put the line on one."""
    on, company = line.of("invoice_line"), line.of("company")
    if on is not None:
        price, currency = on.decimal("unit_price"), on.of("currency")
    else:
        price = None if task is None else task.decimal("list_price")
        currency = None if company is None else company.of("currency")
    if currency is None:
        raise malformed("a time line has no currency")
    return price, currency


def _hours(line: Row) -> Decimal:
    """With all decimals that there are: somebody may have written 20 minutes."""
    return Decimal((line.duration("duration") or timedelta()) // timedelta(microseconds=1)) / (HOUR * 10**6)
