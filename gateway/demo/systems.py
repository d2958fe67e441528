"""The sandbox systems as anybody may see them over HTTP: their journals, and the weather of the ERPs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Final

import aiohttp
from pydantic import BaseModel, ConfigDict, TypeAdapter

from gateway.demo.effects import Effect
from gateway.demo.firm.model import ERPS
from gateway.demo.telling.play import Weather

SECONDS: Final = 10.0

_FAULTS: Final[Mapping[Weather, object]] = {
    Weather.FINE: [],
    Weather.FLAKY: [
        {"fault": "apply_then_500", "share": 0.12, "seed": 7},
        {"fault": "throttle", "share": 0.12, "seconds": 1.0, "seed": 8},
    ],
    Weather.DOWN: [{"fault": "down", "share": 1.0, "seconds": 1.0}],
}


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    system: str
    operation: str
    key: str
    legal_entity: str | None
    currency: str | None
    amount: Decimal | None
    reference: str
    shown: dict[str, Decimal] | None


_ROWS: Final = TypeAdapter(list[_Row])


class Systems:
    """`urls` by name. Raises `aiohttp.ClientError` when a sandbox does not answer."""

    def __init__(self, urls: Mapping[str, str], session: aiohttp.ClientSession) -> None:
        self.urls = urls
        self._session = session

    async def journal(self, system: str) -> list[Effect]:
        """Every effect that the system ever made, in its own words and order."""
        async with self._session.get(f"{self.urls[system]}/journal") as response:
            response.raise_for_status()
            rows = _ROWS.validate_json(await response.read())
        return [Effect(**(dict(row) | {"shown": row.shown or {}})) for row in rows]

    async def journals(self) -> list[Effect]:
        """The journals of all systems."""
        return [effect for system in self.urls for effect in await self.journal(system)]

    async def effects(self) -> dict[str, int]:
        """How many effects each ERP has."""
        return {erp: await self._effects(erp) for erp in ERPS}

    async def set_weather(self, erp: str, weather: Weather) -> None:
        """Let an ERP behave like this from now on."""
        async with self._session.post(f"{self.urls[erp]}/faults", json=_FAULTS[weather]) as response:
            response.raise_for_status()

    async def _effects(self, system: str) -> int:
        async with self._session.get(f"{self.urls[system]}/health") as response:
            response.raise_for_status()
            return int((await response.json())["effects"])


@asynccontextmanager
async def visiting(urls: Mapping[str, str]) -> AsyncIterator[Systems]:
    """Access to the systems at `urls`, by name."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as session:
        yield Systems(urls, session)
