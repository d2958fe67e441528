"""Everything that the demo needs, found or started, said, and gone at the end: servers, sandboxes, gateway."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp

from adapters.memory.broker import MemoryBroker
from adapters.ports.tally import Tally
from adapters.postgres.scratch import scratch_database
from adapters.postgres.tally import PostgresTally
from adapters.sandbox.operations import Role
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings
from gateway.demo.broker import Broker, a_broker
from gateway.demo.child import gateway_process
from gateway.demo.firm.model import BOOKS_CLOSED_UNTIL, BRANCHES, ERPS
from gateway.demo.inside import gateway_inside
from gateway.demo.policy import Endpoint, demo_policy, firm_policy
from gateway.demo.running import Place, prepare
from gateway.demo.systems import Systems, visiting
from gateway.local.account import Account
from gateway.local.folder import make_folder, remove_folder
from gateway.local.postgres import postgres

DATABASE: Final = "tallystick_demo"
"""How the names of the demo's databases begin."""


LOG_LINES: Final = 15
LIVE_SECONDS: Final = 5.0


class GatewayGone(RuntimeError):
    """The gateway has ended or given up while the play went on; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What stands. `log`: the gateway's."""

    broker: Broker
    systems: Systems
    tally: Tally
    gateway: Place
    log: Path

    @property
    def end_of_log(self) -> str:
        """What the gateway said last."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join(["The end of the gateway's log:", *lines])

    async def check_live(self) -> None:
        """Ask the gateway's own probe. Raises `GatewayGone`."""
        timeout = aiohttp.ClientTimeout(total=LIVE_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"{self.gateway.ops_url}/livez") as response,
            ):
                response.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise GatewayGone(f"the gateway does not live any more ({error}). {self.end_of_log}") from error


@asynccontextmanager
async def a_stage(
    environment: Mapping[str, str], say: Callable[[str], None], *, in_process_broker: bool
) -> AsyncIterator[Stage]:
    """Set it up, saying what was found or started. Raises what a part of it cannot start with."""
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(postgres(environment))
        database_url = await stack.enter_async_context(scratch_database(found.url, DATABASE))
        tally = PostgresTally(database_url)
        stack.push_async_callback(tally.close)
        say(f"PostgreSQL: {found.origin}, a database of its own")
        broker = await stack.enter_async_context(a_broker(environment, in_process=in_process_broker))
        say(f"RabbitMQ: {broker.origin}")
        token = secrets.token_hex(16)
        urls = await stack.enter_async_context(serve_sandboxes([*_sandboxes(token)]))
        systems = await stack.enter_async_context(visiting(urls))
        say(f"Sandboxes: {', '.join(f'{name} {url}' for name, url in urls.items())}")
        policy = demo_policy(firm_policy(), {name: Endpoint(url, token) for name, url in urls.items()}, broker.users)
        folder = make_folder("demo", Account(os.geteuid(), os.getegid()))
        stack.callback(remove_folder, folder)
        amqp_url = "" if isinstance(broker.place, MemoryBroker) else broker.place
        place = prepare(folder, policy, secrets.token_hex(16), database_url, amqp_url)
        if isinstance(broker.place, MemoryBroker):
            log = await stack.enter_async_context(gateway_inside(place, broker.place))
            say(f"Gateway: inside this process, {place.api_url}")
        else:
            log = await stack.enter_async_context(gateway_process(place))
            say(f"Gateway: `tallystick serve` as a process of its own, {place.api_url}")
        yield Stage(broker, systems, tally, place, log)


def _sandboxes(token: str) -> Iterator[SandboxSettings]:
    """CRM and PSA know all legal entities; an ERP knows its own, and refuses those of the other."""
    currencies = {branch.code: branch.currency for branch in BRANCHES}
    for role in (Role.CRM, Role.PSA):
        yield SandboxSettings(role, token, legal_entities=currencies)
    for erp in ERPS:
        own = {branch.code: branch.currency for branch in BRANCHES if branch.erp == erp}
        yield SandboxSettings(Role.ERP, token, name=erp, legal_entities=own, closed_until=BOOKS_CLOSED_UNTIL)
