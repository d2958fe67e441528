"""A user of Redmine by its REST API, and what consultants and their managers do there: the tests' own client."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from tests.live.made import RedmineMade

_SECONDS: Final = aiohttp.ClientTimeout(total=60)
_TRIES: Final = 5


class RestFailed(RuntimeError):
    """Redmine answered with an error; `status` and the body say which."""

    def __init__(self, what: str, status: int, body: str) -> None:
        super().__init__(f"{what}: {status} {body}")
        self.status: Final = status


class Rest:
    """Calls of one user while the context lasts."""

    def __init__(self, url: str, made: RedmineMade, login: str) -> None:
        self._made: Final = made
        self._http: Final = aiohttp.ClientSession(
            url, timeout=_SECONDS, headers={"X-Redmine-API-Key": made.users[login].key}
        )

    async def call(self, method: str, path: str, body: object = None, **query: str) -> Any:
        """The decoded answer, or nothing where Redmine sends none. Raises `RestFailed`."""
        async with self._http.request(method, path, json=body, params=query) as response:
            text = await response.text()
            if response.status >= 300:
                raise RestFailed(f"{method} {path}", response.status, text)
            return await response.json() if text.strip() else None

    async def add_project(self, identifier: str, name: str, fields: dict[str, str]) -> int:
        """A project with custom fields by their names; its id."""
        values = {str(self._made.project_fields[field]): value for field, value in fields.items()}
        project = {"identifier": identifier, "name": name, "custom_field_values": values}
        answer = await self.call("POST", "/projects.json", {"project": project})
        return int(answer["project"]["id"])

    async def join(self, project: int, login: str) -> None:
        """Make somebody a consultant of the project, so that time can be logged there. Needs the administrator."""
        membership = {"user_id": self._made.users[login].id, "role_ids": [self._made.roles["consultant"]]}
        await self._insist("POST", f"/projects/{project}/memberships.json", {"membership": membership})

    async def log_time(self, project: int, role: str, day: date, hours: Decimal) -> int:
        """Log hours and submit them for approval; the entry's id."""
        entry = {
            "project_id": project,
            "spent_on": day.isoformat(),
            "hours": str(hours),
            "activity_id": self._made.activities[role],
            "custom_fields": self._approval("submitted"),
        }
        answer = await self._insist("POST", "/time_entries.json", {"time_entry": entry})
        return int(answer["time_entry"]["id"])

    async def judge(self, entry: int, verdict: str) -> None:
        """Set the entry's approval: open, submitted, approved, or rejected. Needs the administrator."""
        body = {"time_entry": {"custom_fields": self._approval(verdict)}}
        await self._insist("PUT", f"/time_entries/{entry}.json", body)

    async def _insist(self, method: str, path: str, body: object) -> Any:
        """Call again where Redmine fails, as a person does: under load its SQLite refuses one of two writers.

        A time entry that is made twice by that stays as it is submitted, and counts nowhere.
        """
        for _ in range(_TRIES - 1):
            try:
                return await self.call(method, path, body)
            except RestFailed as failed:
                if failed.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise
        return await self.call(method, path, body)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    def _approval(self, value: str) -> list[dict[str, object]]:
        return [{"id": self._made.approval_field, "value": value}]
