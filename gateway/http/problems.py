"""Refusals of the API as `application/problem+json` (RFC 9457): what is wrong, and what to change."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import orjson
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from adapters.ports.turns import StoreUnavailable
from gateway import telemetry

REQUEST_SECONDS: Final = 10.0
"""How long the answer to one request may take."""
MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER: Final = "2"
"""Seconds, in the header of a 503."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: `name` is the end of its type URI, and stable."""

    name: str
    status: int
    title: str


UNAUTHENTICATED: Final = Kind("unauthenticated", 401, "A token is needed")
TOKEN_NOT_SET: Final = Kind("token-not-set", 403, "The API has no token")
FORBIDDEN: Final = Kind("forbidden", 403, "This token may not do that")
OUT_OF_REACH: Final = Kind("out-of-reach", 403, "This caller may not reach that")
RATE_LIMITED: Final = Kind("rate-limited", 429, "Too many requests")
KEY_NOT_FOUND: Final = Kind("api-key-not-found", 404, "There is no such API key")
KEY_NAME_TAKEN: Final = Kind("api-key-name-taken", 409, "The name belongs to another API key")
KEY_TOO_WIDE: Final = Kind("api-key-too-wide", 403, "The key would allow more than you may")
REQUEST_INVALID: Final = Kind("request-invalid", 400, "The request cannot be understood")
NOT_FOUND: Final = Kind("not-found", 404, "There is nothing here")
METHOD_NOT_ALLOWED: Final = Kind("method-not-allowed", 405, "This is not done here")
MESSAGE_NOT_FOUND: Final = Kind("message-not-found", 404, "There is no such message")
MESSAGE_ELSEWHERE: Final = Kind("message-in-another-state", 409, "That is not done to this message")
MESSAGE_OVERTAKEN: Final = Kind("message-overtaken", 409, "Something later was applied")
EDIT_INVALID: Final = Kind("edit-invalid", 422, "The message would not be valid so")
ENTITY_NOT_FOUND: Final = Kind("entity-not-found", 404, "There is no such entity")
LANE_NOT_FOUND: Final = Kind("lane-not-found", 404, "There is no such lane")
LANE_CHANGED: Final = Kind("lane-changed", 409, "The lane has changed")
LANE_KILLS: Final = Kind("lane-kills", 409, "Its message has ended the process")
COMMAND_NOT_FOUND: Final = Kind("command-not-found", 404, "The key has no such command")
COMMAND_CHANGED: Final = Kind("command-changed", 409, "The command has changed")
COMMAND_IN_USE: Final = Kind("command-in-use", 409, "The command may be sent at any time")
PAUSE_NOT_FOUND: Final = Kind("pause-not-found", 404, "There is no such pause")
SYSTEM_NOT_FOUND: Final = Kind("system-not-found", 404, "There is no such system")
SYSTEM_UNREADABLE: Final = Kind("system-unreadable", 409, "The system's books cannot be read")
RECON_NOT_FOUND: Final = Kind("reconciliation-not-found", 404, "There is no such reconciliation")
RECON_NOT_DONE: Final = Kind("reconciliation-not-done", 409, "The reconciliation is not done")
RECON_DONE: Final = Kind("reconciliation-done", 409, "The reconciliation is done")
RECON_PLAN_OPEN: Final = Kind("reconciliation-plan-open", 409, "Another plan of the system is not ended")
RECON_NOTHING: Final = Kind("reconciliation-nothing-to-repair", 409, "Nothing can be repaired by commands")
REPLAY_NOT_FOUND: Final = Kind("replay-not-found", 404, "There is no such replay")
REPLAY_NOTHING: Final = Kind("replay-nothing-chosen", 404, "Nothing that stands still is so")
REPLAY_TOO_LARGE: Final = Kind("replay-too-large", 422, "The plan would be too large")
REPLAY_EXPIRED: Final = Kind("replay-plan-expired", 409, "The plan has expired")
REPLAY_OVERTAKEN: Final = Kind("replay-policy-changed", 409, "Another policy is in force than that of the plan")
REPLAY_NO_POLICY: Final = Kind("replay-without-policy", 422, "The replay goes by no policy")
REPLAY_ELSEWHERE: Final = Kind("replay-in-another-phase", 409, "The replay is in another phase")
SYSTEM_BUILT_IN: Final = Kind("system-built-in", 409, "The system is built in")
LETTER_NOT_FOUND: Final = Kind("dead-letter-not-found", 404, "There is no such dead letter")
LETTER_REFUSED: Final = Kind("dead-letter-refused", 409, "It still cannot become a message")
LETTER_CUT: Final = Kind("dead-letter-cut", 409, "Not all of the message was kept")
LETTER_SETTLED: Final = Kind("dead-letter-settled", 409, "The dead letter is settled")
SHUTTING_DOWN: Final = Kind("shutting-down", 503, "The process is shutting down")
CASE_NOT_FOUND: Final = Kind("case-not-found", 404, "There is no such case")
CASE_CHANGED: Final = Kind("case-changed", 412, "The case has changed")
CASE_ACT_REFUSED: Final = Kind("case-act-refused", 409, "This cannot be done about the case")
PRECONDITION_MISSING: Final = Kind("precondition-missing", 428, "Say what you have seen")
ROLE_MISSING: Final = Kind("role-missing", 403, "Another role decides this")
CLICK_REUSED: Final = Kind("idempotency-key-reused", 422, "The key belongs to another act")
APPROVAL_NEEDED: Final = Kind("approval-needed", 409, "Another person must allow this")
APPROVAL_REFUSED: Final = Kind("approval-refused", 409, "There is nothing for you to approve")
BINDINGS_CONFLICT: Final = Kind("bindings-conflict", 409, "Rows are in conflict with what is known")
RESTORE_CONFLICT: Final = Kind("restore-conflict", 409, "The restore is in another phase")
POLICY_NOT_FOUND: Final = Kind("policy-not-found", 404, "There is no such policy")
POLICY_NEEDS_RESTART: Final = Kind("policy-needs-restart", 409, "The policy takes effect at a start only")
POLICY_INVALID: Final = Kind("policy-invalid", 422, "The policy cannot be used")
BODY_TOO_SLOW: Final = Kind("body-too-slow", 408, "The body did not arrive in time")
BODY_TOO_LARGE: Final = Kind("body-too-large", 413, "The body is too large")
ISSUER_UNAVAILABLE: Final = Kind("issuer-unavailable", 503, "Tokens of the issuer cannot be checked now")
STORE_UNAVAILABLE: Final = Kind("store-unavailable", 503, "The database does not answer")
TIMED_OUT: Final = Kind("timed-out", 503, "The answer took too long")
INTERNAL: Final = Kind("internal", 500, "The gateway has failed")

