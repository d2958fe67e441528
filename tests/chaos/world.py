"""The world of a chaos run: private servers, sandbox systems, and two slots for gateway processes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from adapters.postgres.migrations.upgrade import upgrade
from gateway.local.postgres import LocalPostgres
from gateway.local.rabbitmq import LocalRabbitMQ
from tests.chaos.places import Places
from tests.chaos.slots import Slot
from tests.checker.content import raw
from tests.checker.evidence import Request
from tests.integration.firm import Firm, firm
from tests.proxy.behind import proxies
from tests.proxy.dialects import Posting

SLOTS: Final = ("A", "B")


@dataclass(slots=True)
class World:
    """Everything that runs. `requests` is what passed on its way to the systems, some of it in `batches`."""

    postgres: LocalPostgres
    rabbitmq: LocalRabbitMQ
    firm: Firm
    slots: tuple[Slot, ...]
    places: Places
    requests: list[Request] = field(default_factory=list)
    batches: int = 0

    def heard(self, system: str, posting: Posting) -> None:
        """Note a request; one without a key of its own is a batch, with a key for each line."""
        headers = posting.headers
        key, at = headers.get("idempotency-key"), time.time()
        if key is not None:
            reference = headers.get("tallystick-reference", "")
            self.requests.append(Request(system, key.strip('"'), reference, raw(posting.body), at))
            return
        self.batches += 1
        for line in orjson.loads(posting.body)["lines"]:
            body = raw(orjson.dumps(line["body"]))
            self.requests.append(Request(system, line["idempotency_key"], line["reference"], body, at, self.batches))


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Private servers with schema and topology, sandboxes, and two slots that nobody runs yet."""
    async with AsyncExitStack() as stack:
        postgres = LocalPostgres(settings={"restart_after_crash": "on"})
        stack.callback(postgres.close)
        rabbitmq = LocalRabbitMQ()
        stack.callback(rabbitmq.close)
        await asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(rabbitmq.start))
        await asyncio.to_thread(upgrade, postgres.url)
        installation = await stack.enter_async_context(firm(postgres.url, rabbitmq.url, folder))
        made = World(postgres, rabbitmq, installation, (), Places(postgres.url))
        slots: list[Slot] = []
        for name in SLOTS:
            own = folder / name
            own.mkdir(exist_ok=True)
            between = proxies(postgres.url, rabbitmq.url, installation.sandboxes, own, made.heard)
            slots.append(Slot(name, installation, await stack.enter_async_context(between)))
        made.slots = tuple(slots)
        yield made
