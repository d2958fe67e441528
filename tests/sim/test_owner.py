"""Processes that are stopped between two steps, and what they find when they go on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from tests.sim.owner import Owner, SimLoop, context_of

T = TypeVar("T")


def run(story: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=SimLoop) as runner:
        return runner.run(story)


async def counting(seen: list[float]) -> None:
    """Look at the clock each second."""
    loop = asyncio.get_running_loop()
    while True:
        seen.append(loop.time())
        await asyncio.sleep(1)


def test_a_process_that_stands_still_takes_no_step_until_it_goes_on() -> None:
    async def story() -> None:
        owner, seen, loop = Owner(), list[float](), asyncio.get_running_loop()
        task = loop.create_task(counting(seen), context=context_of(owner))
        await asyncio.sleep(2.5)
        owner.is_still = True
        await asyncio.sleep(10)
        assert seen == pytest.approx([0, 1, 2])
        owner.go_on(loop)
        await asyncio.sleep(1.1)
        assert seen == pytest.approx([0, 1, 2, 12.5, 13.5])
        task.cancel()

    run(story())


def test_nothing_runs_in_a_process_that_is_stopped_for_good_and_the_world_goes_on() -> None:
    async def story() -> None:
        owner, seen, around, loop = Owner(), list[float](), list[float](), asyncio.get_running_loop()
        loop.create_task(counting(seen), context=context_of(owner))
        beside = loop.create_task(counting(around))
        owner.at_step(3, lambda: setattr(owner, "is_still", True))
        await asyncio.sleep(5.5)
        assert (len(seen), len(around)) == (1, 6)
        beside.cancel()
        owner.go_on(loop)

    run(story())


def test_what_was_cancelled_meanwhile_is_not_done() -> None:
    async def story() -> None:
        owner, done, loop = Owner(), list[str](), asyncio.get_running_loop()
        context = context_of(owner)
        kept, cancelled = (loop.call_later(1, done.append, word, context=context) for word in ("kept", "cancelled"))
        owner.is_still = True
        await asyncio.sleep(2)
        cancelled.cancel()
        owner.go_on(loop)
        await asyncio.sleep(0)
        assert done == ["kept"]
        assert not kept.cancelled()

    run(story())
