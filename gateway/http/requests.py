"""What a request may carry, and how it is read: query, path, and body, each refused with what to change."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self, TypeVar
from urllib.parse import unquote_to_bytes
from uuid import UUID

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError
from pydantic import AfterValidator, AwareDatetime, Field, ValidationError, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from adapters.ports.letters import LetterState
from gateway.http.problems import BODY_TOO_LARGE, BODY_TOO_SLOW, REQUEST_INVALID, Problem
from gateway.readmission import MOST as MOST_RETRIED
from schemas.attributes import SEQUENCE_MAX
from schemas.codec import STRUCTURED
from schemas.envelope import Undecodable
from schemas.keys import ActorKey
from schemas.parsing import LIMITS as EVENT_LIMITS
from schemas.parsing import Limits, parse
from schemas.record import Record
from schemas.rules import Rule, Written
from schemas.values import Id
from schemas.verdicts import FailureClass, LaneState, Verdict

PAGE: Final = 100
MOST: Final = 500
"""Items of one page: unless asked otherwise, and at most."""
BODY_BYTES: Final = 64 * 1024
BODY_SECONDS: Final = 5.0
ATTEMPTS_MAX: Final = 2**31 - 1
"""Attempts at one command that the database can number."""

_LIMITS: Final = Limits(body_bytes=BODY_BYTES, depth=8)
_KEY: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,1000}")
_DIGEST: Final = re.compile(r"(?:[0-9a-f]{2}){1,64}")
_ANY: Final = r"[^\x00-\x08\x0b-\x1f\x7f-\x9f]"
_LINE: Final = r"^[^\x00-\x1f\x7f-\x9f]+$"

_STORED: Final = tuple(verdict for verdict in Verdict if verdict is not Verdict.DEAD_LETTER)


def _stored(verdict: Verdict) -> Verdict:
    if verdict not in _STORED:
        raise ValueError
    return verdict


def in_utc(at: datetime) -> datetime:
    """The same moment as the database takes it. In UTC one at either end of the calendar may be in no year."""
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError from error


Text = Annotated[
    str,
    Field(max_length=1000, pattern=_LINE),
    Rule("text_invalid", "write 1 to 1000 characters without control characters"),
]
Limit = Annotated[
    int,
    Field(strict=False, ge=1, le=MOST),
    Written(r"^[0-9]{1,9}$", int),
    Rule("limit_invalid", f"write a whole number from 1 to {MOST}"),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST}),
]
Stored = Annotated[
    Verdict,
    Field(strict=False),
    AfterValidator(_stored),
    Rule("verdict_unknown", f"write one of {', '.join(_STORED)}; dead letters are at /v1/dead-letters"),
    WithJsonSchema({"type": "string", "enum": list(_STORED)}),
]
State = Annotated[
    LaneState,
    Field(strict=False),
    Rule("state_unknown", f"write one of {', '.join(LaneState)}"),
]
LetterIs = Annotated[
    LetterState,
    Field(strict=False),
    Rule("state_unknown", f"write one of {', '.join(LetterState)}"),
]
Class = Annotated[
    FailureClass,
    Field(strict=False),
    Rule("class_unknown", f"write one of {', '.join(FailureClass)}"),
]
Reason = Annotated[
    str,
    Field(max_length=1000, pattern=rf"^{_ANY}*[^\s\x00-\x1f\x7f-\x9f]{_ANY}*$"),
    Rule("reason_invalid", "say why in 1 to 1000 characters: it is kept in the audit"),
]
Point = Annotated[
    AwareDatetime,
    Field(strict=False),
    AfterValidator(in_utc),
    Rule("since_invalid", "write a time with its zone, such as 2026-03-06T17:00:00Z"),
]
Policy = Annotated[
    str,
    Field(pattern=r"^[0-9a-f]{12}$"),
    Rule("policy_invalid", "write the 12 hex digits that /v1/mappings shows of a policy"),
]
Ref = Annotated[UUID, Field(strict=False), Rule("ref_invalid", "write the reference of a message, a UUID")]


class Nothing(Record):
    """The query of a request that takes none."""


class PageQuery(Record):
    """The query of a list."""

    limit: Limit = PAGE
    cursor: Text | None = None


class MessagesQuery(PageQuery):
    """`GET /v1/messages`."""

    source: Text | None = None
    id: Text | None = None
    verdict: Stored | None = None


class LanesQuery(PageQuery):
    """`GET /v1/lanes`."""

    state: State | None = None


class LettersQuery(PageQuery):
    """`GET /v1/dead-letters`. `class` is a word of Python's."""

    state: LetterIs = LetterState.BURIED
    failure_class: Class | None = Field(None, alias="class")
    code: Text | None = None
    queue: Text | None = None


