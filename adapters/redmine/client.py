"""Calls to Redmine's REST API, each writing one a single attempt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from urllib.parse import quote, urlencode

from yarl import URL

from adapters.http.session import open_session, read_capped
from adapters.http.transport import NO_ANSWER, outcome_of_error
from adapters.redmine.answers import Answer, NoAnswer, Reply, read_answer
from adapters.redmine.errors import of_read
from adapters.redmine.records import OneUser
from adapters.redmine.settings import RedmineSettings
from schemas.commands import Deferred, Unknown

Query = Sequence[tuple[str, str]]


class Client:
    """One session. A GET changes nothing, so it may be repeated once on a broken connection; a POST or PUT never is.

    Redirects are not followed, cookies not kept, proxies of the environment not used. Make it inside the running loop.
    """

    def __init__(self, settings: RedmineSettings) -> None:
        self._settings = settings
        self._base = settings.url.rstrip("/")
        self._is_known = False
        self._session = open_session(
            {"X-Redmine-API-Key": settings.key, "Accept": "application/json"},
            timeout=settings.timeout,
            connect_timeout=settings.connect_timeout,
            connections=settings.connections,
            read_cap=settings.read_cap,
        )

    def __repr__(self) -> str:
        return f"Client({self._base!r})"

    async def unknown_here(self) -> Deferred | Unknown | None:
        """Why Redmine does not know us; None once it has said who we are, after which it is not asked again.

        Without a key, as when a proxy drops it, Redmine answers 200 and an empty list: no list says anything before.
        """
        if self._is_known:
            return None
        reply = await self.get("/users/current.json")
        if isinstance(reply, Answer) and reply.status == 200 and reply.read(OneUser) is not None:
            self._is_known = True
            return None
        return of_read(reply)

    async def get(self, path: str, query: Query = ()) -> Reply:
        """Read; `path` comes after the base URL and is encoded already."""
        return await self._exchange("GET", f"{path}?{urlencode(query, quote_via=quote)}" if query else path, None)

    async def write(self, method: Literal["POST", "PUT"], path: str, body: bytes) -> Reply:
        """Write JSON."""
        return await self._exchange(method, path, body)

    async def close(self) -> None:
        """Close connections; nothing may be sent afterwards."""
        await self._session.close()

    async def _exchange(self, method: str, target: str, body: bytes | None) -> Reply:
        # A cache in between must not answer in the system's place with what was true before.
        headers = {"Cache-Control": "no-cache"} if body is None else {"Content-Type": "application/json"}
        url = URL(self._base + target, encoded=True)
        try:
            request = self._session.request(method, url, data=body, headers=headers, allow_redirects=False)
            async with request as response:
                content = await read_capped(response, self._settings.read_cap)
                return read_answer(
                    response.status, response.headers, content, retry_after_cap=self._settings.retry_after_cap
                )
        except NO_ANSWER as error:
            return NoAnswer(outcome_of_error(error))
