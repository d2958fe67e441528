"""The gateway as a process of its own, `tallystick serve`: what runs is what ships."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp

import gateway
from gateway.demo.running import START_SECONDS, Place
from gateway.local.account import Account
from gateway.local.ports import is_listening
from gateway.local.process import ServerProcess

_SERVE: Final = "from gateway.cli.main import main; main()"
_POLL: Final = 0.05


@asynccontextmanager
async def gateway_process(place: Place) -> AsyncIterator[Path]:
    """Run it until the block ends; it goes down with this process in any case. Gives its log.

    Raises `ServerFailed` with the end of the log if it does not become ready.
    """
    process = ServerProcess(
        name="gateway",
        argv=[sys.executable, "-c", _SERVE, "serve"],
        environment=_environment(place),
        folder=place.folder,
        account=Account(os.geteuid(), os.getegid()),
        orderly=signal.SIGTERM,
        immediate=signal.SIGKILL,
        grace=30.0,
    )
    try:
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(process.wait_until, lambda: is_listening(place.ops_port), START_SECONDS)
        if not await _becomes_ready(place):
            raise process.failed(f"was not ready within {START_SECONDS:.0f} s")
        yield process.log
    finally:
        await asyncio.to_thread(process.stop)


async def _becomes_ready(place: Place) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + START_SECONDS
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        while loop.time() < deadline:
            try:
                async with session.get(f"{place.ops_url}/readyz") as response:
                    if response.ok:
                        return True
            except (aiohttp.ClientError, TimeoutError):
                pass  # not yet
            await asyncio.sleep(_POLL)
    return False


def _environment(place: Place) -> dict[str, str]:
    """Ours, but for what concerns another gateway; and our own source, which may not be installed."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TALLYSTICK_")}
    source = str(Path(gateway.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (source, ours.get("PYTHONPATH"))))
    return {**ours, "PYTHONPATH": path, **place.environment}
