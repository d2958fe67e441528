"""What stands between us and a real system, and spoils the next writing call: the system itself stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Final

import aiohttp
from aiohttp import web

_PASSED_ON: Final = ("Authorization", "X-Redmine-API-Key", "Content-Type", "Accept")
_JSON_RPC_WRITES: Final = (b'.create"', b'.write"')


class Fault(StrEnum):
    """What is done with a writing call."""

    UNANSWERED = "unanswered"
    """It is passed on, and what came of it is not told."""
    LATE = "late"
    """The connection is cut, and the call passed on once it is released."""
    LOST = "lost"
    """It is not passed on."""
    THROTTLED = "throttled"
    """It is not passed on, and that is told."""
    LOCKED = "locked"
    """The same in Tryton's words."""


class Unreliable:
    """A forwarder to `target`, reached at `url`. `fault` is for the next writing call alone; others are passed on."""

    def __init__(self, target: str, forward: aiohttp.ClientSession) -> None:
        self._target = target
        self._forward = forward
        self._release = asyncio.Event()
        self._late: asyncio.Task[web.Response] | None = None
        self.fault: Fault | None = None
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        """Pass on, or spoil."""
        body = await request.read()
        fault = self.fault if _writes(request, body) else None
        if fault is not None:
            self.fault = None
        match fault:
            case Fault.UNANSWERED:
                await self._pass_on(request, body)
                return web.Response(status=502)
            case Fault.LATE:
                self._late = asyncio.create_task(self._released(request, body))
                assert request.transport is not None
                request.transport.abort()
                return web.Response(status=502)
            case Fault.LOST:
                return web.Response(status=502)
            case Fault.THROTTLED:
                return web.Response(status=429, headers={"Retry-After": "1"})
            case Fault.LOCKED:
                return web.Response(status=503, text="could not obtain lock on row in relation ir_sequence_strict")
            case None:
                return await self._pass_on(request, body)

    def release_after(self, seconds: float) -> None:
        """Pass the next late call on so many seconds from now, whoever waits for it."""
        asyncio.get_running_loop().call_later(seconds, self._release.set)

    async def release(self) -> int:
        """Pass the late call on; the status of the answer that nobody waits for."""
        self._release.set()
        assert self._late is not None
        return (await self._late).status

    async def _released(self, request: web.Request, body: bytes) -> web.Response:
        await self._release.wait()
        return await self._pass_on(request, body)

    async def _pass_on(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        url = f"{self._target}{request.path_qs}"
        async with self._forward.request(request.method, url, data=body or None, headers=headers) as answer:
            content = await answer.read()
            return web.Response(status=answer.status, body=content, headers={"Content-Type": answer.content_type})


def _writes(request: web.Request, body: bytes) -> bool:
    """Whether a call changes something: by its method, and where all are posted by what it calls."""
    if request.path.endswith("/rpc/"):
        return any(method in body for method in _JSON_RPC_WRITES)
    return request.method != "GET"


@asynccontextmanager
async def unreliable(target: str) -> AsyncIterator[Unreliable]:
    """Stand between, on loopback."""
    async with aiohttp.ClientSession() as forward:
        between = Unreliable(target, forward)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", between.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            between.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield between
        finally:
            await runner.cleanup()
