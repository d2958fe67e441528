"""What the library raises becomes ours, and somebody's cancelling stays a cancelling."""

from __future__ import annotations

import asyncio

import pytest
from aiormq import ChannelNotFoundEntity, ChannelPreconditionFailed, ProbableAuthenticationError

from adapters.ports.broker import BrokerUnavailable
from adapters.rabbitmq.seam import broker_call


async def test_a_time_out_says_what_and_how_long() -> None:
    with pytest.raises(BrokerUnavailable, match=r"consume x: no answer within 0\.01 s"):
        async with broker_call("consume x", 0.01):
            await asyncio.Event().wait()


async def test_the_librarys_own_cancelled_error_does_not_end_our_task() -> None:
    with pytest.raises(BrokerUnavailable, match="the connection was closed"):
        async with broker_call("consume x", 1):
            raise asyncio.CancelledError


async def test_being_cancelled_stays_so() -> None:
    async def call() -> None:
        async with broker_call("consume x", 10):
            inside.set()
            await asyncio.Event().wait()

    inside = asyncio.Event()
    task = asyncio.create_task(call())
    await inside.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_being_cancelled_wins_over_what_the_library_raises_instead() -> None:
    async def call() -> None:
        async with broker_call("consume x", 10):
            inside.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise ChannelNotFoundEntity("NOT_FOUND") from None

    inside = asyncio.Event()
    task = asyncio.create_task(call())
    await inside.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_a_cancelled_error_of_the_library_is_told_apart_while_our_own_cancelling_is_being_worked_off() -> None:
    async def call() -> str:
        try:
            inside.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            with pytest.raises(BrokerUnavailable):
                async with broker_call("close", 1):
                    raise asyncio.CancelledError from None
        return "closed"

    inside = asyncio.Event()
    task = asyncio.create_task(call())
    await inside.wait()
    task.cancel()
    assert await task == "closed"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ChannelPreconditionFailed("PRECONDITION_FAILED - inequivalent arg"), "inequivalent arg"),
        (ProbableAuthenticationError("ACCESS_REFUSED"), "refused user or password"),
        (ConnectionResetError(104, "reset by peer"), "reset by peer"),
        (Exception(), "Exception"),
    ],
)
async def test_the_brokers_own_words_are_kept_and_the_error_as_the_cause(error: Exception, words: str) -> None:
    with pytest.raises(BrokerUnavailable, match=words) as caught:
        async with broker_call("declare x", 1):
            raise error
    assert caught.value.__cause__ is error
