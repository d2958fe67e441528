"""Reading what is kept in RabbitMQ across starts, over a connection of its own."""

from __future__ import annotations

from typing import Final

import aiormq
from aiormq import spec
from aiormq.abc import AbstractChannel, AbstractConnection

from adapters.ports.broker import Keepsake
from adapters.rabbitmq.address import parse_address
from adapters.rabbitmq.seam import FAREWELL, PATIENCE, broker_call, close_quietly, open_channel
from adapters.rabbitmq.tolerance import tolerate_odd_values

MOST: Final = 100
"""Messages read at once: the queue keeps a few, and whoever fills it while it is read must not hold up the start."""


class RabbitKeepsakes:
    """`Keepsakes` on RabbitMQ: `basic.get` without an ack, so that a process that dies gives back what it read."""

    def __init__(self, url: str, *, name: str = "tallystick keepsakes") -> None:
        """Raises `ValueError` if `url` is not one for AMQP."""
        self._address = parse_address(url)
        self._name = name
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._last_tag = 0

    def __repr__(self) -> str:
        return f"RabbitKeepsakes({self._address})"

    @property
    def user(self) -> str:
        return self._address.user

    async def take(self, queue: str) -> list[Keepsake]:
        channel = await self._ready_channel()
        taken: list[Keepsake] = []
        async with broker_call(f"read queue {queue}", PATIENCE):
            message = await channel.basic_get(queue)
            while isinstance(message.delivery, spec.Basic.GetOk) and len(taken) < MOST:
                taken.append(Keepsake(message.body, message.header.properties.user_id))
                self._last_tag = message.delivery.delivery_tag or 0
                message = await channel.basic_get(queue)
        return taken

    async def drop(self) -> None:
        channel = await self._ready_channel()
        if self._last_tag:
            async with broker_call("drop what was read", PATIENCE):
                await channel.basic_ack(self._last_tag, multiple=True)
            self._last_tag = 0

    async def close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        self._last_tag = 0
        if connection is not None:
            await close_quietly(connection, within=FAREWELL)

    async def _ready_channel(self) -> AbstractChannel:
        tolerate_odd_values()
        async with broker_call(f"connect to {self._address}", PATIENCE):
            if self._connection is None or not self._connection.is_opened:
                self._connection = await aiormq.connect(
                    self._address.url, client_properties={"connection_name": self._name}
                )
        if self._channel is None or self._channel.is_closed or self._channel.connection is not self._connection:
            self._channel = await open_channel(self._connection, within=PATIENCE)
            self._last_tag = 0
        return self._channel
