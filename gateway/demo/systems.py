"""The sandbox systems as anybody may see them over HTTP: their journals, and the ERP's weather."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import aiohttp
from pydantic import BaseModel, ConfigDict, TypeAdapter

from gateway.demo.day import Weather
from gateway.demo.effects import Effect

ERP: Final = "erp"
SECONDS: Final = 10.0

_FAULTS: Final[Mapping[Weather, object]] = {
    Weather.FINE: [],
    Weather.FLAKY: [
        {"fault": "apply_then_500", "share": 0.12, "seed": 7},
        {"fault": "throttle", "share": 0.12, "seconds": 1.0, "seed": 8},
    ],
    Weather.DOWN: [{"fault": "down", "share": 1.0, "seconds": 1.0}],
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a journal. Two rows with the same operation and reference are one effect too many."""

    effect: Effect
    reference: str


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    system: str
    operation: str
    key: str
    legal_entity: str | None
    currency: str | None
    amount: Decimal | None
    reference: str


_ROWS: Final = TypeAdapter(list[_Row])


class Systems:
    """`urls` by name. Raises `aiohttp.ClientError` when a sandbox does not answer."""

    def __init__(self, urls: Mapping[str, str], session: aiohttp.ClientSession) -> None:
        self.urls = urls
        self._session = session

    async def journal(self, system: str) -> list[Entry]:
        """Every effect that the system ever made, in its own words."""
        async with self._session.get(f"{self.urls[system]}/journal") as response:
            response.raise_for_status()
            rows = _ROWS.validate_json(await response.read())
        return [
            Entry(Effect(row.system, row.operation, row.key, row.legal_entity, row.currency, row.amount), row.reference)
            for row in rows
        ]

    async def journals(self) -> list[Entry]:
        """The journals of all systems."""
        return [entry for system in self.urls for entry in await self.journal(system)]

    async def effects(self) -> int:
        """How many effects the ERP has."""
        async with self._session.get(f"{self.urls[ERP]}/health") as response:
            response.raise_for_status()
            return int((await response.json())["effects"])

    async def set_weather(self, weather: Weather) -> None:
        """Let the ERP behave like this from now on."""
        async with self._session.post(f"{self.urls[ERP]}/faults", json=_FAULTS[weather]) as response:
            response.raise_for_status()


@asynccontextmanager
async def visiting(urls: Mapping[str, str]) -> AsyncIterator[Systems]:
    """Access to the systems at `urls`, by name."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
        yield Systems(urls, session)
