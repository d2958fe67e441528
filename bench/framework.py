"""Contender C, the framework: FastStream, an empty subscriber whose argument is a pydantic model of the event."""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import date, datetime
from decimal import Decimal
from typing import Final

import orjson
import uvloop
from faststream.rabbit import Channel, RabbitBroker, RabbitMessage, RabbitQueue
from pydantic import BaseModel

from bench.taken import Taken, tell

QUEUE: Final = "bench.messages"


class Line(BaseModel):
    """One line of a sheet."""

    line_id: str
    work_date: date
    hours: Decimal
    role: str
    task: str
    billable: bool
    note: str


class Sheet(BaseModel):
    """What was approved."""

    legal_entity: str
    currency: str
    employee: dict[str, str]
    period: dict[str, date]
    project: dict[str, str]
    lines: list[Line]
    partial: bool
    approver: dict[str, str]
    approved_at: datetime


class Event(BaseModel):
    """The message."""

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    data: Sheet


async def parsed(message: RabbitMessage) -> object:
    """The body; FastStream does not take this content type for JSON by itself."""
    return orjson.loads(message.body)


async def run(amqp_url: str, count: int) -> Taken:
    """Consume `count` messages."""
    broker = RabbitBroker(amqp_url, default_channel=Channel(prefetch_count=1000), logger=None)
    done = asyncio.Event()
    taken = redelivered = 0

    @broker.subscriber(RabbitQueue(QUEUE, declare=False), decoder=parsed)
    async def take(event: Event, message: RabbitMessage) -> None:  # noqa: ARG001  # its argument is its model
        nonlocal taken, redelivered
        taken += 1
        redelivered += bool(message.raw_message.redelivered)
        if taken == count:
            done.set()

    await broker.connect()
    began = time.perf_counter()
    await broker.start()
    await done.wait()
    seconds = time.perf_counter() - began
    await broker.stop()
    return Taken(seconds, redelivered)


if __name__ == "__main__":
    tell(uvloop.run(run(sys.argv[1], int(sys.argv[3]))))
