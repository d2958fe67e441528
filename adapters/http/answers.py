"""An HTTP answer, read into the few facts that its classification needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import jiter

from adapters.http.retry_after import seconds_to_wait

ID_CAP = 200
"""Bytes; a longer id could not become a key of ours."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem+json body (RFC 9457). `code`, `field`, and `id` are extension members; None where absent."""

    type: str | None = None
    code: str | None = None
    detail: str | None = None
    field: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `retry_after` is in seconds, capped; `external_id` is the id that a JSON body names.

    `problem` is there only if the answer has the media type of RFC 9457: an error page of something that stands in
    between proves nothing about the system.
    """

    status: int
    retry_after: float | None = None
    external_id: str | None = None
    problem: Problem | None = None


def read_answer(status: int, headers: Mapping[str, str], body: bytes | None, *, retry_after_cap: float) -> Answer:
    """Read an answer. `headers` are looked up without regard to case; `body` is None if it was over the cap."""
    members = members_of(body)
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    problem = None
    if media_type == "application/problem+json" and members is not None:
        problem = problem_of(members)
    return Answer(
        status=status,
        retry_after=seconds_to_wait(headers.get("Retry-After"), headers.get("Date"), retry_after_cap),
        external_id=None if members is None or problem is not None else id_of(members),
        problem=problem,
    )


def members_of(body: bytes | None) -> Mapping[str, object] | None:
    """The JSON object in `body`; None if there is none, or if a key stands in it twice (which one would count?)."""
    if not body:
        return None
    try:
        parsed: object = jiter.from_json(body, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def problem_of(members: Mapping[str, object]) -> Problem:
    """The problem that these members of a JSON object describe."""
    return Problem(
        type=_text(members, "type"),
        code=_text(members, "code"),
        detail=_text(members, "detail"),
        field=_text(members, "field"),
        id=id_of(members),
    )


def id_of(members: Mapping[str, object]) -> str | None:
    """The id that the members of a JSON object name; None where it could not become a key of ours."""
    value = _text(members, "id")
    return value if value is not None and value.isprintable() and len(value.encode()) <= ID_CAP else None


def _text(members: Mapping[str, object], name: str) -> str | None:
    """A member of the type that RFC 9457 section 3.1 gives it; others are ignored, as it asks."""
    value = members.get(name)
    return value if isinstance(value, str) and value else None
