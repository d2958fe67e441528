"""Reading ahead in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from gateway.cli.ahead import Ahead


async def test_items_come_in_order_and_then_the_end() -> None:
    assert [item async for item in Ahead(iter(range(100)), most=2)] == list(range(100))


async def test_what_the_iterator_raises_comes_after_its_items() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("the third")

    ahead = aiter(Ahead(items(), most=2))
    assert await anext(ahead) == 1
    with pytest.raises(LookupError, match="the third"):
        await anext(ahead)


async def test_no_more_is_read_than_asked_for() -> None:
    taken: list[int] = []
    reached = threading.Event()

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            if number == 3:
                reached.set()
            yield number

    ahead = Ahead(items(), most=3)
    await asyncio.to_thread(reached.wait, 10)
    # Three are handed over, the fourth is in the reader's hand
    assert taken == [0, 1, 2, 3]
    assert [item async for item in ahead] == list(range(100))


async def test_the_loop_runs_while_the_iterator_blocks() -> None:
    gate = threading.Event()

    def items() -> Iterator[int]:
        gate.wait(10)
        yield 1

    ahead = Ahead(items(), most=1)
    await asyncio.sleep(0)
    gate.set()
    assert [item async for item in ahead] == [1]


async def test_who_leaves_early_ends_the_thread() -> None:
    async for _ in Ahead(iter(range(1000)), most=1):
        break
    for thread in threading.enumerate():
        if thread.name == "reading ahead":
            await asyncio.to_thread(thread.join, 10)
            assert not thread.is_alive()
