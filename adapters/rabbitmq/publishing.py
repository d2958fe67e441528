"""Publishing to RabbitMQ: a connection of its own, confirms, and nothing unroutable goes unnoticed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from aiormq import AMQPChannelError, AMQPError, ChannelInvalidStateError, PublishError, spec
from aiormq.abc import AbstractChannel

from adapters.ports.broker import Outgoing, Published
from adapters.rabbitmq.address import parse_address
from adapters.rabbitmq.backoff import RECONNECT, Delay
from adapters.rabbitmq.link import Link
from adapters.rabbitmq.reports import Change, Report, Reporter
from adapters.rabbitmq.seam import PATIENCE, broker_call, count_cancels, open_channel, reason_of

TRANSIENT: Final = 1
PERSISTENT: Final = 2


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
        self._user = address.user
        self._patience = patience
        self._name = name
        self._report = report
        self._link = Link(address, name, delay=delay, report=report)
        self._channel: AbstractChannel | None = None
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
                answers += await asyncio.gather(*(self._publish(channel, message) for message in run))
            return answers

    async def close(self) -> None:
        """Close the connection, after the batch that is on its way."""
        async with self._turn:
            await self._link.close()

    async def _ready_channel(self) -> AbstractChannel:
        """A channel that takes messages now. Raises `BrokerUnavailable`, also while an alarm blocks publishers."""
        async with broker_call("wait for a connection to publish on", self._patience):
            connection = await self._link.connection()
        async with broker_call("wait for the end of an alarm that blocks publishers", self._patience):
            await connection.ready()
        if self._channel is None or self._channel.is_closed or self._channel.connection is not connection:
            self._channel = await open_channel(connection, within=self._patience, confirms=True)
            self._channel.closing.add_done_callback(self._on_close)
        return self._channel

    async def _publish(self, channel: AbstractChannel, message: Outgoing) -> Published:
        """Send one message and wait for its answer."""
        cancels = count_cancels()
        try:
            answer = await channel.basic_publish(
                message.body,
                exchange=message.exchange,
                routing_key=message.routing_key,
                properties=self._properties(message),
                mandatory=True,
                timeout=self._patience,
            )
        except PublishError:
            return Published.UNROUTABLE
        except asyncio.CancelledError:
            if count_cancels() > cancels:
                raise
            return Published.REFUSED
        except (AMQPError, ChannelInvalidStateError, OSError):
            return Published.REFUSED
        except Exception as error:  # noqa: BLE001  # aiormq ends calls in flight with a bare one, too
            self._report(Report(Change.PUBLISHER_REFUSED, self._name, reason_of(error)))
            return Published.REFUSED
        return Published.CONFIRMED if isinstance(answer, spec.Basic.Ack) else Published.REFUSED

    def _on_close(self, closing: asyncio.Future[None]) -> None:
        error = None if closing.cancelled() else closing.exception()
        if isinstance(error, AMQPChannelError):
            self._report(Report(Change.PUBLISHER_REFUSED, self._name, reason_of(error)))

    def _properties(self, message: Outgoing) -> spec.Basic.Properties:
        """The broker refuses a `user_id` that is not the connection's user, so receivers may rely on it."""
        return spec.Basic.Properties(
            content_type=message.content_type,
            headers=dict(message.headers),
            delivery_mode=PERSISTENT if message.persistent else TRANSIENT,
            message_id=message.message_id,
            user_id=self._user,
        )


def runs_without_repeats(messages: Sequence[Outgoing]) -> Iterator[Sequence[Outgoing]]:
    """Cut a batch wherever a message id comes again: aiormq tells by the id alone which message was returned."""
    start, seen = 0, set[str]()
    for position, message in enumerate(messages):
        if message.message_id in seen:
            yield messages[start:position]
            start, seen = position, set[str]()
        seen.add(message.message_id)
    if start < len(messages):
        yield messages[start:]
