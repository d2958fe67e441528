"""Contender D, what a user writes today: aio-pika, a lock per key, one transaction per message, then the ack."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict

import aio_pika
import asyncpg
import orjson
import uvloop
from aio_pika.abc import AbstractIncomingMessage

from bench.taken import Taken, tell

QUEUE = "bench.messages"
SCHEMA = (
    "CREATE TABLE inbox (source text, event_id text, PRIMARY KEY (source, event_id))",
    "CREATE TABLE sheet (key text PRIMARY KEY, version bigint NOT NULL, state jsonb NOT NULL)",
    "CREATE TABLE outbox (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key text NOT NULL, body jsonb NOT NULL)",
)


async def run(amqp_url: str, database_url: str, count: int) -> Taken:
    """Consume `count` messages."""
    pool = await asyncpg.create_pool(database_url, min_size=10, max_size=10)
    connection = await aio_pika.connect(amqp_url)
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=1000)
    queue = await channel.get_queue(QUEUE, ensure=False)
    locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
    done = asyncio.Event()
    taken = redelivered = 0

    async def take(message: AbstractIncomingMessage) -> None:
        nonlocal taken, redelivered
        event = orjson.loads(message.body)
        async with locks[event["subject"]], pool.acquire() as database, database.transaction():
            if await database.fetchval(
                "INSERT INTO inbox VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1", event["source"], event["id"]
            ):
                row = await database.fetchrow(
                    "SELECT version, state FROM sheet WHERE key = $1 FOR UPDATE", event["subject"]
                )
                version, state = (row["version"], orjson.loads(row["state"])) if row else (0, {"lines": {}})
                for line in event["data"]["lines"]:
                    state["lines"][line["line_id"]] = line["hours"]
                await database.execute(
                    "INSERT INTO sheet VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE SET version = $2, state = $3",
                    event["subject"],
                    version + 1,
                    orjson.dumps(state).decode(),
                )
                await database.execute(
                    "INSERT INTO outbox (key, body) VALUES ($1, $2)",
                    event["subject"],
                    orjson.dumps(event["data"]).decode(),
                )
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
    await pool.close()
    return Taken(seconds, redelivered)


if __name__ == "__main__":
    tell(uvloop.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
