"""A user of a Tryton database by JSON-RPC: the tests' own client, which shares no code with the gateway's."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from tests.live.seeded import password

_SECONDS: Final = aiohttp.ClientTimeout(total=60)
_DATETIME: Final = ("year", "month", "day", "hour", "minute", "second", "microsecond")


class RpcFailed(RuntimeError):
    """Tryton answered with an error, `error` as it came, or with a status other than 200."""

    def __init__(self, method: str, status: int, error: Any) -> None:
        super().__init__(f"{method}: {status} {error}")
        self.status: Final = status
        self.error: Final = error


class Rpc:
    """Calls of one user, logged in while the context lasts. Dates, decimals, and durations are Python's."""

    def __init__(self, url: str, role: str, login: str) -> None:
        self._url: Final = f"{url}/{role}/rpc/"
        self._login: Final = login
        self._headers: dict[str, str] = {}
        self._http: Final = aiohttp.ClientSession(timeout=_SECONDS)

    async def call(self, method: str, *params: Any, **context: Any) -> Any:
        """Call `model.MODEL.METHOD` with `params`, and with `context` (`company=1`) as Tryton's context."""
        return await self._call(method, [*params, context])

    async def __aenter__(self) -> Self:
        try:
            answer = await self._call("common.db.login", [self._login, {"password": password(self._login)}, "en"])
        except BaseException:
            await self._http.close()
            raise
        token = base64.b64encode(f"{self._login}:{answer[0]}:{answer[1]}".encode()).decode()
        self._headers["Authorization"] = f"Session {token}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def _call(self, method: str, params: list[Any]) -> Any:
        body = {"id": 0, "method": method, "params": _encoded(params)}
        async with self._http.post(self._url, json=body, headers=self._headers) as response:
            if response.status != 200:
                raise RpcFailed(method, response.status, await response.text())
            answer = await response.json()
        if "error" in answer:
            raise RpcFailed(method, response.status, answer["error"])
        return _decoded(answer["result"])


def _encoded(value: Any) -> Any:
    match value:
        case dict():
            return {key: _encoded(item) for key, item in value.items()}
        case list() | tuple():
            return [_encoded(item) for item in value]
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case date():
            return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
        case timedelta():
            return {"__class__": "timedelta", "seconds": value.total_seconds()}
        case _:
            return value


def _decoded(value: Any) -> Any:
    match value:
        case {"__class__": "Decimal", "decimal": text}:
            return Decimal(text)
        case {"__class__": "date", "year": year, "month": month, "day": day}:
            return date(year, month, day)
        case {"__class__": "timedelta", "seconds": seconds}:
            return timedelta(seconds=seconds)
        case {"__class__": "datetime"}:
            year, month, day, hour, minute, second, microsecond = (value[part] for part in _DATETIME)
            return datetime(year, month, day, hour, minute, second, microsecond, tzinfo=UTC)
        case dict():
            return {key: _decoded(item) for key, item in value.items()}
        case list():
            return [_decoded(item) for item in value]
        case _:
            return value
