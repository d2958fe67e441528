"""The sealer: seals for ever, page after page, and stands no failure's way but its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.memory.store import MemoryStore
from adapters.ports.audit import Sealing
from adapters.ports.pauses import Scope
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff
from gateway.sealing import PAGE, Sealer

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(slots=True)
class Failing:
    """Sealing that fails as it is told to, and then does its work."""

    sealing: Sealing
    failures: list[Exception] = field(default_factory=list)
    pages: list[int | None] = field(default_factory=list)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def seal(self, *, page: int) -> int | None:
        if self.failures:
            raise self.failures.pop(0)
        self.pages.append(await self.sealing.seal(page=page))
        return self.pages[-1]

    async def until(self) -> datetime | None:
        until = await self.sealing.until()
        if until is not None:
            self.done.set()
        return until

    async def close(self) -> None:
        await self.sealing.close()


@asynccontextmanager
async def running(sealer: Sealer) -> AsyncIterator[None]:
    task = asyncio.create_task(sealer.run(), name="sealing")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def acted(count: int) -> MemoryStore:
    """A store where so many acts were done."""
    store = MemoryStore(NOW.timestamp)
    for place in range(count):
        await store.clients().pauses.begin(Scope("timesheet", f"T-{place}"), actor="ann", reason="month end")
    return store


async def test_a_long_backlog_is_sealed_page_after_page() -> None:
    clients = (await acted(PAGE + 1)).clients()
    sealing = Failing(clients.sealing)
    sealer = Sealer(sealing, Backoff(), every=0.0)
    async with running(sealer), asyncio.timeout(10):
        await sealing.done.wait()
    assert sealing.pages[:3] == [0, PAGE, 1]
    chain = await clients.audit.chain()
    assert (chain.head.place, chain.unsealed, chain.until) == (PAGE + 1, 0, NOW)
    assert sealer.until == NOW


async def test_it_goes_on_after_failures_and_tells_of_those_that_are_ours() -> None:
    clients, told = (await acted(1)).clients(), list[Exception]()
    ours = ValueError("ours")
    sealing = Failing(clients.sealing, [StoreUnavailable("away"), ours, StoreUnavailable("away")])
    sealer = Sealer(sealing, Backoff(shortest=0.001), every=0.0, failed=told.append)
    async with running(sealer), asyncio.timeout(10):
        await sealing.done.wait()
    assert told == [ours]
    assert (await clients.audit.chain()).unsealed == 0
