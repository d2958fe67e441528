"""The HTTP+JSON system: one attempt is one POST, one look-up is one GET, and every answer becomes an outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

import aiohttp
from yarl import URL

from adapters.http.answers import Answer, read_answer
from adapters.http.batches import batch_body, outcomes_of
from adapters.http.classify import finding_of, outcome_of
from adapters.http.declarations import declarations
from adapters.http.inspection import NOTHING, SECONDS, Told, inspection_of, no_answer, told
from adapters.http.redaction import without_secrets
from adapters.http.session import open_session, read_capped
from adapters.http.settings import HttpOperation, HttpSystemSettings
from adapters.http.transport import NO_ANSWER, outcome_of_error
from adapters.ports.declarations import Declaration
from adapters.ports.inspection import Inspection
from adapters.ports.system import Absent, Capability, UnknownOperation
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.verdicts import Failure

REFERENCE_HEADER: Final = "Tallystick-Reference"


class HttpSystem:
    """An `Adapter` of a plain HTTP+JSON interface. Make it inside the running event loop.

    A command is `POST {url}{path}` with its frozen body; the idempotency key is the command's id as a structured
    string (draft-ietf-httpapi-idempotency-key-header-07 section 2.1). A look-up is `GET {url}{path}?reference=…`,
    which changes nothing, so it may be repeated once on a broken connection; a POST never is. Several commands of one
    operation are one POST to `{url}{path}/batch`, see `adapters.http.batches`.
    Redirects are not followed, cookies not kept, proxies of the environment not used.
    """

    def __init__(self, settings: HttpSystemSettings) -> None:
        self._settings = settings
        self._base = settings.url.rstrip("/")
        self._session = open_session(
            {
                "Authorization": f"Bearer {settings.token}",
                "Accept": "application/json, application/problem+json",
            },
            timeout=settings.timeout,
            connect_timeout=settings.connect_timeout,
            connections=settings.connections,
            read_cap=settings.read_cap,
        )

    def __repr__(self) -> str:
        return f"HttpSystem({self._settings.name!r}, {self._base!r})"

    @property
    def name(self) -> str:
        """The name under which the policy file lists it."""
        return self._settings.name

    def capability(self, operation: str) -> Capability:
        """What it promises for this operation; raises `UnknownOperation`."""
        return self._operation(operation).capability

    async def send(self, command: Command) -> Outcome:
        """One attempt, bounded in time; raises `UnknownOperation` alone."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": f'"{command.id}"',
            REFERENCE_HEADER: command.reference,
        }
        url = URL(self._base + self._operation(command.operation).path, encoded=True)
        try:
            answer, _ = await self._exchange("POST", url, headers, command.body)
        except NO_ANSWER as error:
            return outcome_of_error(error)
        return self._cleaned(outcome_of(answer), command.body)

    async def send_many(self, commands: Sequence[Command]) -> Sequence[Outcome] | Rejected:
        """One attempt at each, of one operation, in one request; raises `UnknownOperation` alone."""
        url = URL(f"{self._base}{self._operation(commands[0].operation).path}/batch", encoded=True)
        request = batch_body(commands)
        try:
            answer, content = await self._exchange("POST", url, {"Content-Type": "application/json"}, request)
        except NO_ANSWER as error:
            return [outcome_of_error(error)] * len(commands)
        found = outcomes_of(commands, answer, content, retry_after_cap=self._settings.retry_after_cap)
        if isinstance(found, Sequence):
            # Compared with its own line alone: with all of them, a failure for each would take seconds.
            return [self._cleaned(each, command.body) for each, command in zip(found, commands, strict=True)]
        outcome = self._cleaned(found, request)
        return outcome if isinstance(outcome, Rejected) else [outcome] * len(commands)

    async def look_up(self, command: Command) -> Confirmed | Absent | Deferred | Unknown:
        """Ask by `command.reference` whether the effect is there; raises `UnknownOperation` alone."""
        path = self._operation(command.operation).path
        url = URL(f"{self._base}{path}?reference={quote(command.reference, safe='')}", encoded=True)
        try:
            # A cache in between must not answer in the system's place with what was true before.
            answer, _ = await self._exchange("GET", url, {"Cache-Control": "no-cache"}, None)
        except NO_ANSWER as error:
            return outcome_of_error(error)
        finding = finding_of(answer)
        if isinstance(finding, Deferred | Unknown):
            return replace(finding, failure=self._clean(finding, command.body))
        return finding

    def declarations(self) -> tuple[Declaration, ...]:
        """One for each path."""
        return declarations(self._settings.operations)

    async def inspect(self) -> Inspection:
        """Look up at each path what is not there, or ask the bare address; raises `NotInspected`."""
        paths = sorted({row.path for row in self._settings.operations.values() if row.capability.look_up})
        try:
            asked = [await self._told(path) for path in paths or [""]]
        except NO_ANSWER as error:
            raise no_answer(self.name, self._settings.url, error) from error
        return inspection_of(self.name, asked)

    async def close(self) -> None:
        """Close connections; nothing may be sent afterwards."""
        await self._session.close()

    def _operation(self, operation: str) -> HttpOperation:
        found = self._settings.operations.get(operation)
        if found is None:
            raise UnknownOperation(f"system {self.name} is not configured for operation {operation}")
        return found

    def _cleaned(self, outcome: Outcome, body: bytes) -> Outcome:
        return outcome if isinstance(outcome, Confirmed) else replace(outcome, failure=self._clean(outcome, body))

    def _clean(self, outcome: Rejected | Deferred | Unknown, body: bytes) -> Failure:
        return without_secrets(outcome.failure, token=self._settings.token, body=body)

    async def _told(self, path: str) -> Told:
        url = URL(f"{self._base}{path}?reference={quote(NOTHING, safe='')}", encoded=True)
        seconds = aiohttp.ClientTimeout(total=min(SECONDS, self._settings.timeout))
        request = self._session.get(url, headers={"Cache-Control": "no-cache"}, allow_redirects=False, timeout=seconds)
        async with request as response:
            content = await read_capped(response, self._settings.read_cap)
            return told(path, response.status, response.headers, content)

    async def _exchange(
        self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[Answer, bytes | None]:
        """One request; its answer, and the body of it, None if that was over the cap."""
        request = self._session.request(method, url, data=body, headers=headers, allow_redirects=False)
        async with request as response:
            content = await read_capped(response, self._settings.read_cap)
            answer = read_answer(
                response.status, response.headers, content, retry_after_cap=self._settings.retry_after_cap
            )
            return answer, content
