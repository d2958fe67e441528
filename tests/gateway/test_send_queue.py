"""Keys whose head command may be sent: in order, bounded, and never instead of a look into the database."""

from __future__ import annotations

import asyncio

import pytest

from gateway import send_queue
from gateway.send_queue import LOOK_SECONDS, SendQueue
from schemas.keys import ActorKey
from tests.gateway.toy import A, B, C
from tests.runtime.virtual import run


def filled(*keys: ActorKey) -> SendQueue:
    queue = SendQueue()
    for key in keys:
        queue.add(key)
    return queue


def test_the_first_thing_is_a_look_into_the_database() -> None:
    async def story() -> list[list[ActorKey]]:
        queue = filled(A)
        return [await queue.take(5), await queue.take(5)]

    assert run(story()) == [[], [A]], "what another process left there is as old as what we are told of"


def test_keys_come_in_order_each_once_and_so_many() -> None:
    async def story() -> list[list[ActorKey]]:
        queue = filled(B, A, B, C)
        await queue.take(1)
        assert len(queue) == 3
        return [await queue.take(2), await queue.take(2)]

    assert run(story()) == [[B, A], [C]]


def test_it_waits_for_a_key_but_not_for_longer_than_until_the_next_look() -> None:
    async def story() -> None:
        loop, queue = asyncio.get_running_loop(), SendQueue()
        await queue.take(1)
        loop.call_later(0.4, queue.add, A)
        assert await queue.take(1) == [A]
        assert loop.time() == pytest.approx(0.4)
        assert await queue.take(1) == []
        assert loop.time() == pytest.approx(LOOK_SECONDS)

    run(story())


def test_however_busy_it_is_the_database_is_looked_into() -> None:
    async def story() -> int:
        loop, queue = asyncio.get_running_loop(), SendQueue()
        looks = 0
        while loop.time() < 10:
            queue.add(A)
            looks += not await queue.take(1)
            await asyncio.sleep(0.01)
        return looks

    assert 8 <= run(story()) <= 11, "or commands that nobody told us of would wait as long as others keep us busy"


def test_while_the_database_has_more_it_is_looked_into_before_there_are_too_few() -> None:
    async def story() -> list[list[ActorKey]]:
        queue = SendQueue()
        await queue.take(2)
        queue.found([A, B, C], more=True)
        taken = [await queue.take(2), await queue.take(2)]
        queue.found([], more=False)
        return [*taken, await queue.take(2)]

    assert run(story()) == [[A, B], [], [C]], "one key alone would be claimed while there is room for more"


def test_a_look_that_fails_does_not_keep_what_we_were_told_of() -> None:
    async def story() -> list[list[ActorKey]]:
        queue = SendQueue()
        await queue.take(2)
        queue.found([A], more=True)
        return [await queue.take(2), await queue.take(2)]

    assert run(story()) == [[], [A]]


def test_who_wants_to_stop_need_not_wait_for_the_next_look() -> None:
    async def story() -> float:
        loop, queue = asyncio.get_running_loop(), SendQueue()
        await queue.take(1)
        loop.call_later(0.1, queue.wake)
        assert await queue.take(1) == []
        return loop.time()

    assert run(story()) == pytest.approx(0.1)


def test_what_is_beyond_its_capacity_waits_in_the_outbox() -> None:
    queue = filled(*(ActorKey("job", f"{n}") for n in range(send_queue.CAPACITY + 5)))
    assert len(queue) == send_queue.CAPACITY
    queue.add(ActorKey("job", "0"))
    assert len(queue) == send_queue.CAPACITY


def test_what_could_not_be_used_comes_first_again_in_its_order() -> None:
    async def story() -> list[ActorKey]:
        queue = filled(A, B, C)
        await queue.take(1)
        queue.put_back((await queue.take(3))[1:])
        queue.add(A)
        return await queue.take(3)

    assert run(story()) == [B, C, A]
