"""What an HTTP+JSON system's answers say of itself, when it is asked for a reference that does not exist."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from adapters.http.answers import Answer, read_answer
from adapters.http.classify import finding_of
from adapters.http.retry_after import moment
from adapters.ports.inspection import Inspection, NotInspected, Right
from adapters.ports.system import Absent
from schemas.commands import Confirmed

NOTHING: Final = "tallystick-doctor/nothing/_/1"
"""A reference that no command has: no entity is called so."""

SECONDS: Final = 5.0
"""For each question."""

LIMITS: Final = ("ratelimit", "x-ratelimit")
"""How headers begin that tell of limits (draft-ietf-httpapi-ratelimit-headers, and what went before it)."""

LIMIT_CAP: Final = 100
"""Characters of such a header that are shown."""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer to a look-up at `path`; "" is the system's bare address. `date` is the answer's own."""

    path: str
    answer: Answer
    date: datetime | None
    limits: Mapping[str, str]


def told(path: str, status: int, headers: Mapping[str, str], body: bytes | None) -> Told:
    """Read an answer. `headers` are looked up without regard to case; `body` is None if it was over the cap."""
    limits = {
        name: "".join(char if char.isprintable() else "?" for char in value[:LIMIT_CAP])
        for name, value in headers.items()
        if name.lower().startswith(LIMITS)
    }
    answer = read_answer(status, headers, body, retry_after_cap=0.0)
    return Told(path, answer, moment(headers.get("Date", "")), MappingProxyType(limits))


def inspection_of(name: str, asked: Sequence[Told]) -> Inspection:
    """What the answers at all paths say together, at least one. Raises `NotInspected` if one refuses the token."""
    for each in asked:
        status = each.answer.status
        if status == 401 or (status == 403 and not each.path):
            change = f"correct systems.{name}.token_file, or renew the token"
            raise NotInspected(f"it refuses the token ({status})", change)
    bare = [each.answer.status for each in asked if not each.path]
    identity = (
        f"not known (status {bare[0]}): it has no look-up to try the token with" if bare else "whoever has the token"
    )
    dates = [each.date for each in asked if each.date is not None]
    return Inspection(
        version=None,
        identity=identity,
        clock=dates[-1] if dates else None,
        rights=tuple(Right(f"look-up at {each.path}", _missing(name, each)) for each in asked if each.path),
        limits={header: value for each in asked for header, value in each.limits.items()},
    )


def no_answer(name: str, url: str, error: Exception) -> NotInspected:
    """What to raise if no complete answer came."""
    # The numbers of failed look-ups of names are below zero, and no errors of the operating system.
    number = error.errno if isinstance(error, OSError) else None
    words = os.strerror(number) if number is not None and number > 0 else str(error)
    found = f"{url} does not answer: {words or type(error).__name__}"
    return NotInspected(found, f"start it, or correct systems.{name}.url in the policy file")


def _missing(name: str, each: Told) -> str | None:
    """What is wrong with the answer, and what to change; None if the reference is absent, as it should be."""
    if each.answer.status == 403:
        return f"it refuses the token there (403): let the token read {each.path}, or renew it"
    match finding_of(each.answer):
        case Absent():
            return None
        case Confirmed():
            return (
                "it finds a reference that does not exist, so what it says of others cannot be trusted: correct the "
                f"system, or set look_up: false for {each.path}"
            )
        case _:
            return (
                f"it answers {each.answer.status} where 404 with problem type `not-found` is right: correct "
                f"systems.{name}.operations, or mend the system"
            )
