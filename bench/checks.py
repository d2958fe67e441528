"""What must be so after a round: rows, order, effects, and an empty queue. A fast wrong round is no round."""

from __future__ import annotations

import asyncio
from typing import Final

import aio_pika

from bench.servers import Place

QUIET_SECONDS: Final = 10.0
"""How long the broker may take to forget a consumer that has gone."""

ORDERED: Final = """
    SELECT count(*) FROM (
        SELECT line, row_number() OVER (PARTITION BY key ORDER BY entity_version) - 1 AS place FROM tallystick.outbox
    ) ordered WHERE line <> 'L' || place || '.r1'
"""
"""Commands of lines L0, L1, … that do not stand in that order."""


class WrongRound(RuntimeError):
    """A round whose rows are not what the input demands: its speed means nothing."""


class MessagesLeft(WrongRound):
    """Messages came back when their consumer had gone.

    Not only wrong consumers leave some: RabbitMQ may drop acks that its channel still holds back when the channel is
    closed, though they were sent before. Only whoever knows its messages again, as T does, loses nothing by it.
    """


async def expect(place: Place, query: str, expected: int) -> None:
    """Raises `WrongRound` unless the query gives the number."""
    found = await place.number(query)
    if found != expected:
        raise WrongRound(f"{query.strip()}: {found:.0f}, not {expected}")


async def queue_is_empty(place: Place, queue: str) -> None:
    """Nothing is left in the queue, and nothing came back to it from a consumer. Raises `MessagesLeft`."""
    connection = await aio_pika.connect(place.amqp_url)
    try:
        channel = await connection.channel()
        async with asyncio.timeout(QUIET_SECONDS):
            while True:
                state = (await channel.declare_queue(queue, passive=True)).declaration_result
                if not state.consumer_count:
                    break
                await asyncio.sleep(0.05)
    finally:
        await connection.close()
    if state.message_count:
        raise MessagesLeft(f"{state.message_count} messages are left in {queue}")


async def plain(place: Place, count: int, keys: int) -> None:
    """D: every message in the inbox and the outbox, and every line in its sheet."""
    await expect(place, "SELECT count(*) FROM inbox", count)
    await expect(place, "SELECT count(*) FROM outbox", count)
    await expect(place, "SELECT count(*) FROM sheet", min(keys, count))
    await expect(place, "SELECT sum(version) FROM sheet", count)


async def gateway(place: Place, count: int, keys: int, misplaced: str = ORDERED) -> None:
    """T: every message applied in its key's order, with its command in the outbox and its place in the timeline."""
    await expect(place, "SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied'", count)
    await expect(place, "SELECT count(*) FROM tallystick.outbox", count)
    await expect(place, "SELECT count(*) FROM tallystick.timeline", count)
    await expect(place, "SELECT count(*) FROM tallystick.entity WHERE entity = 'timesheet'", min(keys, count))
    await expect(place, misplaced, 0)
