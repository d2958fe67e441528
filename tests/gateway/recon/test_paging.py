"""Pages that lead in a circle are noticed, and no others."""

from __future__ import annotations

from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from gateway.recon.paging import Paging


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
