"""Batches over HTTP: the request that carries several commands, and what its answer says of each of them.

`POST {path}/batch` with `{"lines": [{"idempotency_key", "reference", "body", "follows"}]}`, and as the answer
`{"lines": [{"idempotency_key", "status", "id" or "error", "retry_after"}]}` in any order: `status` is that which the
command would have been answered alone, `error` the members of its problem+json (RFC 9457), `retry_after` seconds.

`follows`, on all but the first line of one key, is the idempotency key of the line before it: unless that was done
this one is not begun, and answered 424 (RFC 4918 section 11.4).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import orjson

from adapters.http.answers import Answer, id_of, members_of, problem_of
from adapters.http.classify import outcome_of
from adapters.ports.system import NOT_BEGUN
from schemas.commands import Command, Outcome, Unknown
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass

WITH_LINES: Final = frozenset({200, 207})
"""The answers that may speak of each line. Every other one speaks of the request."""
FAILED_DEPENDENCY: Final = 424
LEFT_OUT: Final = Unknown(
    Failure(FailureClass.UNKNOWN_OUTCOME, "line_left_out", "The system's answer to the batch leaves this line out.")
)


def batch_body(commands: Sequence[Command]) -> bytes:
    """The request's body; each command's own is in it byte for byte."""
    lines: list[dict[str, object]] = []
    for each, before in zip(commands, _before(commands), strict=True):
        line: dict[str, object] = {
            "idempotency_key": str(each.id),
            "reference": each.reference,
            "body": orjson.Fragment(each.body),
        }
        if before is not None:
            line["follows"] = str(before.id)
        lines.append(line)
    return orjson.dumps({"lines": lines})


def outcomes_of(
    commands: Sequence[Command], answer: Answer, body: bytes | None, *, retry_after_cap: float
) -> Sequence[Outcome] | Outcome:
    """What an answer says: one outcome for each command, or one for the request, and so for all of them.

    `body` is the answer's, None if it was over the cap. Raises nothing, whatever is in it.
    """
    lines = _lines(body, retry_after_cap) if answer.status in WITH_LINES else None
    if lines is None:
        return _of_request(answer)
    return [
        _of_line(lines.get(str(each.id)), follows=before is not None)
        for each, before in zip(commands, _before(commands), strict=True)
    ]


def _before(commands: Sequence[Command]) -> Iterator[Command | None]:
    """Before each command the one of its key, if there is one."""
    last: dict[ActorKey, Command] = {}
    for each in commands:
        yield last.get(each.key)
        last[each.key] = each


def _of_line(answer: Answer | None, *, follows: bool) -> Outcome:
    if answer is None:
        return LEFT_OUT
    return NOT_BEGUN if follows and answer.status == FAILED_DEPENDENCY else outcome_of(answer)


def _of_request(answer: Answer) -> Outcome:
    """An id that comes without lines is nobody's: it proves nothing about any of them."""
    problem = None if answer.problem is None else replace(answer.problem, id=None)
    return outcome_of(replace(answer, external_id=None, problem=problem))


def _lines(body: bytes | None, retry_after_cap: float) -> Mapping[str, Answer] | None:
    """The answers by idempotency key; None if the body holds none. A key that comes twice has no answer."""
    members = members_of(body)
    lines = None if members is None else members.get("lines")
    if not isinstance(lines, list):
        return None
    found: dict[str, Answer] = {}
    twice: set[str] = set()
    for line in lines:
        key = line.get("idempotency_key") if isinstance(line, dict) else None
        answer = _line(line, retry_after_cap) if isinstance(key, str) else None
        if not isinstance(key, str) or answer is None:
            continue
        if key in found:
            twice.add(key)
        found[key] = answer
    return {key: answer for key, answer in found.items() if key not in twice}


def _line(line: Mapping[str, object], retry_after_cap: float) -> Answer | None:
    """The answer that a line would have been alone; None if it has no status (RFC 9110 section 15)."""
    status, error, wait = line.get("status"), line.get("error"), line.get("retry_after")
    if not isinstance(status, int) or not 100 <= status <= 599:
        return None
    retry_after = None
    if isinstance(wait, int | float) and wait >= 0:
        retry_after = float(min(wait, retry_after_cap))
    problem = problem_of(error) if isinstance(error, dict) else None
    return Answer(status, retry_after, None if problem is not None else id_of(line), problem)
