"""What each answer of Tryton means for a command."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from adapters.tryton.failures import CONFLICT_WAIT, Failed, Reply, Warned, of_a_reading_call, result_of
from schemas.commands import Deferred, Rejected, Unknown
from schemas.verdicts import FailureClass


def failed(
    status: int = 200, *, error: Any = None, body: bytes | None = None, retry_after: float | None = None
) -> Failed:
    """What a reply is read as; `error` as Tryton puts it into its JSON."""
    content = body if error is None else orjson.dumps({"id": 0, "error": error})
    with pytest.raises(Failed) as caught:
        result_of(Reply(status, retry_after, content))
    return caught.value


def test_a_result_is_the_result() -> None:
    assert result_of(Reply(200, None, b'{"id":0,"result":[5]}')) == [5]
    assert result_of(Reply(200, None, b'{"id":0,"result":null}')) is None


def test_a_business_rule_rejects_in_tryton_s_words() -> None:
    outcome = failed(error=["UserError", ["The code on party must be unique.", "", None]]).outcome
    assert isinstance(outcome, Rejected)
    assert outcome.failure.failure_class is FailureClass.BUSINESS_RULE
    assert outcome.failure.reason == "The code on party must be unique."


def test_a_warning_names_what_wants_consent() -> None:
    warned = failed(error=["UserWarning", "0f3c.invoice_taxes", "The invoice has other taxes.", ""])
    assert isinstance(warned, Warned)
    assert warned.warning == "0f3c.invoice_taxes"
    assert isinstance(warned.outcome, Rejected)
    assert "acknowledge" in warned.outcome.failure.reason


@pytest.mark.parametrize(
    ("status", "error", "body", "failure_class", "retry_after"),
    [
        (200, ["ConcurrencyException", "Records were modified"], None, FailureClass.CONFLICT, CONFLICT_WAIT),
        (503, None, b"<p>could not obtain lock on row in ir_sequence_strict", FailureClass.CONFLICT, CONFLICT_WAIT),
        (401, None, b"", FailureClass.AUTH, None),
        (403, None, b"<html>", FailureClass.AUTH, None),
        (200, ["LoginException", ["password", "Password", "password"]], None, FailureClass.AUTH, None),
        (429, None, b"", FailureClass.RATE_LIMITED, 7.0),
    ],
)  # fmt: skip
def test_what_proves_that_nothing_was_done_and_may_pass_is_deferred(
    status: int, error: Any, body: bytes | None, failure_class: FailureClass, retry_after: float | None
) -> None:
    outcome = failed(status, error=error, body=body, retry_after=7.0).outcome
    assert isinstance(outcome, Deferred)
    assert (outcome.failure.failure_class, outcome.retry_after) == (failure_class, retry_after)


@pytest.mark.parametrize(
    ("status", "error", "body"),
    [
        (500, None, b""),
        (502, None, b"<html>"),
        (503, None, b"<p>server closed the connection unexpectedly</p>"),  # perhaps at its commit
        (504, None, b""),
        (404, None, b"<html>"),
        (200, None, b"<html>"),
        (200, None, b'{"id":0}'),
        (200, ["'nope'", ""], None),  # another exception of its program
    ],
)
def test_everything_else_proves_nothing(status: int, error: Any, body: bytes | None) -> None:
    assert isinstance(failed(status, error=error, body=body).outcome, Unknown)


def test_an_answer_over_the_cap_proves_nothing() -> None:
    assert isinstance(failed(200, body=None).outcome, Unknown)


def test_a_call_that_reads_has_done_nothing_whatever_came_of_it() -> None:
    unknown = failed(500, body=b"").outcome
    assert of_a_reading_call(unknown) == Deferred(unknown.failure, None)
    rejected = failed(error=["UserError", ["no", "", None]]).outcome
    assert of_a_reading_call(rejected) is rejected
