"""The books of an HTTP system, read page by page: what passes is asked again, what a person must mend is said so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import date
from decimal import Decimal

import orjson
import pytest
from aiohttp import web

from adapters.http.postings import PAGE, HttpBooks
from adapters.http.settings import HttpSystemSettings
from adapters.http.system import HttpSystem
from adapters.ports.postings import Postings, PostingsPage, PostingsUnavailable, PostingsUnreadable
from schemas.standing import Sort, Standing
from tests.adapters.http.conftest import TOKEN, Serving

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
ITEM = {
    "sort": "billable", "external_id": "B-7", "reference": "timesheet/T-1/1.r1/1", "legal_entity": "DE01",
    "day": "2026-03-05", "amount": "720.00", "currency": "EUR", "account": "8400", "body": {"role": "consultant"},
}  # fmt: skip
BARE = {"sort": "cost", "external_id": "X-1", "legal_entity": "DE01", "day": "2026-03-05", "more": [1]}

Books = Callable[[str], HttpBooks]


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    """Makes a system whose books are at `/postings`; closed at the end of the test."""
    async with AsyncExitStack() as running:

        def made(url: str) -> HttpBooks:
            settings = HttpSystemSettings("erp", url, TOKEN, {}, timeout=2.0, connect_timeout=1.0, read_cap=4096)
            system = HttpBooks(settings, "/postings")
            running.push_async_callback(system.close)
            return system

        yield made


async def page_of(serving: Serving, books: Books, answer: object, status: int = 200) -> PostingsPage:
    async def told(_: web.Request) -> web.Response:
        return web.Response(status=status, body=orjson.dumps(answer))

    return await books(await serving(told)).postings(FIRST, LAST, None)


async def test_a_page_is_asked_for_by_its_days_and_place(serving: Serving, books: Books) -> None:
    seen: list[tuple[str, dict[str, str], str]] = []

    async def told(request: web.Request) -> web.Response:
        seen.append((request.path, dict(request.query), request.headers["Authorization"]))
        return web.json_response({"items": [], "next": None})

    system = books(await serving(told))
    assert await system.postings(FIRST, LAST, None) == PostingsPage((), None)
    await system.postings(FIRST, LAST, "a b&c")
    days = {"first": "2026-03-01", "last": "2026-03-31", "limit": str(PAGE)}
    bearer = f"Bearer {TOKEN}"
    assert seen == [("/postings", days, bearer), ("/postings", {**days, "after": "a b&c"}, bearer)]


async def test_an_entry_is_read_with_what_it_says(serving: Serving, books: Books) -> None:
    page = await page_of(serving, books, {"items": [ITEM, BARE], "next": "12"})
    day = date(2026, 3, 5)
    assert page == PostingsPage(
        (
            Standing(
                Sort.BILLABLE, "timesheet/T-1/1.r1/1", "B-7", "DE01", day, Decimal("720.00"), "EUR", "8400", None,
                b'{"role":"consultant"}',
            ),
            Standing(Sort.COST, None, "X-1", "DE01", day, None, None),
        ),
        "12",
    )  # fmt: skip


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 503])
async def test_what_passes_is_asked_again(serving: Serving, books: Books, status: int) -> None:
    with pytest.raises(PostingsUnavailable, match=str(status)):
        await page_of(serving, books, {}, status)


async def test_a_system_that_is_not_there_is_asked_again(books: Books) -> None:
    with pytest.raises(PostingsUnavailable):
        await books("http://127.0.0.1:9").postings(FIRST, LAST, None)


@pytest.mark.parametrize("status", [204, 302, 400, 404])
async def test_another_status_is_a_persons_matter(serving: Serving, books: Books, status: int) -> None:
    with pytest.raises(PostingsUnreadable, match=rf"answered {status}: correct systems\.erp\.postings"):
        await page_of(serving, books, {}, status)


@pytest.mark.parametrize(
    "answer",
    [
        [], {"items": []}, {"items": [{}], "next": None}, {"items": [ITEM | {"amount": 720}], "next": None},
        {"items": [ITEM | {"sort": "gift"}], "next": None}, {"items": [ITEM | {"day": "5 March"}], "next": None},
        {"items": ["x" * 5000], "next": None}, {"items": [ITEM | {"reference": "a\0"}], "next": None},
        {"items": [], "next": "a\0"},
    ],
)  # fmt: skip
async def test_what_is_no_page_is_a_persons_matter(serving: Serving, books: Books, answer: object) -> None:
    with pytest.raises(PostingsUnreadable, match="erp at /postings answered"):
        await page_of(serving, books, answer)


async def test_only_a_system_with_books_has_them(books: Books) -> None:
    assert isinstance(books("http://127.0.0.1:9"), Postings)
    assert not issubclass(HttpSystem, Postings)
