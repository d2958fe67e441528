"""Whether each system answers at its address, takes our token, and can be asked for what it does not have."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from adapters.http.answers import Answer, read_answer
from adapters.http.classify import finding_of
from adapters.ports.system import Absent
from gateway.cli.checks.clock import clock
from gateway.cli.checks.finding import Finding, Level
from gateway.http_policy import HttpSystemPolicy
from gateway.policy_file import PolicyFile
from gateway.system_policy import PolicyInvalid
from schemas.commands import Confirmed

SECONDS: Final = 5.0
READ_CAP: Final = 1 << 16

NOTHING: Final = "tallystick-doctor/nothing/_/1"
"""A reference that no command has: no entity is called so."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """An answer to a look-up, and the answer's own date."""

    answer: Answer
    date: datetime | None


async def look_at_systems(policy: PolicyFile) -> list[Finding]:
    """Findings on all systems, asked at the same time."""
    plain = {name: system for name, system in policy.systems.items() if isinstance(system, HttpSystemPolicy)}
    found = await asyncio.gather(*(_look_at(name, system) for name, system in plain.items()))
    return [finding for findings in found for finding in findings]


async def _look_at(name: str, system: HttpSystemPolicy) -> list[Finding]:
    part = f"system {name}"
    try:
        token = system.secret()
    except PolicyInvalid as error:
        return [Finding(part, Level.FAIL, str(error), "correct the path, or write the token into the file")]
    paths = sorted({row.path for row in system.operations.values() if row.look_up})
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, application/problem+json"}
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
        try:
            asked = {path: await _ask(session, system.url.rstrip("/") + path) for path in paths or [""]}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            change = f"start it, or correct systems.{name}.url in the policy file"
            return [Finding(part, Level.FAIL, f"{system.url} does not answer: {_words(error)}", change)]
    return [_verdict(part, name, asked) if paths else _bare(part, name, asked[""]), *_clock(part, asked)]


async def _ask(session: aiohttp.ClientSession, url: str) -> _Asked:
    """Look up what is not there."""
    async with session.get(url, params={"reference": NOTHING}, allow_redirects=False) as response:
        body = await response.content.read(READ_CAP)
        return _Asked(
            read_answer(response.status, response.headers, body, retry_after_cap=0.0), _date(response.headers)
        )


def _verdict(part: str, name: str, asked: Mapping[str, _Asked]) -> Finding:
    """One finding for all paths: the first that is wrong, or that all are right."""
    for path, each in asked.items():
        answer = each.answer
        if answer.status in {401, 403}:
            return _refused(part, name, answer)
        match finding_of(answer):
            case Absent():
                continue
            case Confirmed():
                found = f"{path} finds a reference that does not exist: what it says of others cannot be trusted"
                return Finding(part, Level.FAIL, found, f"correct the system, or set look_up: false for {path}")
            case _:
                found = f"{path} answers {answer.status} to a look-up where 404 with problem type `not-found` is right"
                return Finding(part, Level.FAIL, found, f"correct systems.{name}.operations, or mend the system")
    return Finding(part, Level.OK, "answers, and takes the token")


def _bare(part: str, name: str, asked: _Asked) -> Finding:
    """A system that cannot be asked for anything: that it answers is all that can be seen."""
    if asked.answer.status in {401, 403}:
        return _refused(part, name, asked.answer)
    return Finding(part, Level.OK, f"answers {asked.answer.status}; it has no look-up to try the token with")


def _refused(part: str, name: str, answer: Answer) -> Finding:
    return Finding(
        part,
        Level.FAIL,
        f"it refuses the token ({answer.status})",
        f"correct systems.{name}.token_file, or renew the token",
    )


def _clock(part: str, asked: Mapping[str, _Asked]) -> list[Finding]:
    """The system's clock by its latest answer, told only where it is off."""
    dates = [each.date for each in asked.values() if each.date is not None]
    found = [clock(part, dates[-1], datetime.now(UTC))] if dates else []
    return [each for each in found if each.level is not Level.OK]


def _date(headers: Mapping[str, str]) -> datetime | None:
    try:
        moment = parsedate_to_datetime(headers.get("Date", ""))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__
