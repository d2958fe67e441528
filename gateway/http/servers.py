"""Starting and ending the two listeners. They serve as long as the process runs, ready or not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from aiohttp import web

from adapters.ports.api_keys import ApiKeys
from adapters.ports.restores import Restores
from adapters.ports.store import Reads
from gateway.health import Health
from gateway.http.access import Access
from gateway.http.api import Operators, api, routes
from gateway.http.description.served import PAGES
from gateway.http.operations import operations
from gateway.http.rates import Rates
from gateway.http.tokens import Tokens
from gateway.http.unread import Unread
from gateway.http.views import Views
from gateway.metrics import Counts
from gateway.settings import Settings

SHUTDOWN_SECONDS: Final = 2.0
"""How long an answer under way gets to leave."""
KEEP_ALIVE_SECONDS: Final = 75.0
LINGER_SECONDS: Final = 2.0
"""How long the rest of a body that was refused is read, so that the refusal arrives."""
UNREAD_SECONDS: Final = 30.0
"""How long a caller may take nothing of an answer, or of its rest: the command line waits half of that."""
MOST_CONNECTIONS: Final = 500
"""To the API. Each takes a file, which the database and systems need as well, and may hold an answer unread."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base URLs, with the ports that were really taken."""

    api: str
    operations: str


@asynccontextmanager
async def serve_http(
    settings: Settings,
    health: Health,
    counts: Counts,
    reads: Reads,
    restores: Restores,
    operators: Operators,
    tokens: Tokens | None = None,
    keys: ApiKeys | None = None,
) -> AsyncIterator[Addresses]:
    """Serve both until the block ends; `operators` is what they may do.

    `tokens` knows tokens that others have signed, and `keys` those of programs.
    Raises `SettingsInvalid` for a token file that cannot be used, and OSError for an address that cannot be had.
    """
    release = version("tallystick")
    table = routes(Views(reads, restores, health, release), operators)
    access = Access.from_files(settings.api_token_file, settings.callers_file, tokens, keys)
    api_app = api((*table, *PAGES), access, Rates(settings.api_rate), operators.scopes)
    async with AsyncExitStack() as running:
        operations_url = await _serve(
            running, operations(health, counts, reads, operators.systems, release), settings.ops_bind, web.TCPSite
        )
        api_url = await _serve(running, api_app, settings.api_bind, BoundedSite)
        yield Addresses(api_url, operations_url)


async def _serve(
    running: AsyncExitStack,
    app: web.Application,
    bind: str,
    site: Callable[[web.AppRunner, str, int], web.BaseSite],
) -> str:
    host, _, port = bind.rpartition(":")
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_quiet(),
        shutdown_timeout=SHUTDOWN_SECONDS,
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        lingering_time=LINGER_SECONDS,
        auto_decompress=False,
    )
    running.push_async_callback(runner.cleanup)
    await runner.setup()
    await site(runner, host.strip("[]"), int(port)).start()
    return f"http://{host}:{runner.addresses[0][1]}"


class BoundedSite(web.BaseSite):
    """Where an application listens, with about `most` connections at one time; what comes beyond is closed at once.

    One of whose answer nothing is taken within `unread_seconds` is cut, so that whoever does not read keeps nobody out.
    Not for probes: whoever takes all connections would have the process restarted.
    """

    def __init__(
        self, runner: web.AppRunner, host: str, port: int, most: int = MOST_CONNECTIONS,
        unread_seconds: float = UNREAD_SECONDS,
    ) -> None:  # fmt: skip
        super().__init__(runner)
        self._host = host
        self._port = port
        self._most = most
        self._unread_seconds = unread_seconds

    @property
    def name(self) -> str:
        """As the runner knows it."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises OSError for an address that cannot be had."""
        await super().start()
        self._server = await asyncio.get_running_loop().create_server(
            self._protocol, self._host, self._port, backlog=self._backlog
        )

    def _protocol(self) -> asyncio.Protocol:
        server = self._runner.server
        if server is None or len(server.connections) >= self._most:
            return _Full()
        return Unread(server(), self._unread_seconds)


class _Full(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _quiet() -> logging.Logger:
    """For aiohttp, which writes a stack trace for all that is not HTTP; what fails in our own part we log ourselves."""
    logger = logging.getLogger("tallystick.http")
    logger.disabled = True
    return logger
