"""An HTTP proxy in front of one live server that harms a share of what passes: seeded, and so many times at most."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Final, assert_never

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

LOOPBACK: Final = "127.0.0.1"
BODY_CAP: Final = 1 << 24
SLOW_SECONDS: Final = 0.3
OWN_HEADERS: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})
"""Those of one connection, which the other one has of its own."""


class Trouble(StrEnum):
    """What becomes of a request."""

    DROPPED = "reply dropped"
    """The server carries it out and answers; the client is reset."""
    CUT = "reply cut in its body"
    LATE = "reset while it is carried out"
    """The client is reset at once; the server gets the request all the same."""
    RESET = "reset before it arrives"
    REFUSED = "503"
    SLOW = "slow"


class Troubles:
    """Harms `share` of requests, until `most` were harmed. `done` counts what was done."""

    def __init__(self, target: str, *, seed: int, share: float, most: int) -> None:
        self.done: Counter[Trouble] = Counter()
        self.url = ""
        self._target = target
        self._chance = random.Random(seed)
        self._share = share
        self._most = most
        self._late: set[asyncio.Task[None]] = set()
        self._client = aiohttp.ClientSession(auto_decompress=False)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Pass one request on, or harm it."""
        body = await request.read()
        trouble = self._drawn()
        match trouble:
            case None:
                status, headers, content = await self._forward(request, body)
                return web.Response(status=status, headers=headers, body=content)
            case Trouble.REFUSED:
                return web.Response(status=503)
            case Trouble.RESET:
                return _reset(request)
            case Trouble.LATE:
                task = asyncio.create_task(self._late_effect(request, body), name="late effect")
                self._late.add(task)
                task.add_done_callback(self._late.discard)
                return _reset(request)
            case Trouble.SLOW:
                status, headers, content = await self._forward(request, body)
                await asyncio.sleep(SLOW_SECONDS)
                return web.Response(status=status, headers=headers, body=content)
            case Trouble.DROPPED:
                await self._forward(request, body)
                return _reset(request)
            case Trouble.CUT:
                status, headers, content = await self._forward(request, body)
                cut = web.StreamResponse(status=status, headers=headers)
                cut.content_length = len(content)
                await cut.prepare(request)
                await cut.write(content[: len(content) // 2])
                return _reset(request)
            case _:
                assert_never(trouble)

    async def late_effects(self) -> None:
        """Return when the server has answered all whose clients are gone."""
        await asyncio.gather(*self._late)

    async def close(self) -> None:
        """Let late effects end, and close connections."""
        await self.late_effects()
        await self._client.close()

    def _drawn(self) -> Trouble | None:
        if self.done.total() >= self._most or self._chance.random() >= self._share:
            return None
        trouble = self._chance.choice(list(Trouble))
        self.done[trouble] += 1
        return trouble

    async def _late_effect(self, request: web.Request, body: bytes) -> None:
        await self._forward(request, body)

    async def _forward(self, request: web.Request, body: bytes) -> tuple[int, CIMultiDict[str], bytes]:
        headers = CIMultiDict(
            (name, value) for name, value in request.headers.items() if name.lower() not in OWN_HEADERS
        )
        url = f"{self._target}{request.path_qs}"
        async with self._client.request(
            request.method, url, data=body, headers=headers, allow_redirects=False
        ) as answer:
            content = await answer.read()
            kept = CIMultiDict(
                (name, value) for name, value in answer.headers.items() if name.lower() not in OWN_HEADERS
            )
            return answer.status, kept, content


@asynccontextmanager
async def troubles(target: str, *, seed: int, share: float = 0.2, most: int = 0) -> AsyncIterator[Troubles]:
    """A proxy before `target` for as long as the block runs."""
    between = Troubles(target, seed=seed, share=share, most=most)
    app = web.Application(client_max_size=BODY_CAP)
    app.router.add_route("*", "/{path:.*}", between.serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, LOOPBACK, 0).start()
    between.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
    try:
        yield between
    finally:
        await runner.cleanup()
        await between.close()


def _reset(request: web.Request) -> web.Response:
    """End the connection at once; the response that is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