class PayloadQuery(Record):
    """The query of a payload."""

    reason: Reason


class EntityQuery(PageQuery):
    """`GET /v1/entities/{entity}/{key}`."""

    reveal: Reason | None = None
    """Why what is about people shall be shown, too."""


class Because(Record):
    """The body of an act that needs a reason and nothing else."""

    reason: Reason


RETRY: Final = "Whether what stands still for want of a mapping is tried again by itself; else a replay lets it go on."


class Reload(Record):
    """The body of `POST /v1/mappings/reload`."""

    reason: Reason
    retry: bool = Field(default=True, description=RETRY)


class RollBack(Record):
    """The body of `POST /v1/mappings/rollback`."""

    to: Policy
    reason: Reason
    retry: bool = Field(default=True, description=RETRY)


class RetryMany(Record):
    """The body of a bulk retry: which dead letters, and behind which."""

    reason: Reason
    failure_class: Class | None = Field(None, alias="class")
    code: Text | None = None
    queue: Text | None = None
    limit: Annotated[
        int, Field(ge=1, le=MOST_RETRIED), Rule("limit_invalid", f"write a whole number from 1 to {MOST_RETRIED}")
    ] = MOST_RETRIED
    cursor: Text | None = None


class Retry(Record):
    """The body of a retry."""

    reason: Reason
    force: bool = False
    """Run a message, too, that has ended the process."""


class RestorePoint(Record):
    """The body of the declaration of a restore."""

    reason: Reason
    since: Point
    """The point that the database was restored to. It cannot be guessed: gateways that run raise the watermark."""


class Discard(Record):
    """The body of a discard."""

    reason: Reason
    head: Ref
    """The message at the lane's head, as the operator has seen it."""


class Finding(Record):
    """What a person has found out about a command."""

    reason: Reason
    outcome: Literal["done", "not_done"]
    """`done`: the system has the effect. `not_done`: it has not, and nothing that was sent can still arrive there."""
    external_id: Id | None = None
    """The system's own id of what was made, if it gave one; with `done` only."""

    @model_validator(mode="after")
    def _id_of_what_is_there(self) -> Self:
        if self.external_id is not None and self.outcome != "done":
            raise PydanticCustomError("external_id", "give `external_id` with the outcome `done` only")
        return self


class Settle(Finding):
    """The body of the settling of a command."""

    command: Ref
    """Its id, as the lane shows it."""
    attempts: int = Field(ge=0, le=ATTEMPTS_MAX)
    """How many the lane showed of it: what was found out is of these."""


class CloseGap(Record):
    """The body of the closing of a gap."""

    reason: Reason
    series: Reason
    """The source, as the lane's reason names it."""
    through: int = Field(ge=1, le=SEQUENCE_MAX)
    """All numbers up to this one count as closed."""


class BeginPause(Record):
    """The body of a pause: of an entity, of one of its keys, of a legal entity, or of everything."""

    reason: Reason
    entity: Text | None = None
    key: Text | None = None
    legal_entity: Text | None = None
    everything: bool = False


class EndPause(Record):
    """`DELETE /v1/pauses/{id}`."""

    reason: Reason


Form = TypeVar("Form", bound=Record)


def query(request: web.Request, form: type[Form]) -> Form:
    """The query of `request`. Raises `Problem`."""
    given = request.query
    twice = sorted({name for name in given if len(given.getall(name)) > 1})
    if twice:
        raise Problem(REQUEST_INVALID, f"Send {', '.join(twice)} once.")
    try:
        return form.model_validate(dict(given))
    except ValidationError as error:
        raise Problem(REQUEST_INVALID, _explained(error, form)) from error


