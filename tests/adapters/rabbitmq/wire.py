"""A TCP wire between a client and the broker that a test can cut, stall, and speak on in the broker's name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pamqp.frame
from pamqp.base import Frame


class Wire:
    """Passes bytes between its clients and the broker; `url` leads through it."""

    def __init__(self, broker_url: str) -> None:
        self._parts = urlsplit(broker_url)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._clients: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passing = asyncio.Event()
        self._passing.set()

    @property
    def url(self) -> str:
        user, password = self._parts.username, self._parts.password
        return self._parts._replace(netloc=f"{user}:{password}@127.0.0.1:{self._port}").geturl()

    @property
    def port(self) -> int:
        """Where it listens, once it is open."""
        return self._port

    @property
    def connections(self) -> int:
        return len(self._clients)

    def cut(self) -> None:
        """Reset every connection, as a dying network does."""
        for client in self._clients:
            client.transport.abort()

    def stall(self) -> None:
        """Keep back what clients send, as a broker under an alarm does."""
        self._passing.clear()

    def resume(self) -> None:
        self._passing.set()

    def say(self, frame: Frame, channel: int = 0) -> None:
        """Send a frame to every client as if the broker had; only while the broker itself is silent."""
        for client in self._clients:
            client.write(pamqp.frame.marshal(frame, channel))

    async def open(self) -> None:
        """Listen, again on the same port if it is not the first time."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        """Refuse connections, and cut those that are there."""
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._clients.add(writer)
        try:
            await self._join(reader, writer)
        finally:
            self._clients.discard(writer)
            self._tasks.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on in both directions until either end is gone."""
        from_broker, to_broker = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        ways = [
            asyncio.create_task(self._pass_on(reader, to_broker, holds=True)),
            asyncio.create_task(self._pass_on(from_broker, writer, holds=False)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            to_broker.transport.abort()
            for way in ways:
                way.cancel()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, holds: bool) -> None:
        try:
            while chunk := await source.read(65_536):
                if holds:
                    await self._passing.wait()
                sink.write(chunk)
                await sink.drain()
        except ConnectionError:
            return


@asynccontextmanager
async def wire_to(broker_url: str) -> AsyncIterator[Wire]:
    wire = Wire(broker_url)
    await wire.open()
    try:
        yield wire
    finally:
        await wire.shut()
