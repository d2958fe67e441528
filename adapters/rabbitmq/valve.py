"""The valve: shuts off reading while the deliveries in memory have too many bytes. A prefetch counts messages only."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

BYTES: Final = 64 * 1024 * 1024
READ_BYTES: Final = 64 * 1024
"""Kept unread by a reader; twice as much, and asyncio stops reading the socket."""


class Valve:
    """Counts bytes of deliveries. Shut from `limit` on, open again from half of it down, so that it does not flutter.

    A delivery counts from when it has arrived until it is acked or, where it was never acked, until nobody has it:
    after a loss the same messages come again, while those of the lost channel may still be in memory.
    """

    def __init__(self, limit: int = BYTES) -> None:
        self.is_open = True
        """A plain attribute, as it is read for every frame."""
        self.held = 0
        self._limit = limit
        self._opened = asyncio.Event()
        self._opened.set()

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

    async def opened(self) -> None:
        """Wait until it is open."""
        await self._opened.wait()


class ValvedReader(asyncio.StreamReader):
    """Reads no further while the valve is shut; the socket fills up behind it, and the broker waits."""

    def __init__(self, valve: Valve, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(limit=READ_BYTES, loop=loop)
        self._valve = valve
        self._gone = asyncio.Event()

    def readexactly(self, n: int) -> Any:  # noqa: ANN401  # an awaitable; as cheap as without a valve while it is open
        """As a `StreamReader`'s, once the valve is open or the connection gone."""
        return super().readexactly(n) if self._valve.is_open else self._read_later(n)

    def feed_eof(self) -> None:
        super().feed_eof()
        self._gone.set()

    def set_exception(self, exc: Exception) -> None:
        super().set_exception(exc)
        self._gone.set()

    async def _read_later(self, n: int) -> bytes:
        waits = [asyncio.ensure_future(self._valve.opened()), asyncio.ensure_future(self._gone.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        return await super().readexactly(n)


class ValvedTransport(TransportFactory):
    """Opens aiormq's connections with such a reader, and otherwise as `asyncio.open_connection` does."""

    def __init__(self, valve: Valve) -> None:
        self._valve = valve

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:  # noqa: ANN401
        provider = kwargs.pop("ssl_context_provider")
        tls = await provider.get_context() if url.scheme == "amqps" else None
        loop = asyncio.get_running_loop()
        reader = ValvedReader(self._valve, loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            host, port = url.host or "", url.port or 0
            transport, _ = await loop.create_connection(lambda: protocol, host, port, ssl=tls, **kwargs)
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)
