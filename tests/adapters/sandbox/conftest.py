"""Sandbox systems on loopback, and a caller that knows their headers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

import aiohttp
import orjson
import pytest

from adapters.sandbox.operations import OPERATIONS
from adapters.sandbox.serve import serve_sandboxes
from adapters.sandbox.settings import SandboxSettings

TOKEN: Final = "sandbox-token"
NOW: Final = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)

CUSTOMER: Final = MappingProxyType(
    {"customer_id": "A1", "legal_entity": "DE01", "name": "Northwind", "currency": "EUR"}
)
PROJECT: Final = MappingProxyType({"project_id": "E1", "customer": "C-A1", "legal_entity": "DE01", "currency": "EUR"})
BILLABLE: Final = MappingProxyType(
    {
        "project": "P-E1",
        "legal_entity": "DE01",
        "currency": "EUR",
        "amount": "1200.50",
        "hours": "8",
        "work_date": "2026-11-02",
    }
)
EXPENSE: Final = MappingProxyType(
    {"project": "P-E1", "legal_entity": "DE01", "currency": "EUR", "amount": "84.20", "incurred_on": "2026-11-02"}
)
COST: Final = MappingProxyType(
    {"legal_entity": "DE01", "cost_centre": "CC-1", "hours": "2", "incurred_on": "2026-11-02"}
)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a sandbox system answered; `json` is the decoded body, None if it is empty."""

    status: int
    headers: Mapping[str, str]
    json: Any


@dataclass(frozen=True, slots=True)
class Caller:
    """Asks one sandbox system."""

    client: aiohttp.ClientSession

    async def ask(self, method: str, path: str, *, raw: bytes | None = None, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.client.request(method, path, data=raw, headers=named) as response:
            content = await response.read()
            return Reply(response.status, response.headers, orjson.loads(content) if content else None)

    async def post(
        self, operation: str, body: Mapping[str, object] | bytes, *, key: str = "k1", reference: str = "e/1/l/1"
    ) -> Reply:
        """One posting, as it should be."""
        path = next(each.path for each in OPERATIONS if each.name == operation)
        return await self.ask(
            "POST",
            path,
            raw=body if isinstance(body, bytes) else orjson.dumps(dict(body)),
            Authorization=f"Bearer {TOKEN}",
            Idempotency_Key=f'"{key}"',
            Tallystick_Reference=reference,
        )

    async def look_up(self, operation: str, reference: str = "e/1/l/1") -> Reply:
        path = next(each.path for each in OPERATIONS if each.name == operation)
        return await self.ask("GET", f"{path}?reference={reference}", Authorization=f"Bearer {TOKEN}")

    async def journal(self, query: str = "") -> list[dict[str, Any]]:
        reply = await self.ask("GET", f"/journal{query}")
        assert reply.status == 200
        rows: list[dict[str, Any]] = reply.json
        return rows

    async def faults(self, *faults: Mapping[str, object]) -> Reply:
        return await self.ask("POST", "/faults", raw=orjson.dumps(faults))

    async def ready_for_billing(self) -> None:
        """Customer A1 and project E1 are in the books."""
        assert (await self.post("customer.put", CUSTOMER, key="c", reference="customer/A1/_/1")).status == 201
        assert (await self.post("project.create", PROJECT, key="p", reference="project/E1/_/1")).status == 201


Starting = Callable[[SandboxSettings], Awaitable[Caller]]


@pytest.fixture
async def starting() -> AsyncIterator[Starting]:
    """Gives a function that starts a sandbox system and returns its caller."""
    async with AsyncExitStack() as running:

        async def start(settings: SandboxSettings) -> Caller:
            urls = await running.enter_async_context(serve_sandboxes([settings], now=lambda: NOW))
            client = await running.enter_async_context(aiohttp.ClientSession(urls[settings.system]))
            return Caller(client)

        yield start
