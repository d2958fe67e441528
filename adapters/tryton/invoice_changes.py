"""Posted customer invoices of a Tryton ERP, read as changes and mapped to events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from adapters.ports.changes import Change, FeedUnavailable, Page
from adapters.tryton.changed import Changed, by, change_of, following, unavailable
from adapters.tryton.client import Client
from adapters.tryton.failures import Failed
from adapters.tryton.invoices import CreditNote, Invoice, invoice_facts
from adapters.tryton.mapping import work_of
from adapters.tryton.rows import Row
from adapters.tryton.settings import TrytonSettings

INVOICE: Final = (
    "number", "invoice_date", "party", "company.party.name", "company.currency.code", "currency.code",
    "currency.digits", "untaxed_amount", "tax_amount", "total_amount", "account", "move", "move.post_date",
    "cancel_move", "lines_to_pay", "payment_lines", "reconciliation_lines",
)  # fmt: skip
LINE: Final = ("invoice", "amount", "taxes", "origin")
TIME: Final = ("invoice_line", "uuid", "description", "work.origin")
ENTRY: Final = (
    "account", "debit", "credit", "amount_second_currency", "second_currency.code", "reconciliation",
    "reconciliation.delegate_to.reconciliation", "maturity_date", "move", "move.date", "move.description",
    "move.origin", "move.journal.type",
)  # fmt: skip
POSTED: Final = (
    ["type", "=", "out"], ["state", "in", ["posted", "paid", "cancelled"]],
    ["number", "!=", None], ["move", "!=", None],
)  # fmt: skip
"""Customer invoices that stand in the books, and credit notes."""
SETTLED: Final = ("_timestamp", "lines_to_pay", "payment_lines", "reconciliation_lines")
"""What changes with all that settles an invoice."""
CHANGED: Final = ("write_date", "move.lines.write_date", "payment_lines.write_date")
"""The times of an invoice, which what pays it changes, and of its own lines and its payments in the books, which being
reconciled changes: with each other, or a payment with what takes it back."""


class InvoiceFeed:
    """Port `Feed`. Credit notes are told as what they settle, drafts not at all."""

    record = "account.invoice"

    def __init__(self, settings: TrytonSettings) -> None:
        self._client = Client(settings)
        self._changed = Changed(self._client, self.record, INVOICE, CHANGED)
        self._system = settings.name
        self._legal_entities = {name: code for code, name in settings.companies.items()}

    async def now(self) -> datetime:
        """The server's clock, in whole seconds."""
        return await self._changed.now()

    async def page(self, since: datetime | None, until: datetime, start: str | None) -> Page:
        """A page of what changed from `since` to `until`."""
        where = [*POSTED, ["company.party.name", "in", sorted(self._legal_entities)]]
        try:
            found = await self._changed.page(where, since, until, start)
            changes = [self._change(invoice) for invoice in await self._invoices(found)]
        except Failed as failed:
            raise unavailable(failed) from failed
        return Page(tuple(changes), following(found))

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()

    async def _invoices(self, found: list[Row]) -> list[Invoice]:
        """The invoices with what stands around them, each kind of record in one call for all of them."""
        rows = [row for row in found if not is_credit_note(row)]
        if not rows:
            return []
        lines = by(await self._lines([row.id for row in rows]), "invoice")
        times = by(await self._times(line.id for each in lines.values() for line in each), "invoice_line")
        projects = await self._projects(time for each in times.values() for time in each)
        entries = await self._entries(rows)
        notes = await self._credit_notes(line.number("move") or 0 for line in entries)
        still = await self._unchanged(rows)
        return [
            Invoice(
                system=self._system,
                legal_entity=self._legal_entity(row),
                row=row,
                lines=lines[row.id],
                times={line.id: times[line.id] for line in lines[row.id]},
                projects=frozenset(
                    projects[work] for line in lines[row.id] for time in times[line.id]
                    if (work := work_of(time)) is not None and work in projects
                ),
                owed=[line for line in entries if line.id in row.numbers("lines_to_pay")],
                settling=[line for line in entries if _may_settle(line, row)],
                credit_notes=notes,
            )
            for row in rows
            if row.id in still
        ]  # fmt: skip

    async def _unchanged(self, rows: list[Row]) -> set[int]:
        """The invoices that are as they were read, now that all around them was read too.

        A payment that came in between would look like one that was taken off the invoice. What changed meanwhile is in
        the next look.
        """
        found = await self._client.find(self.record, [["id", "in", [row.id for row in rows]]], SETTLED)
        now = {row.id: _as_settled(row) for row in found}
        return {row.id for row in rows if now.get(row.id) == _as_settled(row)}

    async def _lines(self, invoices: list[int]) -> list[Row]:
        domain = [["invoice", "in", invoices], ["type", "=", "line"]]
        return await self._client.find("account.invoice.line", domain, LINE)

    async def _times(self, lines: Iterable[int]) -> list[Row]:
        """The time lines that are billed; one that was taken back is on the invoice with no hours."""
        domain = [["invoice_line", "in", list(lines)], ["duration", ">", timedelta()]]
        return await self._client.find("timesheet.line", domain, TIME)

    async def _projects(self, times: Iterable[Row]) -> Mapping[int, int]:
        """Work on which time was billed -> the project that it belongs to."""
        wanted = sorted({work for time in times if (work := work_of(time)) is not None})
        if not wanted:
            return {}
        domain = [["parent", "parent_of", wanted, "parent"]]
        works = {row.id: row for row in await self._client.find("project.work", domain, ["type", "parent"])}
        found = {number: _project_of(number, works) for number in wanted}
        return {number: project for number, project in found.items() if project is not None}

    async def _entries(self, rows: list[Row]) -> list[Row]:
        """Lines of the books that are the invoices' own, that settle them, or that were made to."""
        named = {
            number for row in rows for field in ("lines_to_pay", "payment_lines", "reconciliation_lines")
            for number in row.numbers(field)
        }  # fmt: skip
        made = [f"account.invoice,{row.id}" for row in rows]
        domain = ["OR", ["id", "in", sorted(named)], ["move.origin", "in", made]]
        return await self._client.find("account.move.line", domain, ENTRY)

    async def _credit_notes(self, moves: Iterable[int]) -> Mapping[int, CreditNote]:
        """The credit notes among these moves."""
        domain = [["type", "=", "out"], ["move", "in", sorted(set(moves))], ["total_amount", "<", 0]]
        found = await self._client.find(self.record, domain, ["number", "description", "move", "total_amount"])
        lines = by(await self._lines([row.id for row in found]), "invoice") if found else {}
        return {row.number("move") or 0: CreditNote(row, lines[row.id]) for row in found}

    def _change(self, invoice: Invoice) -> Change:
        """What is published of it; raises `FeedUnavailable` where it cannot be read."""
        try:
            return change_of(invoice.row, invoice_facts(invoice))
        except Failed as failed:
            raise FeedUnavailable(f"invoice {invoice.row.id}: {failed.outcome.failure.reason}") from failed

    def _legal_entity(self, row: Row) -> str:
        company = row.of("company")
        party = None if company is None else company.of("party")
        return self._legal_entities[("" if party is None else party.text("name")) or ""]


def _as_settled(row: Row) -> tuple[object, ...]:
    lists = SETTLED[1:]
    return row.timestamp, *(sorted(row.numbers(name)) for name in lists)


def is_credit_note(row: Row) -> bool:
    """Whether it takes back what another one has billed."""
    total = row.decimal("total_amount")
    return total is not None and total < 0


def _may_settle(line: Row, invoice: Row) -> bool:
    """Whether a line of the invoice's receivable account is about it, and not its own."""
    if line.id in invoice.numbers("lines_to_pay") or line.number("account") != invoice.number("account"):
        return False
    move = line.of("move")
    is_made = move is not None and move.text("origin") == f"account.invoice,{invoice.id}"
    named = {*invoice.numbers("payment_lines"), *invoice.numbers("reconciliation_lines")}
    return is_made or line.id in named


def _project_of(number: int, works: Mapping[int, Row]) -> int | None:
    """The nearest project above a work."""
    work = works.get(number)
    while work is not None and work.text("type") != "project":
        work = works.get(work.number("parent") or 0)
    return None if work is None else work.id
