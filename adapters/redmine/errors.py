"""What Redmine's answers mean for a command; pure.

A reading call that failed has done nothing, whatever came back: who reads before writing says Deferred of it. Of a
writing call, Rejected and Deferred are said only where the answer proves that nothing was written.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from adapters.http.redaction import without_secrets
from adapters.redmine.answers import Answer, NoAnswer, Reply
from schemas.commands import Deferred, Rejected, Unknown
from schemas.verdicts import Failure, FailureClass

KEY_REFUSED: Final = (
    "Redmine does not accept our key: check that the key is right, that its user is active, and that the REST API is "
    "switched on (Administration, Settings, API)."
)


def of_read(reply: Reply) -> Deferred | Unknown:
    """What it means for the question that its answer is of no use."""
    match reply:
        case NoAnswer(outcome):
            return outcome
        case Answer():
            return _turned_away(reply) or Unknown(Failure(FailureClass.UNAVAILABLE, *_useless(reply)))
        case _:
            assert_never(reply)


def of_write(reply: Reply, *, forbidden: str) -> Rejected | Deferred | Unknown:
    """What it means for the command that its writing call was not answered with success.

    `forbidden` says what to change where Redmine refuses the right: it answers 403 and nothing else. Of a 503 it is
    not known who said it: a proxy may say so of a request that went through.
    """
    match reply:
        case NoAnswer(outcome):
            return outcome
        case Answer(status=403):
            return Rejected(Failure(FailureClass.AUTH, "right_missing", forbidden))
        case Answer(status=422) if reply.sentences:
            return Rejected(Failure(FailureClass.BUSINESS_RULE, "refused", ". ".join(reply.sentences) + "."))
        case Answer(status=503):
            return Unknown(Failure(FailureClass.UNAVAILABLE, *_unproved(reply)))
        case Answer():
            failure_class = FailureClass.UNAVAILABLE if reply.status >= 500 else FailureClass.UNKNOWN_OUTCOME
            return _turned_away(reply) or Unknown(Failure(failure_class, *_unproved(reply)))
        case _:
            assert_never(reply)


def told(outcome: Rejected | Deferred | Unknown, *, key: str, body: bytes) -> Rejected | Deferred | Unknown:
    """The outcome without those of Redmine's words that repeat our key or the command's body."""
    return replace(outcome, failure=without_secrets(outcome.failure, token=key, body=body))


def _turned_away(answer: Answer) -> Deferred | None:
    """What an answer says that is not about the request: our key, too many of them, closed for now."""
    match answer.status:
        case 401:
            return Deferred(Failure(FailureClass.AUTH, "key_refused", KEY_REFUSED), None)
        case 403:
            reason = "Redmine lets our user in and shows it nothing: give it a role, see what the system's test says."
            return Deferred(Failure(FailureClass.AUTH, "right_missing", reason), None)
        case 429:
            failure = Failure(FailureClass.RATE_LIMITED, "http_429", "The server before Redmine asks us to send less.")
            return Deferred(failure, answer.retry_after)
        case 503:
            failure = Failure(FailureClass.UNAVAILABLE, "http_503", "Redmine is closed for now.")
            return Deferred(failure, answer.retry_after)
        case _:
            return None


def _useless(answer: Answer) -> tuple[str, str]:
    """Code and reason for an answer that is not what Redmine's REST API says."""
    match answer:
        case Answer(body=None):
            return "too_long", "The answer is longer than we read."
        case Answer(status=status) if 300 <= status < 400:
            return f"http_{status}", "The answer is a redirect: correct `url` to where Redmine itself answers."
        case Answer(status=status) if status >= 500:
            return f"http_{status}", f"Redmine answered {status}."
        case Answer(status=status):
            return f"http_{status}", f"The answer, {status}, is not that of a Redmine: correct `url`."


def _unproved(answer: Answer) -> tuple[str, str]:
    return f"http_{answer.status}", f"Redmine answered {answer.status}, which does not prove whether it did anything."
