"""One round: fill a queue, let a contender empty it in a process of its own, and check."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final

from bench import load
from bench.checks import WrongRound, queue_is_empty
from bench.contenders import Contender
from bench.load import Sheet
from bench.servers import Place, Servers, fresh
from bench.taken import Taken, heard

LONGEST_SECONDS: Final = 1200.0
"""That a contender may take."""


async def one_round(servers: Servers, contender: Contender, count: int, keys: int) -> float:
    """Messages per second. Raises `WrongRound`."""
    async with fresh(servers) as place:
        taken = await filled(place, contender, load.events(count, keys), count)
        await contender.check(place, count, keys)
    return count / taken.seconds


async def filled(place: Place, contender: Contender, sheets: Iterable[Sheet], count: int) -> Taken:
    """Prepare, publish the `count` sheets, and let the contender take them, with nothing left to write to the disk."""
    exchange = await contender.prepare(place)
    await load.fill(place.amqp_url, exchange, sheets)
    await asyncio.to_thread(os.sync)
    return await emptied(place, contender, count)


async def emptied(place: Place, contender: Contender, count: int) -> Taken:
    """Let the contender empty its queue. Raises `WrongRound` unless each message came once and none is left."""
    async with started(place, contender, count) as process:
        return await finished(place, contender, process)


@asynccontextmanager
async def started(
    place: Place, contender: Contender, count: int, *wanted: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The contender's process, which is gone at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", contender.module, place.amqp_url, place.database_url, str(count), *wanted,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def finished(place: Place, contender: Contender, process: asyncio.subprocess.Process) -> Taken:
    """What it says in the end. Raises `WrongRound`, also when it takes too long."""
    try:
        output, _ = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
    except TimeoutError as error:
        raise WrongRound(f"{contender.module} was not done within {LONGEST_SECONDS:.0f} s") from error
    if process.returncode:
        raise WrongRound(f"{contender.module} ended with {process.returncode}")
    taken = heard(output.splitlines()[-1])
    if taken.redelivered:
        raise WrongRound(f"{contender.module} saw {taken.redelivered} messages more than once")
    await queue_is_empty(place, contender.queue)
    return taken
