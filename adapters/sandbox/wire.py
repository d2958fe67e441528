"""How a sandbox system's answers look as HTTP: JSON, and problem+json for everything that is not done."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import web

from adapters.sandbox.answers import Made, Refusal
from adapters.sandbox.faults import Fault, FaultKind

UNAUTHORISED: Final = Refusal(401, "unauthorised", "Send the bearer token of this system.")
FAILED: Final = Refusal(500, "internal_error", "Something went wrong here.")
REFUSED: Final = Refusal(422, "refused", "These books do not take it as they are: change them, then send it again.")
TURNS_AWAY: Final = frozenset({FaultKind.THROTTLE, FaultKind.DOWN, FaultKind.EXPIRED})
"""Faults by which a request is not looked at."""

Route = Callable[[web.Request], Awaitable[web.Response]]


def json_response(content: object, status: int = 200) -> web.Response:
    """Anything that orjson can write."""
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")


def problem(refusal: Refusal) -> web.Response:
    """RFC 9457, with `code`, `field`, and `id` as extension members."""
    headers = None if refusal.retry_after is None else {"Retry-After": str(refusal.retry_after)}
    return web.Response(
        status=refusal.status,
        body=orjson.dumps(members_of(refusal)),
        content_type="application/problem+json",
        headers=headers,
    )


def members_of(refusal: Refusal) -> Mapping[str, object]:
    """The members of its problem."""
    members = {
        "type": refusal.type,
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "code": refusal.code,
        "detail": refusal.detail,
        "field": refusal.field,
        "id": refusal.external_id,
    }
    return {name: value for name, value in members.items() if value is not None}


def response(answer: Made | Refusal) -> web.Response:
    """What a posting came to; 201 also when it repeats the first answer, which it must equal."""
    return problem(answer) if isinstance(answer, Refusal) else json_response({"id": answer.external_id}, 201)


def retry_later(status: int, code: str, detail: str, seconds: float) -> web.Response:
    """A refusal for now, with Retry-After in whole seconds."""
    return problem(Refusal(status, code, detail, retry_after=math.ceil(seconds)))


def dropped(request: web.Request) -> web.Response:
    """No answer: the connection is cut. What is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def turned_away(request: web.Request, fault: Fault) -> web.Response:
    """The answer of one of the faults `TURNS_AWAY`."""
    if fault.fault is FaultKind.THROTTLE:
        return retry_later(429, "throttled", "Too many requests.", fault.seconds)
    if fault.fault is FaultKind.EXPIRED:
        return problem(UNAUTHORISED)
    if fault.reset:
        return dropped(request)
    return retry_later(503, "down_for_maintenance", "This system is down for maintenance.", fault.seconds)


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn what aiohttp itself refuses (unknown path, method, body too large) into problem+json."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        detail = f"{request.method} {request.path}: {error.reason}."
        return problem(Refusal(error.status, f"http_{error.status}", detail))