async def body(request: web.Request, form: type[Form], limits: Limits = _LIMITS) -> Form:
    """The JSON body of `request`. Raises `Problem`, or aiohttp's refusal of a body that is too large."""
    if request.content_type != "application/json":
        raise Problem(REQUEST_INVALID, "Send the body as JSON, with the header `Content-Type: application/json`.")
    content = await _content(request, limits)
    try:
        return form.model_validate(parse(content, limits))
    except Undecodable as error:
        raise Problem(REQUEST_INVALID, f"Body: {error.failure.reason}.") from error
    except ValidationError as error:
        raise Problem(REQUEST_INVALID, _explained(error, form)) from error


async def event(request: web.Request) -> bytes:
    """The event in structured mode that `request` carries, unread. Raises `Problem`."""
    if request.content_type not in (STRUCTURED, "application/json"):
        why = f"Send the event as it is published, with the header `Content-Type: {STRUCTURED}`."
        raise Problem(REQUEST_INVALID, why)
    return await _content(request, EVENT_LIMITS)


async def _content(request: web.Request, limits: Limits) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read() if limits is _LIMITS else await _long(request, limits.body_bytes)
    except TimeoutError as error:
        raise Problem(BODY_TOO_SLOW, f"Send the body within {BODY_SECONDS:g} s.") from error
    except (RequestPayloadError, ConnectionError) as error:
        raise Problem(REQUEST_INVALID, "The body ended early: send all of it.") from error


async def _long(request: web.Request, most: int) -> bytes:
    """A body that may be longer than others. Raises `Problem`."""
    content = bytearray()
    async for part in request.content.iter_any():
        content += part
        if len(content) > most:
            raise Problem(BODY_TOO_LARGE, f"Send at most {most} bytes.")
    return bytes(content)


def lane_key(request: web.Request) -> ActorKey:
    """The key that the path names; each part is percent-encoded, a slash in it as %2F. Raises `Problem`."""
    return _key(request, "/v1/lanes/")


def entity_key(request: web.Request) -> ActorKey:
    """The same for the path of an entity."""
    return _key(request, "/v1/entities/")


def _key(request: web.Request, prefix: str) -> ActorKey:
    entity, key = (_decoded(part) for part in request.rel_url.raw_path.removeprefix(prefix).split("/")[:2])
    return ActorKey(entity, key)


def pause_id(request: web.Request) -> int:
    """The number that the path names. Raises `Problem`."""
    found = request.match_info["id"]
    if not (found.isascii() and found.isdigit() and len(found) < 19):
        raise Problem(REQUEST_INVALID, "The path names a pause by its number, as /v1/pauses shows it.")
    return int(found)


def message_ref(request: web.Request) -> UUID:
    """The reference that the path names. Raises `Problem`."""
    try:
        return UUID(request.match_info["ref"])
    except ValueError as error:
        raise Problem(REQUEST_INVALID, "The path names a message by its reference, a UUID.") from error


def letter_digest(request: web.Request) -> bytes:
    """The digest that the path names. Raises `Problem`."""
    text = request.match_info["digest"]
    if _DIGEST.fullmatch(text) is None:
        raise Problem(REQUEST_INVALID, "The path names a dead letter by its digest, in hexadecimal.")
    return bytes.fromhex(text)


def _decoded(part: str) -> str:
    """Strictly: aiohttp's own decoding leaves what is not UTF-8 as it was."""
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError as error:
        raise Problem(REQUEST_INVALID, "Write the path in UTF-8, percent-encoded.") from error
    if _KEY.fullmatch(text) is None:
        raise Problem(REQUEST_INVALID, "An entity or key has 1 to 1000 characters, none of them a control character.")
    return text


def _explained(error: ValidationError, form: type[Record]) -> str:
    """Every mistake, in one line; what was sent is not repeated, field names are shortened."""
    parts: list[str] = []
    for mistake in error.errors(include_url=False, include_input=False, include_context=False)[:10]:
        name = ascii(".".join(str(part) for part in mistake["loc"]) or "body")[1:-1][:100]
        match mistake["type"]:
            case "missing":
                parts.append(f"{name}: add it")
            case "extra_forbidden":
                parts.append(f"{name}: there is no such field; there are {', '.join(_names(form)) or 'none'}")
            case "model_type":
                parts.append(f"{name}: send a JSON object")
            case _:
                parts.append(f"{name}: {mistake['msg']}")
    return f"{'; '.join(parts)}."


def _names(form: type[Record]) -> list[str]:
    """Its fields as they are written in a request."""
    return [field.alias or name for name, field in form.model_fields.items()]
