"""Pages that lead in a circle, or have no end, are noticed, and no others."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.postings import PostingsPage, PostingsUnreadable
from gateway.recon.paging import MOST_EMPTY, MOST_PAGES, Paging
from schemas.standing import Standing
from tests.gateway.recon.books import theirs


@given(st.integers(0, 50), st.integers(1, 50))
def test_a_circle_is_noticed_wherever_it_begins(tail: int, length: int) -> None:
    paging = Paging()
    pages = (number if number < tail else tail + (number - tail) % length for number in count())
    noticed = next(number for number, page in enumerate(pages) if paging.has_been(str(page)))
    assert tail + length <= noticed <= 3 * (tail + length) + 2


@given(st.lists(st.text(), unique=True))
def test_pages_that_are_read_once_are_none(starts: list[str]) -> None:
    paging = Paging()
    assert not any(paging.has_been(start) for start in starts)


def read(pages: Iterable[PostingsPage]) -> None:
    paging, start = Paging(), None
    for page in pages:
        paging.expect_end("erp", start, page)
        start = page.next


def page(number: int, *standings: Standing) -> PostingsPage:
    return PostingsPage(standings, str(number))


def test_empty_pages_without_end_are_noticed() -> None:
    with pytest.raises(PostingsUnreadable, match=r"1000 pages in a row without an entry .*mend its paging"):
        read(page(number) for number in count())


def test_a_page_with_an_entry_is_an_end_of_empty_ones() -> None:
    read(page(number, *([theirs(1)] if number % MOST_EMPTY == 1 else [])) for number in range(3 * MOST_EMPTY))


def test_full_pages_without_end_are_noticed() -> None:
    with pytest.raises(PostingsUnreadable, match="no end after 50000 pages: mend its paging, or ask for less"):
        read(page(number, theirs(1)) for number in count())


def test_the_last_page_of_all_is_no_page_too_many() -> None:
    read([*(page(number, theirs(1)) for number in range(MOST_PAGES - 1)), PostingsPage((), None)])
