"""Listeners: how many connections they take, and for how long."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web

from gateway.http.servers import BoundedSite
from tests.gateway.http.stand import until

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
MOST = 2


async def test_connections_beyond_the_most_are_closed_and_the_others_answered() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response()

    async def is_open(count: int) -> bool:
        return runner.server is not None and len(runner.server.connections) == count

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await BoundedSite(runner, "127.0.0.1", 0, MOST).start()
        [(host, port)] = runner.addresses
        idle = [await asyncio.open_connection(host, port) for _ in range(MOST)]
        await until(lambda: is_open(MOST), 20)
        read, write = await asyncio.open_connection(host, port)
        async with asyncio.timeout(20):
            assert await read.read() == b"", "one too many"
        write.close()
        for read, write in idle:
            write.write(REQUEST)
            assert (await read.read()).startswith(b"HTTP/1.1 200")
            write.close()
        await until(lambda: is_open(0), 20)
        read, write = await asyncio.open_connection(host, port)
        write.write(REQUEST)
        assert (await read.read()).startswith(b"HTTP/1.1 200"), "there is room again"
        write.close()
    finally:
        await runner.cleanup()


async def test_who_leaves_an_answer_unread_is_cut_off_and_who_reads_has_all_of_it() -> None:
    long = b"x" * (16 << 20)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=long)

    async def is_open(count: int) -> bool:
        return runner.server is not None and len(runner.server.connections) == count

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await BoundedSite(runner, "127.0.0.1", 0, MOST, unread_seconds=2).start()
        [(host, port)] = runner.addresses
        with socket.create_connection((host, port)) as silent:
            silent.sendall(REQUEST)
            await until(lambda: is_open(1), 20)
            read, write = await asyncio.open_connection(host, port)
            write.write(REQUEST)
            assert (await read.read()).endswith(long)
            write.close()
            await until(lambda: is_open(0), 20)
    finally:
        await runner.cleanup()
