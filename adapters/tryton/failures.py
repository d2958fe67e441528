"""What a call that Tryton did not carry out means for a command whose writing call it was. Pure.

Rejected and Deferred are said only of what proves that the call's transaction was rolled back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.tryton.values import decode
from schemas.commands import Deferred, Rejected, Unknown
from schemas.verdicts import Failure, FailureClass

CONFLICT_WAIT: Final = 0.5
"""Seconds after which a call is made again that met another one at the same record."""

LOCKED: Final = "could not obtain lock"
"""PostgreSQL's words when another transaction holds a row that is taken without waiting: a number sequence. Tryton
passes them on in a page of status 503, and they can only come before its commit."""


class Failed(Exception):
    """A call was not carried out, or nobody knows; `outcome` says what that means for the command."""

    def __init__(self, outcome: Rejected | Deferred | Unknown) -> None:
        super().__init__(outcome.failure.code)
        self.outcome = outcome


class Warned(Failed):
    """Tryton wants a consent before it goes on; `warning` is the name under which it is given."""

    def __init__(self, outcome: Rejected, warning: str) -> None:
        super().__init__(outcome)
        self.warning = warning


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `retry_after` is in seconds; `body` is None if it was over the cap."""

    status: int
    retry_after: float | None
    body: bytes | None


def result_of(reply: Reply) -> object:
    """The result in a reply; else raises `Failed` with what the call came to, `Warned` where a consent is asked."""
    if reply.status != 200:
        raise Failed(_refused(reply))
    try:
        members = decode(reply.body or b"")
    except ValueError:
        members = None
    match members:
        case {"error": [str(kind), *details]}:
            raise _raised(kind, details)
        case {"result": result}:
            return result
        case _:
            reason = "The answer was not Tryton's JSON, so it does not prove whether anything was done."
            raise Failed(Unknown(Failure(FailureClass.UNKNOWN_OUTCOME, "answer_unreadable", reason)))


def of_a_reading_call(outcome: Rejected | Deferred | Unknown) -> Rejected | Deferred:
    """A call that changes nothing has done nothing, whatever came of it."""
    return Deferred(outcome.failure, None) if isinstance(outcome, Unknown) else outcome


def _raised(kind: str, details: list[object]) -> Failed:
    """What Tryton's program raised: it has rolled back what the call had done (trytond/protocols/dispatcher.py)."""
    match kind, details:
        case "UserError", [[str(message), *_], *_]:
            return Failed(Rejected(Failure(FailureClass.BUSINESS_RULE, "user_error", message)))
        case "UserWarning", [str(name), str(message), *_]:
            reason = f"{message} (Tryton asks for consent to {name}: settle it there, or allow it by `acknowledge`)"
            return Warned(Rejected(Failure(FailureClass.BUSINESS_RULE, "user_warning", reason)), name)
        case "ConcurrencyException", _:
            reason = "The record was changed in Tryton between our reading and our writing."
            return Failed(Deferred(Failure(FailureClass.CONFLICT, "changed_meanwhile", reason), CONFLICT_WAIT))
        case "LoginException", _:
            reason = "Tryton wants more than a password of this user: take a user that logs in with a password alone."
            return Failed(Deferred(Failure(FailureClass.AUTH, "login_unfinished", reason), None))
        case "RateLimitException", _:
            return Failed(_throttled(None))
        case _:
            # Any other exception of its program, perhaps of the commit itself.
            reason = "Tryton failed in a way that does not prove whether it did anything."
            return Failed(Unknown(Failure(FailureClass.UNKNOWN_OUTCOME, "server_error", reason)))


def _refused(reply: Reply) -> Rejected | Deferred | Unknown:
    match reply.status:
        case 401:
            reason = "Tryton does not accept our user and password."
            return Deferred(Failure(FailureClass.AUTH, "login_refused", reason), None)
        case 403:
            reason = (
                "Tryton, or what stands before it, does not let us call: is it of series 8.0, and are we let through?"
            )
            return Deferred(Failure(FailureClass.AUTH, "forbidden", reason), None)
        case 422:
            reason = "Tryton could not read the call: is it of series 8.0?"
            return Rejected(Failure(FailureClass.INTERNAL, "call_unreadable", reason))
        case 429:
            return _throttled(reply.retry_after)
        case 503 if LOCKED in (reply.body or b"").decode(errors="replace"):
            reason = "Another posting holds the number sequence."
            return Deferred(Failure(FailureClass.CONFLICT, "sequence_locked", reason), CONFLICT_WAIT)
        case status:
            failure_class = FailureClass.UNAVAILABLE if status >= 500 else FailureClass.UNKNOWN_OUTCOME
            reason = f"Tryton answered {status}, which does not prove whether it did anything."
            return Unknown(Failure(failure_class, f"http_{status}", reason))


def _throttled(retry_after: float | None) -> Deferred:
    reason = "Tryton asks us to send less, or to log in less often."
    return Deferred(Failure(FailureClass.RATE_LIMITED, "throttled", reason), retry_after)
