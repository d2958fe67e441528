"""Publishing to RabbitMQ: a connection of its own, confirms, and nothing unroutable goes unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from aiormq import AMQPChannelError
from aiormq.abc import AbstractChannel, ChannelFrame

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.address import parse_address
from adapters.rabbitmq.backoff import RECONNECT, Delay
from adapters.rabbitmq.confirms import Confirms
from adapters.rabbitmq.framing import framed, short_text
from adapters.rabbitmq.link import Link
from adapters.rabbitmq.reports import Change, Report, Reporter
from adapters.rabbitmq.seam import PATIENCE, broker_call, open_channel, reason_of
from adapters.rabbitmq.valve import Valve

WRITE_BYTES: Final = 256 * 1024
"""From so many on a batch is more than one write."""
FRAME_BYTES: Final = 128 * 1024
"""Of a frame, for a broker that sets no bound."""


class RabbitPublishing:
    """`Publishing` on RabbitMQ. Batches go out one after the other, so order holds across calls too."""

    def __init__(
        self,
        url: str,
        *,
        report: Reporter,
        delay: Delay = RECONNECT,
        patience: float = PATIENCE,
        name: str = "tallystick publishing",
    ) -> None:
        """`patience` is in seconds: for a connection or an alarm's end, and then for the confirms of a batch.

        Raises `ValueError` if `url` is not one for AMQP.
        """
        address = parse_address(url)
        # The broker refuses one that is not the connection's user, so receivers may rely on it.
        self._user = short_text(address.user)
        self._patience = patience
        self._name = name
        self._report = report
        self._link = Link(address, name, delay=delay, report=report, valve=Valve())
        self._channel: AbstractChannel | None = None
        self._confirms = Confirms()
        """Of the channel."""
        self._turn = asyncio.Lock()

    def __repr__(self) -> str:
        return f"RabbitPublishing({self._link})"

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    def start(self) -> None:
        """Begin to connect before the first batch does; needs a running loop."""
        self._link.start()

    async def publish(self, messages: Sequence[Outgoing]) -> list[Published]:
        """Publish in order, mandatory, and wait for all confirms. Raises `BrokerUnavailable` if none was sent.

        What is not confirmed in time counts as refused, though the broker may still take it once its alarm ends:
        receivers know a second copy by its message id.
        """
        async with self._turn:
            channel = await self._ready_channel()
            answers: list[Published] = []
            for run in runs_without_repeats(messages):
                answers += await self._publish(channel, run)
            return answers

    async def close(self) -> None:
        """Close the connection, after the batch that is on its way."""
        async with self._turn:
            await self._link.close()

    async def _ready_channel(self) -> AbstractChannel:
        """A channel that takes messages now. Raises `BrokerUnavailable`, also while an alarm blocks publishers."""
        async with broker_call("wait for a connection to publish on", self._patience):
            connection = await self._link.connection()
        sieve = self._link.sieve
        async with broker_call("wait for the end of an alarm that blocks publishers", self._patience):
            await connection.ready()
        if self._channel is None or self._channel.is_closed or self._channel.connection is not connection:
            self._channel = await open_channel(connection, within=self._patience, confirms=True)
            self._channel.closing.add_done_callback(self._on_close)
            self._confirms = Confirms()
            sieve.confirm(self._channel.number, self._confirms)
        return self._channel

    async def _publish(self, channel: AbstractChannel, messages: Sequence[Outgoing]) -> list[Published]:
        """Send messages, no two of them with the same id, and wait for their answers."""
        self._confirms.begin()
        try:
            async with asyncio.timeout(self._patience):
                await self._send(channel, messages)
                await asyncio.wait({self._confirms.settled(), channel.closing}, return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass  # as refused
        return [self._confirms.of(message.message_id) for message in messages]

    async def _send(self, channel: AbstractChannel, messages: Sequence[Outgoing]) -> None:
        """Write many at a time, and the next ones once the socket has taken those."""
        frame_max = channel.connection.connection_tune.frame_max or FRAME_BYTES
        frames, ids, size = list[bytes](), list[str](), 0
        for message in messages:
            try:
                frames.append(framed(message, channel.number, self._user, frame_max))
            except ValueError as error:
                self._report(Report(Change.PUBLISHER_REFUSED, self._name, str(error)))
                continue
            ids.append(message.message_id)
            size += len(frames[-1])
            if size >= WRITE_BYTES:
                await self._write(channel, b"".join(frames), ids)
                frames, ids, size = [], [], 0
        if ids:
            await self._write(channel, b"".join(frames), ids)

    async def _write(self, channel: AbstractChannel, frames: bytes, ids: Sequence[str]) -> None:
        if channel.is_closed:
            return
        drained: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await channel.connection.write_queue.put(ChannelFrame(frames, should_close=False, drain_future=drained))
        self._confirms.sent(ids)  # nothing comes between: what is on the queue is counted
        await asyncio.wait({drained, channel.closing}, return_when=asyncio.FIRST_COMPLETED)

    def _on_close(self, closing: asyncio.Future[None]) -> None:
        error = None if closing.cancelled() else closing.exception()
        if isinstance(error, AMQPChannelError):
            self._report(Report(Change.PUBLISHER_REFUSED, self._name, reason_of(error)))


def runs_without_repeats(messages: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """Cut a batch wherever a message id comes again: the broker tells by the id alone which message it returned."""
    start, seen = 0, set[str]()
    for position, message in enumerate(messages):
        if message.message_id in seen:
            yield messages[start:position]
            start, seen = position, set[str]()
        seen.add(message.message_id)
    if start < len(messages):
        yield messages[start:]
