"""Requests for many effects in one: `POST {path}/batch`, each line settled and answered for itself.

The form is that of `adapters.http.batches`, which asks so. A line that follows one which was not made is not begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.sandbox.answers import Made, Refusal
from adapters.sandbox.bodies import Reference, Text
from adapters.sandbox.faults import BATCH, LINE, Fault, FaultKind, Faults
from adapters.sandbox.postings import Posting, posting_of
from adapters.sandbox.settling import Settling
from adapters.sandbox.wire import FAILED, REFUSED, TURNS_AWAY, dropped, json_response, members_of, turned_away

MOST: Final = 1000
"""Lines of one request."""
WHOLE: Final = TURNS_AWAY | BATCH | {FaultKind.SLOW, FaultKind.LATE_APPLY}
"""Faults that decide the course of the whole request; at most one strikes."""
NOT_BEGUN: Final = Refusal(424, "not_begun", "The line that this one follows was not made, so this was not begun.")

Settle = Callable[[Posting], Made | Refusal]


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One line under its idempotency key; a `Refusal` where it could not be read.

    `follows`: the key of the line without which this one is not begun.
    """

    key: str
    posting: Posting | Refusal
    follows: str | None = None


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    idempotency_key: Text
    reference: Reference
    body: object
    follows: Text | None = None


class _Batch(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    lines: tuple[_Line, ...] = Field(min_length=1)


def read_batch(operation: str, raw: bytes) -> Sequence[BatchLine] | Refusal:
    """Read a request; the refusal is that of the whole, and says what to change.

    A body that was written without spaces is the same to us, byte for byte, as if it had come alone.
    """
    try:
        lines = _Batch.model_validate_json(raw).lines
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        detail = f"Send {{lines: [{{idempotency_key, reference, body}}]}}. {where}: {first['msg']}."
        return Refusal(400, "malformed_batch", detail)
    if len(lines) > MOST:
        return Refusal(413, "batch_too_large", f"Send at most {MOST} lines in one request.")
    return [
        BatchLine(line.idempotency_key, posting_of(operation, line.idempotency_key, line.reference, body), line.follows)
        for line, body in ((line, orjson.dumps(line.body)) for line in lines)
    ]


class Batches:
    """The course of one batch, as the faults will have it."""

    def __init__(self, settling: Settling, faults: Faults) -> None:
        self._settling = settling
        self._faults = faults

    async def take(self, request: web.Request, operation: str, lines: Sequence[BatchLine]) -> web.Response:
        """Settle the lines in their order, and answer each."""
        keys = {line.posting.key for line in lines if isinstance(line.posting, Posting)}
        fault = self._faults.draw(operation, keys, WHOLE)
        match fault:
            case None:
                return _response(_answers(lines, self._settled))
            case Fault(fault=FaultKind.HALF_APPLIED):
                _answers(lines[: (len(lines) + 1) // 2], self._settled)
                await asyncio.sleep(fault.seconds)
                return dropped(request)
            case Fault(fault=FaultKind.LINES_LEFT_OUT):
                return _response(_answers(lines, self._settled)[::2])
            case Fault(fault=FaultKind.SHUFFLED):
                return _response(_answers(lines, self._settled)[::-1])
            case Fault(fault=FaultKind.LATE_APPLY):
                self._later(lines, fault.seconds)
                return dropped(request)
            case Fault(fault=FaultKind.SLOW):
                return _response(await self._later(lines, fault.seconds))
            case _:
                return turned_away(request, fault)

    def _later(self, lines: Sequence[BatchLine], seconds: float) -> asyncio.Future[Sequence[object]]:
        """Settle all later, whether or not the caller stays."""
        postings = [line.posting for line in lines if isinstance(line.posting, Posting)]
        return self._settling.later(postings, lambda: _answers(lines, self._settling.settle), seconds)

    def _settled(self, posting: Posting) -> Made | Refusal:
        operation, keys = posting.operation, {posting.key}
        ignore_key = self._faults.draw(operation, keys, {FaultKind.IGNORE_KEY}) is not None
        fault = self._faults.draw(operation, keys, LINE - {FaultKind.IGNORE_KEY})
        match fault:
            case None:
                return self._settling.settle(posting, ignore_key=ignore_key)
            case Fault(fault=FaultKind.REFUSE):
                return REFUSED
            case Fault(fault=FaultKind.APPLY_THEN_500):
                self._settling.settle(posting, ignore_key=ignore_key)
                return FAILED
            case _:
                return FAILED


def _answers(lines: Sequence[BatchLine], settle: Settle) -> Sequence[object]:
    """Settle lines in their order, each unless it follows one that was not made, and answer them."""
    answers: list[object] = []
    made: set[str] = set()
    for line in lines:
        posting = line.posting
        if line.follows is not None and line.follows not in made:
            answer: Made | Refusal = NOT_BEGUN
        else:
            answer = posting if isinstance(posting, Refusal) else settle(posting)
        if isinstance(answer, Made):
            made.add(line.key)
        answers.append(_answer(line, answer))
    return answers


def _response(answers: Sequence[object]) -> web.Response:
    return json_response({"lines": answers}, 207)


def _answer(line: BatchLine, answer: Made | Refusal) -> object:
    if isinstance(answer, Made):
        return {"idempotency_key": line.key, "status": 201, "id": answer.external_id}
    refused = {"idempotency_key": line.key, "status": answer.status, "error": members_of(answer)}
    return refused if answer.retry_after is None else refused | {"retry_after": answer.retry_after}
