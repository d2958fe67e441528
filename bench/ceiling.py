"""Contender A, the ceiling: aiormq, no work, one ack for a hundred messages."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

import aiormq
import uvloop
from aiormq.abc import DeliveredMessage

from bench.taken import Taken, tell

QUEUE: Final = "bench.messages"
ACK_EVERY: Final = 100


async def run(amqp_url: str, count: int) -> Taken:
    """Consume `count` messages."""
    connection = await aiormq.connect(amqp_url)
    channel = await connection.channel()
    await channel.basic_qos(prefetch_count=1000)
    done = asyncio.Event()
    taken = redelivered = 0

    async def take(message: DeliveredMessage) -> None:
        nonlocal taken, redelivered
        taken += 1
        redelivered += bool(message.redelivered)
        if taken % ACK_EVERY == 0 or taken == count:
            await channel.basic_ack(message.delivery_tag or 0, multiple=True)
        if taken == count:
            done.set()

    began = time.perf_counter()
    await channel.basic_consume(QUEUE, take)
    await done.wait()
    seconds = time.perf_counter() - began
    await channel.close()  # in order behind the acks, which closing the connection alone could overtake
    await connection.close()
    return Taken(seconds, redelivered)


if __name__ == "__main__":
    tell(uvloop.run(run(sys.argv[1], int(sys.argv[3]))))
