"""Contender B, the empty consumer: aio-pika, no work, an ack for each message."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Final

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

from bench.taken import Taken, tell

QUEUE: Final = "bench.messages"


async def run(amqp_url: str, count: int) -> Taken:
    """Consume `count` messages."""
    connection = await aio_pika.connect(amqp_url)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=1000)
    queue = await channel.get_queue(QUEUE, ensure=False)
    done = asyncio.Event()
    taken = redelivered = 0

    async def take(message: AbstractIncomingMessage) -> None:
        nonlocal taken, redelivered
        await message.ack()
        taken += 1
        redelivered += bool(message.redelivered)
        if taken == count:
            done.set()

    began = time.perf_counter()
    await queue.consume(take)
    await done.wait()
    seconds = time.perf_counter() - began
    await channel.close()  # in order behind the acks, which closing the connection alone could overtake
    await connection.close()
    return Taken(seconds, redelivered)


if __name__ == "__main__":
    tell(uvloop.run(run(sys.argv[1], int(sys.argv[3]))))
