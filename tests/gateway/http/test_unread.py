"""Who leaves an answer lying is cut off, and who reads it slowly is not, but for those who never end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import chain, count, repeat

import pytest

from gateway.http.unread import LOOKS, Unread
from tests.gateway.http.stand import until

SECONDS = 0.01


class Lying(asyncio.Transport):
    """A connection on which so many bytes lie, each time that somebody looks."""

    def __init__(self, lying: Iterator[int]) -> None:
        super().__init__()
        self._lying = lying
        self.is_cut = asyncio.Event()
        self.looks = 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert (high, low) == (0, None)

    def get_write_buffer_size(self) -> int:
        self.looks += 1
        return next(self._lying)

    def abort(self) -> None:
        self.is_cut.set()


def written(lying: Iterator[int]) -> tuple[Unread, Lying]:
    """A connection right after more was written than was taken."""
    transport = Lying(lying)
    unread = Unread(asyncio.Protocol(), SECONDS)
    unread.connection_made(transport)
    unread.pause_writing()
    return unread, transport


@pytest.mark.parametrize(
    ("lying", "looks"),
    [
        (repeat(5), 2),
        # It has grown since: nothing tells that any of it was taken
        (count(5), 2),
        (chain((9, 8, 7), repeat(7)), 4),
        # Who takes a byte each time is done with at some time
        (count(1 << 20, -1), LOOKS + 1),
    ],
)
async def test_it_is_cut_when_nothing_is_taken_or_too_little_for_too_long(lying: Iterator[int], looks: int) -> None:
    _, transport = written(lying)
    async with asyncio.timeout(20):
        await transport.is_cut.wait()
    assert transport.looks == looks


async def test_who_takes_all_of_it_slowly_is_not_cut() -> None:
    unread, transport = written(count(1 << 20, -1))

    async def is_looked_at() -> bool:
        return transport.looks > 2

    await until(is_looked_at, 20)
    unread.resume_writing()
    await asyncio.sleep(3 * SECONDS)
    assert not transport.is_cut.is_set()
