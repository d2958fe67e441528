"""A person's desk for a test: cases, acts on them, and the story of an entity, over the API of a gateway process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import yaml

from gateway.callers import digest
from tests.integration.firm import GatewayProcess, until

PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a token of their own."""

    name: str
    roles: tuple[str, ...]
    permissions: tuple[str, ...] = ("read", "entities", "settle")

    @property
    def token(self) -> str:
        return f"token-of-{self.name}"

    @property
    def entry(self) -> dict[str, object]:
        """As it stands in the file of callers."""
        return {
            "name": self.name,
            "token_sha256": digest(self.token.encode()).hex(),
            "roles": list(self.roles),
            "permissions": list(self.permissions),
        }


def write_callers(path: Path, *people: Person) -> None:
    """The file of callers."""
    path.write_text(yaml.safe_dump([person.entry for person in people]), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Desk:
    """What `person` sees and does at one process."""

    gateway: GatewayProcess
    person: Person

    async def cases(self, entity: str, key: str, state: str = "open") -> list[dict[str, Any]]:
        """The cases of a key, each with its cause, what mends it, and what can be done."""
        listed = await self.ask("GET", f"/v1/cases?entity={entity}&key={quote(key)}&state={state}")
        return [await self.ask("GET", f"/v1/cases/{case['id']}") for case in listed["items"]]

    async def act(
        self, seen: Mapping[str, Any], act: str, reason: str, *, click: str, expect: int = 200
    ) -> dict[str, Any]:
        """One act on a case as `cases` has shown it; answers the body."""
        path, version = f"/v1/cases/{seen['case']['id']}/{act}", seen["case"]["version"]
        return await self.ask("POST", path, expect=expect, json={"reason": reason}, click=click, version=version)

    async def settle(self, seen: Mapping[str, Any], outcome: str, reason: str) -> None:
        """Say what became of the command of a case, as `cases` has shown it."""
        path, body = f"/v1/cases/{seen['case']['id']}/settle", {"outcome": outcome, "reason": reason}
        await self.ask("POST", path, json=body, version=seen["case"]["version"])

    async def entity(self, entity: str, key: str) -> dict[str, Any]:
        """An entity with the newest lines of its timeline, newest first."""
        return await self.ask("GET", f"/v1/entities/{entity}/{quote(key)}?limit={PAGE}")

    async def reconciled(self, **asked: str) -> dict[str, Any]:
        """A reconciliation that was begun, taken to its end."""
        run = await self.ask("POST", "/v1/reconciliations", expect=202, json=asked)
        path = f"/v1/reconciliations/{run['id']}"

        async def is_over() -> bool:
            return (await self.ask("GET", path))["phase"] in ("done", "failed")

        await until(is_over, 30, "the reconciliation is over")
        found = await self.ask("GET", f"{path}/differences")
        return {**await self.ask("GET", path), "found": found["items"]}

    async def ask(
        self, method: str, path: str, *, expect: int = 200, json: object = None, click: str | None = None,
        version: int | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        headers = {"Authorization": f"Bearer {self.person.token}"}
        if click is not None:
            headers["Idempotency-Key"] = click
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.request(method, f"{self.gateway.api}{path}", headers=headers, json=json) as response,
        ):
            assert response.status == expect, await response.text()
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer
