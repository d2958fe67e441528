"""Calls to Tryton's JSON-RPC: one call is one request, repeated only where the answer proves that it did nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

from yarl import URL

from adapters.http.retry_after import moment, seconds_to_wait
from adapters.http.session import open_session, read_capped
from adapters.http.transport import NO_ANSWER, outcome_of_error
from adapters.tryton.failures import Failed, Reply, Warned, of_a_reading_call, result_of
from adapters.tryton.rows import Row, malformed, rows, unreadable_effect
from adapters.tryton.session import Session
from adapters.tryton.settings import TrytonSettings
from adapters.tryton.values import encode

LANGUAGE: Final = "en"

Context = Mapping[str, object]
Domain = Sequence[object]


class Client:
    """One user in one database. Make it inside the running event loop. Calls raise `Failed`."""

    def __init__(self, settings: TrytonSettings) -> None:
        self._settings = settings
        self._url = URL(f"{settings.url.rstrip('/')}/{settings.database}/rpc/", encoded=True)
        self._session = Session(settings.user, self._login)
        self._clock: datetime | None = None
        self._http = open_session(
            {"Content-Type": "application/json"}, timeout=settings.timeout, connect_timeout=settings.connect_timeout,
            connections=settings.connections, read_cap=settings.read_cap,
        )  # fmt: skip

    @property
    def user_number(self) -> int:
        """Tryton's number of our user; 0 before the first call."""
        return self._session.user_number

    @property
    def clock(self) -> datetime | None:
        """The server's time when it last answered, by its header `Date`: whole seconds."""
        return self._clock

    async def ask(self, method: str, *params: object, context: Context | None = None) -> object:
        """A call that changes nothing."""
        try:
            return await self._call(method, params, context)
        except Failed as failed:
            raise Failed(of_a_reading_call(failed.outcome)) from failed

    async def write(self, method: str, *params: object, context: Context | None = None) -> object:
        """A call that changes something. A warning that the settings allow is acknowledged, and the call made again."""
        try:
            return await self._call(method, params, context)
        except Warned as warned:
            if not any(fnmatchcase(warned.warning, pattern) for pattern in self._settings.acknowledge):
                raise
            await self.ask("model.res.user.warning.skip", warned.warning, False)  # noqa: FBT003 - Tryton's order
        return await self._call(method, params, context)

    async def find(
        self,
        model: str,
        domain: Domain,
        fields: Sequence[str],
        *,
        limit: int | None = None,
        order: Sequence[Sequence[str]] = (("id", "ASC"),),
        context: Context | None = None,
    ) -> list[Row]:
        """Records of a model, with these fields."""
        names = list(dict.fromkeys(("id", *fields)))
        return rows(await self.ask(f"model.{model}.search_read", domain, 0, limit, order, names, context=context))

    async def create(self, model: str, values: Mapping[str, object], *, context: Context | None = None) -> int:
        """Make one record; its number."""
        match await self.write(f"model.{model}.create", [values], context=context):
            case [int(number)] if number is not True:
                return number
            case _:
                raise unreadable_effect()

    async def change(self, model: str, row: Row, values: Mapping[str, object], *, context: Context | None) -> None:
        """Write to a record unless it has changed since `row` was read, with its field `_timestamp`."""
        tied = {**(context or {}), "_timestamp": {f"{model},{row.id}": row.timestamp}}
        await self.write(f"model.{model}.write", [row.id], values, context=tied)

    async def version(self) -> str:
        """The server's series; needs no login."""
        url = URL(f"{self._settings.url.rstrip('/')}/rpc/", encoded=True)
        found = result_of(await self._exchange(url, "common.server.version", (), {}))
        return str(found)

    async def close(self) -> None:
        """Close connections; nothing may be called afterwards."""
        await self._http.close()

    async def _call(self, method: str, params: Sequence[object], context: Context | None) -> object:
        """One call. A session that is over costs one more: Tryton refuses it before it looks at the method."""
        whole = (*params, {"language": LANGUAGE, **(context or {})})
        value = await self._session.value()
        reply = await self._exchange(self._url, method, whole, {"Authorization": value})
        if reply.status == 401:
            value = await self._session.value(instead_of=value)
            reply = await self._exchange(self._url, method, whole, {"Authorization": value})
        return result_of(reply)

    async def _login(self) -> tuple[int, str]:
        params = (self._settings.user, {"password": self._settings.password}, LANGUAGE)
        try:
            found = result_of(await self._exchange(self._url, "common.db.login", params, {}))
        except Failed as failed:
            raise Failed(of_a_reading_call(failed.outcome)) from failed
        match found:
            case [int(number), str(key), *_]:
                return number, key
            case _:
                raise malformed("login answers no session")

    async def _exchange(self, url: URL, method: str, params: Sequence[object], headers: Mapping[str, str]) -> Reply:
        body = encode({"id": 0, "method": method, "params": params})
        try:
            async with self._http.post(url, data=body, headers=headers, allow_redirects=False) as response:
                content = await read_capped(response, self._settings.read_cap)
                date = response.headers.get("Date")
                self._clock = (None if date is None else moment(date)) or self._clock
                wait = seconds_to_wait(response.headers.get("Retry-After"), date, self._settings.retry_after_cap)
                return Reply(response.status, wait, content)
        except NO_ANSWER as error:
            raise Failed(outcome_of_error(error)) from error