_BY_STATUS: Final = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED, 413: BODY_TOO_LARGE}


class Problem(Exception):
    """Ends a request. `detail` is one plain sentence or two; `headers` go out with it."""

    def __init__(self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers or {}


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every request an answer within its time, and every refusal its form."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await handler(request)
    except Problem as problem:
        return _response(request, problem)
    except web.HTTPException as error:
        return _response(request, _of_aiohttp(request, error))
    except StoreUnavailable:
        detail = f"PostgreSQL does not take work now; /readyz says why. {_advice(request)}"
        return _response(request, Problem(STORE_UNAVAILABLE, detail, {hdrs.RETRY_AFTER: RETRY_AFTER}))
    except TimeoutError:
        detail = f"There was no answer within {REQUEST_SECONDS:g} s. {_advice(request)}"
        return _response(request, Problem(TIMED_OUT, detail, {hdrs.RETRY_AFTER: RETRY_AFTER}))
    except Exception as error:  # noqa: BLE001  # our bug: it is logged, and the client learns nothing of it
        telemetry.request_failed(request.method, request.path, error)
        detail = f"This is a fault of the gateway; its log says more. {_advice(request)}"
        return _response(request, Problem(INTERNAL, detail))


def _advice(request: web.Request) -> str:
    """What to do after a failure; whoever asked for a change cannot know whether it was made."""
    if request.method in (hdrs.METH_GET, hdrs.METH_HEAD):
        return "Try again."
    return "The change may or may not have been made: look before you repeat it."


def _of_aiohttp(request: web.Request, error: web.HTTPException) -> Problem:
    """What aiohttp itself refuses."""
    headers = {str(name): error.headers[name] for name in (hdrs.ALLOW,) if name in error.headers}
    match error:
        case web.HTTPNotFound():
            detail = f"There is no {_path(request)}. Begin with /v1/status."
        case web.HTTPMethodNotAllowed():
            detail = f"{_path(request)} takes {headers[hdrs.ALLOW]}, not {error.method}."
        case web.HTTPRequestEntityTooLarge():
            detail = f"Send at most {request.client_max_size} bytes."
        case _:
            detail = f"{error.reason}."
    status = HTTPStatus(error.status)
    kind = _BY_STATUS.get(status, Kind(f"http-{status.value}", status.value, status.phrase))
    return Problem(kind, detail, headers)


def _path(request: web.Request) -> str:
    return request.rel_url.raw_path


def _response(request: web.Request, problem: Problem) -> web.Response:
    kind = problem.kind
    members = {
        "type": f"/problems/{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": _path(request),
    }
    return web.Response(
        status=kind.status,
        body=orjson.dumps(members),
        content_type=MEDIA_TYPE,
        headers=problem.headers,
    )
