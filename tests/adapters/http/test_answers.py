"""Reading answers: bodies that cannot be trusted, waits asked for, and texts that must not be shown."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from adapters.http.answers import Problem, read_answer
from adapters.http.redaction import TEXT_CAP, without_secrets
from adapters.http.retry_after import seconds_to_wait
from schemas.verdicts import Failure, FailureClass

PROBLEM = CIMultiDict({"content-type": "Application/Problem+JSON; charset=utf-8"})
DATE = "Fri, 20 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("body", "external_id"),
    [
        (b'{"id": "B-1", "more": [1]}', "B-1"),
        ('{"id": "Größe"}'.encode(), "Größe"),
        (b'{"id": 1}', None),
        (b'{"id": ""}', None),
        (b'{"id": "a\\u0000b"}', None),
        (b'{"id": "' + b"x" * 201 + b'"}', None),
        (b'{"id": "B-1", "id": "B-2"}', None),
        (b'{"id": "B-1"', None),
        (b'["B-1"]', None),
        (b'{"id": "B-1", "rate": NaN}', None),
        (b'{"id": "\xff"}', None),
        (b'{"id": "B-1", "deep": ' + b"[" * 100_000, None),
        (b"<html>welcome</html>", None),
        (b"", None),
        (None, None),
    ],
)
def test_an_id_is_taken_only_from_a_sound_body(body: bytes | None, external_id: str | None) -> None:
    assert read_answer(201, CIMultiDict(), body, retry_after_cap=1).external_id == external_id


def test_a_problem_needs_its_media_type_and_ignores_members_of_the_wrong_type() -> None:
    body = b'{"type": "t", "code": 42, "detail": "Because.", "field": null, "id": ["x"]}'
    assert read_answer(422, PROBLEM, body, retry_after_cap=1).problem == Problem(type="t", detail="Because.")
    for headers in (CIMultiDict({"Content-Type": "application/json"}), CIMultiDict[str]()):
        assert read_answer(422, headers, body, retry_after_cap=1).problem is None
    assert read_answer(422, PROBLEM, b"<html>", retry_after_cap=1).problem is None


@pytest.mark.parametrize(
    ("retry_after", "date", "seconds"),
    [
        (None, DATE, None),
        ("0", None, 0.0),
        (" 120 ", None, 120.0),
        ("9" * 5000, None, 300.0),
        ("-1", None, None),
        ("1.5", None, None),
        ("\u0665", None, None),
        ("soon", DATE, None),
        ("", DATE, None),
        ("Fri, 20 Nov 2026 10:01:30 GMT", DATE, 90.0),
        ("Fri, 20 Nov 2026 10:01:30 -0000", DATE, 90.0),
        ("Fri, 20 Nov 2026 09:00:00 GMT", DATE, 0.0),
        ("Fri, 20 Nov 2099 10:00:00 GMT", DATE, 300.0),
        ("Fri, 20 Nov 2026 10:01:30 GMT", None, 300.0),
        ("Fri, 20 Nov 2026 10:01:30 GMT", "yesterday", 300.0),
    ],
)
def test_retry_after_counts_from_the_answer_itself(
    retry_after: str | None, date: str | None, seconds: float | None
) -> None:
    assert seconds_to_wait(retry_after, date, cap=300.0) == seconds


BODY = b'{"customer_id":"C1","name":"Northwind Advisory","tax_id":"DE 123 456 789","currency":"EUR"}'


def cleaned(reason: str, code: str = "code", field: str | None = None, body: bytes = BODY) -> Failure:
    failure = Failure(FailureClass.BUSINESS_RULE, code, reason, field)
    return without_secrets(failure, token="s3cret", body=body)


def test_ordinary_words_are_kept_on_one_line() -> None:
    assert cleaned('Customer "Northwind Advisory"\n is\tunknown.').reason == 'Customer "Northwind Advisory" is unknown.'
    assert cleaned("bell \x07").reason == "bell ?"
    assert len(cleaned("y" * 10_000).reason) == TEXT_CAP


@pytest.mark.parametrize(
    "reason",
    [
        "The token s3cret has expired.",
        f"Cannot read {BODY.decode()}",
        'Cannot read { "customer_id" : "C1", "name" : "Northwind Advisory", "tax_id" : "DE 123 456 789" }',
        'Cannot read "{\\"customer_id\\":\\"C1\\",\\"name\\":\\"Northwind Advisory\\",\\"tax_id\\":\\"DE 123 456 789',
    ],
)
def test_a_reason_that_repeats_token_or_body_is_withheld(reason: str) -> None:
    assert cleaned(reason).reason == "The system's explanation repeats the request and is withheld."


def test_code_and_field_are_withheld_likewise() -> None:
    failure = cleaned("Because.", code="s3cret", field="x-s3cret")
    assert (failure.code, failure.field, failure.reason) == ("withheld", None, "Because.")


def test_a_short_body_is_found_whole() -> None:
    assert "withheld" in cleaned('Cannot read {"id": "A7"}.', body=b'{"id":"A7"}').reason
    assert cleaned("Cannot read.", body=b"{}").reason == "Cannot read."
