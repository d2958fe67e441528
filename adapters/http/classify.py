"""What an HTTP answer means for a command: the one table that decides between done, not done, and not known.

Rejected and Deferred are said only of answers which prove that nothing was done. All others are Unknown, which costs
a look-up; the other mistake would cost a second effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.http.answers import Answer, Problem
from adapters.ports.system import Absent
from schemas.commands import Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.verdicts import Failure, FailureClass

NOT_FOUND: Final = "not-found"
"""Problem type of a look-up that found nothing; a 404 without it may be a wrong path."""

IN_PROGRESS_WAIT: Final = 1.0
"""Seconds before the same key is tried again, where the system does not say."""

KEY_REUSED: Final = "idempotency_key_reused"
"""Our key came with another body before: something of ours was done under it, so this is no proof of nothing."""

THROTTLED: Final = frozenset({"throttled", "rate_limited", "quota_exceeded", "request_limit_exceeded"})
"""Codes by which a 401 or 403 is throttling in disguise."""

REFUSED_COLLISIONS: Final = frozenset({"version_moved", "version_conflict", "etag_mismatch", "precondition_failed"})
"""Codes of a 409 by which a system says that it did nothing: the record is not as the command takes it to be."""

CLASS_BY_CODE: Final[Mapping[str, FailureClass]] = MappingProxyType(
    {
        "mapping": FailureClass.MAPPING,
        "unmapped": FailureClass.MAPPING,
        "unknown_legal_entity": FailureClass.MAPPING,
        "unknown_tax_code": FailureClass.MAPPING,
    }
)
"""Refusals that a mapping file settles; every other refusal is a business rule."""

_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


def outcome_of(answer: Answer) -> Outcome:
    """What the answer to one attempt says of the command."""
    problem = answer.problem
    match answer.status:
        case 200 | 201 if answer.external_id is not None:
            return Confirmed(answer.external_id)
        case 400 | 422 if problem is not None and problem.code != KEY_REUSED:
            failure_class = CLASS_BY_CODE.get(problem.code or "", FailureClass.BUSINESS_RULE)
            return Rejected(_failure(answer, failure_class, "The system refused and gave no reason that can be shown."))
        case 409 if problem is not None and problem.code is not None:
            return _collision(answer, problem)
        case 408:
            return Unknown(_failure(answer, FailureClass.TIMEOUT, "The system gave up waiting for our request."))
        case _:
            return _turned_away(answer) or Unknown(_unproved(answer))


def finding_of(answer: Answer) -> Confirmed | Absent | Deferred | Unknown:
    """What the answer to a look-up says of the effect."""
    match answer.status:
        case 200 if answer.external_id is not None:
            return Confirmed(answer.external_id)
        case 404 if answer.problem is not None and answer.problem.type == NOT_FOUND:
            return Absent()
        case _:
            return _turned_away(answer) or Unknown(_unproved(answer))


def _turned_away(answer: Answer) -> Deferred | None:
    """What an answer says that is not about the request: our token, too many of them, closed for now."""
    problem = answer.problem
    match answer.status:
        case 401 | 403 if problem is None or problem.code not in THROTTLED:
            return Deferred(_failure(answer, FailureClass.AUTH, "The system does not accept our token."), None)
        case 401 | 402 | 403 | 429:
            failure = _failure(answer, FailureClass.RATE_LIMITED, "The system asks us to send less.")
            return Deferred(failure, answer.retry_after)
        case 503 if answer.retry_after is not None and problem is not None:
            failure = _failure(answer, FailureClass.UNAVAILABLE, "The system is closed for now.")
            return Deferred(failure, answer.retry_after)
        case _:
            return None


def _collision(answer: Answer, problem: Problem) -> Outcome:
    """A 409 that says what collides. Without a code it may be the draft's "still in progress" (section 2.7)."""
    match problem.code:
        case "in_progress":
            wait = IN_PROGRESS_WAIT if answer.retry_after is None else answer.retry_after
            return Deferred(_failure(answer, FailureClass.CONFLICT, "The same command is still in progress."), wait)
        case "reference_exists" if problem.id is not None:
            # Our reference belongs to this command alone, so what the system has under it is this command's effect.
            return Confirmed(problem.id)
        case "reference_exists":
            return Unknown(_unproved(answer))
        case code if code in REFUSED_COLLISIONS:
            failure = _failure(answer, FailureClass.CONFLICT, "The system holds something that collides with this.")
            return Rejected(failure)
        case _:
            # What collides may be the same command under way: systems have many words for that.
            return Unknown(_unproved(answer))


def _unproved(answer: Answer) -> Failure:
    """Whether a server fails, or only this request went wrong, decides whether the others are held back."""
    reason = f"The system answered {answer.status}, which does not prove whether it did anything."
    failure_class = FailureClass.UNAVAILABLE if answer.status >= 500 else FailureClass.UNKNOWN_OUTCOME
    return _failure(answer, failure_class, reason)


def _failure(answer: Answer, failure_class: FailureClass, reason: str) -> Failure:
    """A failure in the system's own words where it gave usable ones."""
    problem = answer.problem or Problem()
    code = problem.code if problem.code is not None and _CODE.fullmatch(problem.code) else f"http_{answer.status}"
    return Failure(failure_class, code, problem.detail or reason, problem.field)
