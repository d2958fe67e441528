"""A server on loopback that speaks Tryton's JSON-RPC as far as a test wants."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from adapters.tryton.settings import TrytonSettings

Method = Callable[[list[Any]], Any]


class Server:
    """Sessions that can be ended, and methods by name. `calls` counts requests by method."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.methods: dict[str, Method] = {}
        self.password = "right"
        self.drops: set[str] = set()
        self._sessions: set[str] = set()

    def end_sessions(self) -> None:
        self._sessions.clear()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        asked = orjson.loads(await request.read())
        method, params = asked["method"], asked["params"]
        self.calls[method] += 1
        if method == "common.db.login":
            if params[1]["password"] != self.password:
                raise web.HTTPUnauthorized
            self._sessions.add(key := f"{len(self._sessions):064x}{self.calls[method]}")
            return web.json_response({"id": 0, "result": [7, key, None]})
        scheme, _, token = request.headers["Authorization"].partition(" ")
        user, number, key = b64decode(token).decode().split(":")
        assert (scheme, user, number) == ("Session", "gateway", "7")
        if key not in self._sessions:
            raise web.HTTPUnauthorized
        found = self.methods[method](params)
        if method in self.drops:
            assert request.transport is not None
            request.transport.abort()
        return found if isinstance(found, web.Response) else web.json_response({"id": 0, **found})


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[TrytonSettings]:
    """Serve it; what a client must know of it."""
    app = web.Application()
    app.router.add_post("/erp/rpc/", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield TrytonSettings(
            name="erp", url=f"http://127.0.0.1:{runner.addresses[0][1]}", database="erp", user="gateway",
            password="right", companies={"US01": "Northwind"}, operations=frozenset(), acknowledge=("*.known",),
            timeout=5.0,
        )  # fmt: skip
    finally:
        await runner.cleanup()
