"""Which invoices are read, and what is asked of Tryton around them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import orjson
import pytest
from aiohttp import web

from adapters.ports.changes import Change, FeedUnavailable
from adapters.tryton.changed import PAGE
from adapters.tryton.invoice_changes import InvoiceFeed
from adapters.tryton.values import decode, encode
from tests.adapters.tryton.server import Server, serving
from tests.adapters.tryton.test_invoices import ROW

Rows = list[dict[str, Any]]
UNTIL: Final = datetime(2026, 11, 20, 10, tzinfo=UTC)
INVOICE: Final[dict[str, Any]] = {**ROW, "_timestamp": "1.5"}
CREDIT_NOTE: Final = {**INVOICE, "id": 13, "number": "C-1", "total_amount": Decimal("-5.00"), "description": None}
MOVE: Final = {
    "id": 40, "date": date(2026, 11, 2), "description": None, "origin": "account.invoice,12",
    "journal.": {"id": 3, "type": "revenue"},
}  # fmt: skip
ENTRY: Final = {
    "id": 50, "account": 30, "debit": Decimal("2143.90"), "credit": Decimal(), "amount_second_currency": None,
    "second_currency.": None, "reconciliation": None, "reconciliation.": None, "maturity_date": date(2026, 12, 2),
    "move": 40, "move.": MOVE,
}  # fmt: skip
LINE: Final = {"id": 70, "invoice": 12, "amount": Decimal("1949.00"), "taxes": [3], "origin": None}
TIME: Final = {
    "id": 90, "invoice_line": 70, "uuid": "timesheet/psa-5/1.r1/1", "description": "psa-5 1",
    "work.": {"origin": "project.work,8"},
}  # fmt: skip


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def feed(server: Server) -> AsyncIterator[InvoiceFeed]:
    async with serving(server) as settings:
        made = InvoiceFeed(settings)
        yield made
        await made.close()


def holds(server: Server, model: str, *answers: Rows) -> list[Any]:
    """Let searches of a model be answered so, one after the other, and by nothing then; the domains asked for."""
    domains: list[Any] = []
    left = list(answers)

    def search(params: list[Any]) -> dict[str, Any]:
        domains.append(decode(orjson.dumps(params[0])))
        return {"result": orjson.loads(encode(left.pop(0) if left else []))}

    server.methods[f"model.{model}.search_read"] = search
    return domains


def stands(
    server: Server, invoices: Rows, entries: Rows, credit_notes: Rows, *, then: Rows | None = None
) -> dict[str, list[Any]]:
    """Invoices with a line of time on a task of project 7; the domains asked for, by model.

    `then` is how they stand in the end; left out: as in the beginning.
    """
    return {
        "account.invoice": holds(server, "account.invoice", invoices, credit_notes, invoices if then is None else then),
        "account.invoice.line": holds(server, "account.invoice.line", [LINE]),
        "timesheet.line": holds(server, "timesheet.line", [TIME]),
        "project.work": holds(
            server, "project.work",
            [{"id": 8, "type": "task", "parent": 6}, {"id": 6, "type": "task", "parent": 7},
             {"id": 7, "type": "project", "parent": 5}, {"id": 5, "type": "project", "parent": None}],
        ),
        "account.move.line": holds(server, "account.move.line", entries),
    }  # fmt: skip


async def read(feed: InvoiceFeed) -> tuple[Change, ...]:
    return (await feed.page(None, UNTIL, None)).changes


async def test_an_invoice_is_read_with_what_stands_around_it(server: Server, feed: InvoiceFeed) -> None:
    domains = stands(server, [INVOICE], [ENTRY], [])
    [change] = await read(feed)
    assert change.version.id == "12"
    [posted] = change.facts
    assert (posted.type, posted.subject) == ("invoice.posted.v1", "erp-12")
    data = orjson.loads(posted.data)
    assert data["legal_entity"] == "US01"
    assert data["customer"] == {"system": "erp", "external_id": "9"}
    assert data["project"] == {"system": "erp", "external_id": "7"}
    assert data["lines"][0]["bills"] == [{"entity": "timesheet", "id": "psa-5", "line_id": "1"}]
    # Time that was taken back stays on the invoice, and is not billed.
    assert domains["timesheet.line"] == [[["invoice_line", "in", [70]], ["duration", ">", timedelta()]]]
    # What was made to pay it is looked at even if it pays it no more.
    assert domains["account.move.line"] == [
        ["OR", ["id", "in", [50, 60]], ["move.origin", "in", ["account.invoice,12"]]]
    ]


async def test_drafts_and_other_companies_are_not_asked_for(server: Server, feed: InvoiceFeed) -> None:
    domains = stands(server, [], [], [])["account.invoice"]
    assert await read(feed) == ()
    [domain] = domains
    assert ["state", "in", ["posted", "paid", "cancelled"]] in domain
    assert ["company.party.name", "in", ["Northwind"]] in domain


async def test_a_credit_note_is_told_of_what_it_settles_alone(server: Server, feed: InvoiceFeed) -> None:
    note_move = {**MOVE, "id": 43, "origin": "account.invoice,13"}
    settling = {**ENTRY, "id": 60, "debit": Decimal(), "credit": Decimal("5.00"), "move": 43, "move.": note_move}
    stands(server, [INVOICE, CREDIT_NOTE], [ENTRY, settling], [{**CREDIT_NOTE, "move": 43}])
    [change] = await read(feed)
    assert change.version.id == "12"
    _, memo = change.facts
    assert memo.type == "invoice.credit_memo_issued.v1"
    assert orjson.loads(memo.data)["credit_memo_id"] == "C-1/60"


@pytest.mark.parametrize(
    "meanwhile",
    [{"_timestamp": "1.6"}, {"payment_lines": [60, 61]}, {"reconciliation_lines": [61]}, {"lines_to_pay": []}],
)
async def test_an_invoice_that_changes_while_it_is_read_is_left_to_the_next_look(
    server: Server, feed: InvoiceFeed, meanwhile: dict[str, Any]
) -> None:
    # It was paid after it was read, and before its payments were.
    paying = {**ENTRY, "id": 61, "debit": Decimal(), "credit": Decimal("5.00"), "move": 41, "move.": {**MOVE, "id": 41}}
    other = {**INVOICE, "id": 14}
    stands(server, [INVOICE, other], [ENTRY, paying], [], then=[{**INVOICE, **meanwhile}, other])
    assert [change.version.id for change in await read(feed)] == ["14"]


async def test_lines_of_other_accounts_and_of_other_invoices_settle_nothing(server: Server, feed: InvoiceFeed) -> None:
    revenue = {**ENTRY, "id": 51, "account": 31, "debit": Decimal(), "credit": Decimal("1949.00")}
    others = {**ENTRY, "id": 52, "move": 44, "move.": {**MOVE, "id": 44, "origin": "account.invoice,99"}}
    stands(server, [INVOICE], [ENTRY, revenue, others], [])
    [change] = await read(feed)
    assert [fact.type for fact in change.facts] == ["invoice.posted.v1"]


async def test_the_same_state_is_the_same_version_and_another_one_is_not(server: Server, feed: InvoiceFeed) -> None:
    versions = []
    for credit in ("5.00", "5.00", "6.00"):
        paying = {
            **ENTRY,
            "id": 60,
            "debit": Decimal(),
            "credit": Decimal(credit),
            "move": 41,
            "move.": {**MOVE, "id": 41},
        }
        stands(server, [INVOICE], [ENTRY, paying], [])
        [change] = await read(feed)
        versions.append(change.version)
    assert versions[0] == versions[1] != versions[2]


async def test_a_full_page_says_where_the_next_begins(server: Server, feed: InvoiceFeed) -> None:
    stands(server, [{**INVOICE, "id": number} for number in range(1, PAGE + 1)], [], [])
    page = await feed.page(None, UNTIL, None)
    assert page.next == f"2026-11-20T09:30:01.297499 {PAGE}"
    domains = stands(server, [], [], [])["account.invoice"]
    assert await feed.page(datetime(2026, 11, 1, tzinfo=UTC), UNTIL, page.next) == type(page)((), None)
    [domain] = domains
    at = datetime(2026, 11, 20, 9, 30, 1, 297499)  # noqa: DTZ001 - Tryton's times are UTC without a zone
    assert ["OR", ["write_date", ">", at], [["write_date", "=", at], ["id", ">", PAGE]]] in domain
    since = datetime(2026, 11, 1)  # noqa: DTZ001 - Tryton's times are UTC without a zone
    times = ("write_date", "move.lines.write_date", "payment_lines.write_date")
    assert ["OR", *([field, ">=", since] for field in times)] in domain


async def test_a_tryton_that_does_not_answer_is_waited_for(server: Server, feed: InvoiceFeed) -> None:
    server.methods["model.account.invoice.search_read"] = lambda _: web.Response(status=502)
    with pytest.raises(FeedUnavailable, match="http_502"):
        await read(feed)
