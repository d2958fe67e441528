"""Servers on loopback that answer whatever a test wants, and systems that ask them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Protocol
from uuid import UUID

import pytest
from aiohttp import web

from adapters.http.settings import HttpOperation, HttpSystemSettings
from adapters.http.system import HttpSystem
from adapters.ports.system import Capability, Upsert
from schemas.commands import Command
from schemas.keys import ActorKey

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serving = Callable[[Answering], Awaitable[str]]

TOKEN = "token-that-nobody-may-see"
CAPABILITY = Capability(Upsert.NONE, key_window=60.0, unique_reference=False, look_up=True, late_bound=1.0)
BODY = b'{"project": "P-1",  "amount":"12.34","role":"senior consultant","employee":"employee number 4711"}'


class Asking(Protocol):
    """Makes a system that asks a server; closed at the end of the test."""

    def __call__(
        self,
        url: str,
        *,
        timeout: float = 5.0,
        connect_timeout: float = 2.0,
        read_cap: int = 4096,
        connections: int = 8,
    ) -> HttpSystem: ...


@pytest.fixture
def command() -> Command:
    return Command(
        id=UUID("5b0f3c52-8f0e-8d3a-9c55-6f1f0a7f4f10"),
        system="erp",
        operation="billable.post",
        key=ActorKey("timesheet", "S 1/7"),
        line="L1",
        generation=1,
        body=BODY,
        reference="timesheet/S%201%2F7/L1/1",
    )


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """Gives a function that serves every request with one coroutine, and returns the URL."""
    async with AsyncExitStack() as running:

        async def serve(answer: Answering) -> str:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", answer)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
            running.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            return f"http://127.0.0.1:{runner.addresses[0][1]}"

        yield serve


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    async with AsyncExitStack() as running:

        def ask(
            url: str,
            *,
            timeout: float = 5.0,
            connect_timeout: float = 2.0,
            read_cap: int = 4096,
            connections: int = 8,
        ) -> HttpSystem:
            system = HttpSystem(
                HttpSystemSettings(
                    name="erp",
                    url=url,
                    token=TOKEN,
                    operations={"billable.post": HttpOperation("/billables", CAPABILITY)},
                    timeout=timeout,
                    connect_timeout=min(connect_timeout, timeout),
                    read_cap=read_cap,
                    connections=connections,
                )
            )
            running.push_async_callback(system.close)
            return system

        yield ask
