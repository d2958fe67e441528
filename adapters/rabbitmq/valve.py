"""The valve: shuts off reading while the deliveries in memory have too many bytes. A prefetch counts messages only."""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Callable
from typing import Any, Final, cast

from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

from adapters.rabbitmq.sieve import HEARTBEAT, Sieve

BYTES: Final = 64 * 1024 * 1024
READ_BYTES: Final = 64 * 1024
"""Kept unread by a reader; twice as much, and asyncio stops reading the socket."""
HEARTBEAT_SECONDS: Final = 1.0
"""aiormq hears at least so often that something arrives, if all of it is deliveries."""


class Valve:
    """Counts bytes of deliveries. Shut from `limit` on, open again from half of it down, so that it does not flutter.

    A delivery counts from when it has arrived until it is acked or, where it was never acked, until nobody has it:
    after a loss the same messages come again, while those of the lost channel may still be in memory.
    """

    def __init__(self, limit: int = BYTES) -> None:
        self.is_open = True
        self.held = 0
        self._limit = limit
        self._opened = asyncio.Event()
        self._opened.set()
        self._listeners: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Valve(is_open={self.is_open}, held={self.held}, limit={self._limit})"

    def take(self, size: int) -> None:
        """A delivery of so many bytes has arrived."""
        self.held += size
        if self.is_open and self.held >= self._limit:
            self.is_open = False
            self._opened.clear()

    def give(self, size: int) -> None:
        """A delivery of so many bytes is done, or gone."""
        self.held -= size
        if not self.is_open and self.held <= self._limit // 2:
            self.is_open = True
            self._opened.set()
            for opened in self._listeners:
                opened()

    def listen(self, opened: Callable[[], None]) -> None:
        """Call `opened` whenever it opens again."""
        self._listeners.append(opened)

    def forget(self, opened: Callable[[], None]) -> None:
        """Do not call `opened` any more."""
        self._listeners.remove(opened)

    async def opened(self) -> None:
        """Wait until it is open."""
        await self._opened.wait()


class SiftedProtocol(asyncio.StreamReaderProtocol):
    """Feeds aiormq's reader with what the sieve leaves, and reads no further while the valve is shut.

    The socket fills up behind it then, and the broker waits.
    """

    def __init__(
        self, reader: asyncio.StreamReader, sieve: Sieve, valve: Valve, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(reader, loop=loop)
        self._reader = reader
        self._sieve = sieve
        self._valve = valve
        self._clock = loop.time
        self._told_at = -math.inf
        self._socket: asyncio.Transport | None = None
        self._is_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._socket = cast(asyncio.Transport, transport)  # uvloop's has the methods, and is no subclass
        self._valve.listen(self._read_on)

    def connection_lost(self, exc: Exception | None) -> None:
        self._valve.forget(self._read_on)
        self._sieve.end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        try:
            others = self._sieve.sift(data)
        except (ValueError, IndexError, struct.error) as error:
            self._reader.set_exception(AMQPConnectionError(f"a frame is cut short: {error}"))
            if self._socket is not None:
                self._socket.abort()
            return
        if others:
            super().data_received(others)
        elif self._sieve.is_in_use and self._clock() - self._told_at > HEARTBEAT_SECONDS:
            # Not before: a part of a frame of the handshake has no frames of others behind it.
            self._told_at = self._clock()
            super().data_received(HEARTBEAT)
        if not self._valve.is_open and self._socket is not None:
            # Each time: the reader pauses and resumes the same socket for what aiormq has still to read.
            self._is_paused = True
            self._socket.pause_reading()

    def _read_on(self) -> None:
        if self._is_paused and self._socket is not None and not self._socket.is_closing():
            self._is_paused = False
            self._socket.resume_reading()


class SiftedTransport(TransportFactory):
    """Opens one connection of aiormq with such a reader, and otherwise as `asyncio.open_connection` does."""

    def __init__(self, valve: Valve) -> None:
        self.sieve = Sieve()
        self._valve = valve

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:  # noqa: ANN401
        provider = kwargs.pop("ssl_context_provider")
        tls = await provider.get_context() if url.scheme == "amqps" else None
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ_BYTES, loop=loop)
        protocol = SiftedProtocol(reader, self.sieve, self._valve, loop)
        try:
            host, port = url.host or "", url.port or 0
            transport, _ = await loop.create_connection(lambda: protocol, host, port, ssl=tls, **kwargs)
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
