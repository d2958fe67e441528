"""Publishing to RabbitMQ: a connection of its own, confirms, and nothing unroutable goes unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class _Outlet:
    """A channel to publish on, when it ends, and what the broker says on it.

    `closing` is asked for once: aiormq keeps an observer for each time, for as long as the channel lasts.
    """

    channel: AbstractChannel
    closing: asyncio.Future[None]
    confirms: Confirms

    async def until(self, done: asyncio.Future[None]) -> None:
        """Wait until that is done, or the channel has ended."""
        await asyncio.wait({done, self.closing}, return_when=asyncio.FIRST_COMPLETED)

    async def write(self, frames: bytes, ids: Sequence[str]) -> None:
        """Write the frames of these messages, and wait until the socket has taken them; nothing once it has ended."""
        if self.channel.is_closed:
            return
        drained: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self.channel.connection.write_queue.put(ChannelFrame(frames, should_close=False, drain_future=drained))
        self.confirms.sent(ids)  # nothing comes between: what is on the queue is counted
        await self.until(drained)


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
        self._outlet: _Outlet | None = None
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
            outlet = await self._ready_outlet()
            answers: list[Published] = []
            for run in runs_without_repeats(messages):
                answers += await self._publish(outlet, run)
            return answers

    async def close(self) -> None:
        """Close the connection, after the batch that is on its way."""
        async with self._turn:
            await self._link.close()

    async def _ready_outlet(self) -> _Outlet:
        """A channel that takes messages now. Raises `BrokerUnavailable`, also while an alarm blocks publishers."""
        async with broker_call("wait for a connection to publish on", self._patience):
            connection = await self._link.connection()
        sieve = self._link.sieve
        async with broker_call("wait for the end of an alarm that blocks publishers", self._patience):
            await connection.ready()
        outlet = self._outlet
        if outlet is None or outlet.channel.is_closed or outlet.channel.connection is not connection:
            channel = await open_channel(connection, within=self._patience, confirms=True)
            outlet = self._outlet = _Outlet(channel, channel.closing, Confirms())
            outlet.closing.add_done_callback(self._on_close)
            sieve.confirm(channel.number, outlet.confirms)
        return outlet

    async def _publish(self, outlet: _Outlet, messages: Sequence[Outgoing]) -> list[Published]:
        """Send messages, no two of them with the same id, and wait for their answers."""
        outlet.confirms.begin()
        try:
            async with asyncio.timeout(self._patience):
                await self._send(outlet, messages)
                await outlet.until(outlet.confirms.settled())
        except TimeoutError:
            pass  # as refused
        return [outlet.confirms.of(message.message_id) for message in messages]

    async def _send(self, outlet: _Outlet, messages: Sequence[Outgoing]) -> None:
        """Write many at a time, and the next ones once the socket has taken those."""
        channel = outlet.channel
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
                await outlet.write(b"".join(frames), ids)
                frames, ids, size = [], [], 0
        if ids:
            await outlet.write(b"".join(frames), ids)

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
