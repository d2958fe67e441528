"""The loop of virtual time itself."""

from __future__ import annotations

import asyncio
import time
from itertools import count

import pytest

from tests.runtime.virtual import run


def test_an_hour_takes_no_time() -> None:
    async def story() -> float:
        await asyncio.sleep(3000)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert run(story()) == pytest.approx(3000)
    assert time.monotonic() - began < 5


def test_sleepers_wake_in_order() -> None:
    woken: list[float] = []

    async def sleeper(seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append(seconds)

    async def story() -> None:
        await asyncio.gather(*(sleeper(seconds) for seconds in (30, 10, 20)))

    run(story())
    assert woken == [10, 20, 30]


def test_a_story_that_goes_round_without_time_passing_ends() -> None:
    async def story() -> None:
        for _ in count():
            await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="round and round"):
        run(story())


def test_a_story_that_takes_for_ever_ends() -> None:
    async def story() -> None:
        for second in count():
            await asyncio.sleep(second)

    with pytest.raises(TimeoutError):
        run(story())
