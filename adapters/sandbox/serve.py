"""Running sandbox systems on real sockets: inside another program, or as a process of their own."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from typing import Final

from aiohttp import web

from adapters.sandbox.sandbox import Sandbox, utc_now
from adapters.sandbox.settings import SandboxSettings

LOOPBACK: Final = "127.0.0.1"
SHUTDOWN_TIMEOUT: Final = 1.0
"""Seconds that an answer under way gets to leave when the system closes."""


@asynccontextmanager
async def serve_sandboxes(
    settings: Sequence[SandboxSettings], *, host: str = LOOPBACK, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Mapping[str, str]]:
    """Serve the systems until the block ends; gives the base URL of each by its name.

    Raises OSError if a port is taken, ValueError if two have the same name.
    """
    if len({each.system for each in settings}) != len(settings):
        raise ValueError("give each sandbox system a name of its own")
    async with AsyncExitStack() as running:
        urls: dict[str, str] = {}
        for each in settings:
            runner = web.AppRunner(Sandbox(each, now=now).app(), access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT)
            running.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, host, each.port).start()
            port = runner.addresses[0][1]
            urls[each.system] = f"http://{host}:{port}"
        yield urls


async def run(
    settings: Sequence[SandboxSettings], announce: Callable[[Mapping[str, str]], None], *, host: str = LOOPBACK
) -> None:
    """Serve the systems as this process's task: tell `announce` their URLs, end at SIGINT or SIGTERM."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        async with serve_sandboxes(settings, host=host) as urls:
            announce(urls)
            await ended.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
