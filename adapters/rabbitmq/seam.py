"""The one place where what aiormq raises becomes ours, and where every call gets its time-out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiormq import AMQPError, ProbableAuthenticationError
from aiormq.abc import AbstractChannel, AbstractConnection

from adapters.ports.broker import BrokerUnavailable

PATIENCE: Final = 10.0
"""Seconds that the broker has to answer."""

FAREWELL: Final = 5.0
"""Seconds that closing may take."""


@asynccontextmanager
async def broker_call(what: str, within: float) -> AsyncIterator[None]:
    """Raise `BrokerUnavailable` for whatever goes wrong inside, a time-out of `within` seconds included.

    aiormq ends calls in flight with whatever closed the connection: its own errors, a bare `Exception`, or a
    `CancelledError` although nobody cancelled us, which must not end our task. And where we are cancelled while the
    channel closes, it raises why that closed instead, which must not keep our task alive.
    """
    cancels = count_cancels()
    try:
        async with asyncio.timeout(within):
            yield
    except (Exception, asyncio.CancelledError) as error:
        if count_cancels() > cancels:
            raise asyncio.CancelledError from error
        if isinstance(error, BrokerUnavailable):
            raise
        reason = f"no answer within {within:g} s" if isinstance(error, TimeoutError) else reason_of(error)
        raise BrokerUnavailable(f"{what}: {reason}") from error


def count_cancels() -> int:
    """How often somebody asked the running task to end; a `CancelledError` without it was thrown by aiormq."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def reason_of(error: BaseException) -> str:
    """One plain line for a person; the broker's own words where it gave some."""
    if isinstance(error, ProbableAuthenticationError):
        return "the broker refused user or password, or the user may not use this virtual host"
    if isinstance(error, asyncio.CancelledError):
        return "the connection was closed"
    if isinstance(error, AMQPError):
        return " ".join(str(part) for part in error.args if part) or type(error).__name__
    return str(error) or type(error).__name__


async def open_channel(connection: AbstractConnection, *, within: float, confirms: bool = False) -> AbstractChannel:
    """A new channel. Raises `BrokerUnavailable`."""
    async with broker_call("open a channel", within):
        return await connection.channel(publisher_confirms=confirms)


async def end_of(resource: AbstractChannel | AbstractConnection) -> str:
    """Wait until it is closed, by whomever; says why."""
    closing = resource.closing
    await asyncio.wait({closing})
    error = None if closing.cancelled() else closing.exception()
    return "closed" if error is None else reason_of(error)


async def close_quietly(resource: AbstractChannel | AbstractConnection, *, within: float) -> None:
    """Close what may be broken already: what is left of it dies with its socket."""
    try:
        async with broker_call("close", within):
            await resource.close()
    except BrokerUnavailable:
        return
