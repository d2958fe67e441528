"""The books of a Tryton: which time and which invoices are told, with what money, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
from aiohttp import web

from adapters.ports.postings import Postings, PostingsPage, PostingsUnavailable, PostingsUnreadable
from adapters.ports.system import Absent
from adapters.tryton import postings
from adapters.tryton.postings import TrytonBooks
from schemas.commands import BY_REFERENCE, Command, Confirmed, command_id
from schemas.keys import ActorKey
from schemas.standing import Sort, Standing
from tests.adapters.tryton.server import Server, serving
from tests.adapters.tryton.test_invoice_changes import Rows, holds

FIRST, LAST, DAY = date(2026, 11, 1), date(2026, 11, 30), date(2026, 11, 5)
REFERENCE: Final = "timesheet/psa-5/1.r7/1"
USD: Final = {"id": 1, "code": "USD", "digits": 2}
COMPANY: Final = {"id": 1, "party.": {"id": 1, "name": "Northwind"}, "currency.": USD}
TIME: Final[dict[str, Any]] = {
    "id": 90, "uuid": REFERENCE, "date": DAY, "duration": timedelta(hours=8), "company.": COMPANY,
    "work.": {"id": 4, "origin": "project.work,8"}, "invoice_line.": None,
}  # fmt: skip
TASK: Final[dict[str, Any]] = {"id": 8, "list_price": Decimal("150.0000"), "invoice_method": "timesheet"}
INVOICE: Final[dict[str, Any]] = {
    "id": 12, "invoice_date": DAY, "company.": COMPANY, "currency.": USD, "total_amount": Decimal("2143.90"),
    "amount_to_pay": Decimal("1143.90"), "lines_to_pay": [50],
}  # fmt: skip
BOOKED: Final = Standing(Sort.BILLABLE, REFERENCE, "90", "US01", DAY, Decimal("1200.00"), "USD")
POSTED: Final = Standing(
    Sort.INVOICE, None, "erp-12", "US01", DAY, Decimal("2143.90"), "USD", open=Decimal("1143.90")
)  # fmt: skip

Books = Callable[..., TrytonBooks]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def books(server: Server) -> AsyncIterator[Books]:
    """Makes a Tryton whose books are read, of US01; closed at the end of the test."""
    async with AsyncExitStack() as running:
        settings = await running.enter_async_context(serving(server))

        def made(*, reads: tuple[str, ...] = (), **changed: Any) -> TrytonBooks:
            known: dict[str, Any] = {"operations": frozenset({"billable.post"})}
            system = TrytonBooks(replace(settings, **(known | changed)), reads=reads)
            running.push_async_callback(system.close)
            return system

        yield made


def stands(server: Server, *times: Rows, tasks: Rows | None = None) -> list[Any]:
    """Let pages of time lines be told so; the domains asked for."""
    holds(server, "project.work", *([[TASK] if tasks is None else tasks] * len(times)))
    return holds(server, "timesheet.line", *times)


async def told(books: TrytonBooks, start: str | None = None) -> list[Standing]:
    return list((await books.postings(FIRST, LAST, start)).standings)


async def test_time_that_we_booked_is_told_under_our_reference(server: Server, books: Books) -> None:
    domains = stands(server, [TIME])
    system = books()
    assert isinstance(system, Postings)
    assert await system.postings(FIRST, LAST, None) == PostingsPage((BOOKED,), None)
    assert domains == [
        [
            ["id", ">", 0], ["date", ">=", FIRST], ["date", "<=", LAST], ["duration", ">", timedelta()],
            ["company.party.name", "in", ["Northwind"]],
        ]
    ]  # fmt: skip


async def test_time_of_others_is_told_where_tryton_bills_it(server: Server, books: Books) -> None:
    by_hand = {**TIME, "id": 91, "uuid": None}
    from_the_app = {**TIME, "id": 92, "uuid": "0b5f2c9e-4a35-4d27-9c4e-2f6a9f6f2a11"}
    of_a_fixed_fee = {**TIME, "id": 93, "uuid": None, "work.": {"id": 5, "origin": "project.work,9"}}
    of_production = {**TIME, "id": 94, "uuid": None, "work.": {"id": 6, "origin": "production.work,3"}}
    ours = {**TIME, "id": 95, "work.": {"id": 5, "origin": "project.work,9"}}
    by_hand_on_a_fee = {"id": 9, "list_price": Decimal(150), "invoice_method": "manual"}
    stands(server, [by_hand, from_the_app, of_a_fixed_fee, of_production, ours], tasks=[TASK, by_hand_on_a_fee])
    found = await told(books())
    assert [(each.external_id, each.reference) for each in found] == [("91", None), ("92", None), ("95", REFERENCE)]


async def test_it_costs_what_the_invoice_says_once_it_is_on_one(server: Server, books: Books) -> None:
    euro = {"id": 2, "code": "EUR", "digits": 2}
    billed = {**TIME, "invoice_line.": {"id": 70, "unit_price": Decimal("155.5000"), "currency.": euro}}
    stands(server, [billed])
    [entry] = await told(books())
    assert (entry.amount, entry.currency) == (Decimal("1244.00"), "EUR")


async def test_a_task_without_a_price_tells_no_money(server: Server, books: Books) -> None:
    stands(server, [TIME], tasks=[{**TASK, "list_price": None}])
    [entry] = await told(books())
    assert (entry.amount, entry.currency) == (None, None)


@pytest.mark.parametrize(
    ("duration", "price", "half_up", "half_even"),
    [
        (timedelta(minutes=15), "187.30", "46.83", "46.82"),
        (timedelta(minutes=20), "150.00", "50.00", "50.00"),
        (timedelta(minutes=50), "187.25", "156.04", "156.04"),
    ],
)
async def test_a_line_is_rounded_as_its_legal_entity_rounds(
    server: Server, books: Books, duration: timedelta, price: str, half_up: str, half_even: str
) -> None:
    for system, amount in ((books(), half_up), (books(round_to_even=frozenset({"US01"})), half_even)):
        stands(server, [{**TIME, "duration": duration}], tasks=[{**TASK, "list_price": Decimal(price)}])
        [entry] = await told(system)
        assert str(entry.amount) == amount


async def test_an_invoice_is_told_under_the_id_that_its_events_have(server: Server, books: Books) -> None:
    credit_note = {**INVOICE, "id": 13, "total_amount": Decimal("-5.00")}
    domains = holds(server, "account.invoice", [INVOICE, credit_note])
    holds(server, "account.move.line")
    system = books(operations=frozenset(), reads=("invoices",))
    assert await system.postings(FIRST, LAST, None) == PostingsPage((POSTED,), None)
    asked = [each for each in domains[0] if each[0] == "invoice_date"]
    assert asked == [["invoice_date", ">=", FIRST], ["invoice_date", "<=", LAST]]


async def test_what_is_open_is_not_told_of_a_debt_that_is_grouped(server: Server, books: Books) -> None:
    holds(server, "account.invoice", [{**INVOICE, "amount_to_pay": Decimal()}])
    asked = holds(server, "account.move.line", [{"id": 50}])
    [entry] = await told(books(operations=frozenset(), reads=("invoices",)))
    assert entry == replace(POSTED, open=None)
    assert asked == [[["id", "in", [50]], ["reconciliation.delegate_to", "!=", None]]]


async def test_what_came_too_much_is_not_owed(server: Server, books: Books) -> None:
    holds(server, "account.invoice", [{**INVOICE, "amount_to_pay": Decimal("-10.00")}])
    holds(server, "account.move.line")
    [entry] = await told(books(operations=frozenset(), reads=("invoices",)))
    assert entry.open == 0


async def test_pages_go_behind_the_last_record_then_to_the_invoices(
    server: Server, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postings, "PAGE", 2)
    domains = stands(server, [TIME, {**TIME, "id": 91}], [{**TIME, "id": 93}])
    holds(server, "account.invoice", [INVOICE, {**INVOICE, "id": 14}], [])
    holds(server, "account.move.line")
    system = books(reads=("invoices",))
    places, ids = list[str | None](), list[str | None]()
    start: str | None = None
    while start is not None or not places:
        page = await system.postings(FIRST, LAST, start)
        ids += [each.external_id for each in page.standings]
        places.append(start := page.next)
    assert places == ["time/91", "invoices/0", "invoices/14", None]
    assert ids == ["90", "91", "93", "erp-12", "erp-14"]
    assert [domain[0] for domain in domains] == [["id", ">", 0], ["id", ">", 91]]


async def test_what_is_not_read_any_more_ends_the_run(server: Server, books: Books) -> None:
    with pytest.raises(PostingsUnreadable, match="begin another reconciliation"):
        await books().postings(FIRST, LAST, "invoices/14")


@pytest.mark.parametrize(
    ("answer", "raised", "text"),
    [
        (web.Response(status=503), PostingsUnavailable, "erp: Tryton answered 503"),
        (web.Response(status=429), PostingsUnavailable, "erp: Tryton asks us to send less"),
        ({"error": ["UserError", ["You are not allowed to read it", ""]]}, PostingsUnreadable, "not allowed"),
        ({"result": 7}, PostingsUnreadable, "another form"),
    ],
)  # fmt: skip
async def test_what_passes_may_be_asked_again_and_what_a_person_must_mend_not(
    server: Server, books: Books, answer: Any, raised: type[Exception], text: str
) -> None:
    server.methods["model.timesheet.line.search_read"] = lambda _: answer
    with pytest.raises(raised, match=text):
        await books().postings(FIRST, LAST, None)


async def test_a_time_line_of_another_company_is_not_taken_for_ours(server: Server, books: Books) -> None:
    stands(server, [{**TIME, "company.": {**COMPANY, "party.": {"id": 3, "name": "Another"}}}])
    with pytest.raises(PostingsUnreadable, match="another company"):
        await told(books())


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([{"id": 90, "uuid": REFERENCE, "duration": timedelta(hours=3)}], Confirmed("90")),
        ([{"id": 90, "uuid": REFERENCE, "duration": timedelta()}], Absent()),
        ([], Absent()),
    ],
)
async def test_a_booking_can_be_asked_for_by_its_reference_alone(
    server: Server, books: Books, lines: Rows, found: Confirmed | Absent
) -> None:
    domains = holds(server, "timesheet.line", lines)
    key = ActorKey("timesheet", "psa-5")
    id = command_id("erp", "billable.post", key, "1.r7", 1)
    asked = Command(id, "erp", "billable.post", key, "1.r7", 1, BY_REFERENCE, REFERENCE)
    assert await books().look_up(asked) == found
    assert domains == [[["uuid", "=", REFERENCE]]]
