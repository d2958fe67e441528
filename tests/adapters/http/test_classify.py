"""The table of answers: what each proves, and that nothing else is taken for a proof."""

from __future__ import annotations

import pytest

from adapters.http.answers import Answer, Problem
from adapters.http.classify import finding_of, outcome_of
from adapters.ports.system import Absent
from schemas.commands import Confirmed, Deferred, Rejected, Unknown
from schemas.verdicts import FailureClass

RULE, MAPPING, CONFLICT = FailureClass.BUSINESS_RULE, FailureClass.MAPPING, FailureClass.CONFLICT
AUTH, LIMITED, UNAVAILABLE = FailureClass.AUTH, FailureClass.RATE_LIMITED, FailureClass.UNAVAILABLE
PLAIN = Problem()


def saying(code: str) -> Problem:
    return Problem(code=code, detail="Because.")


@pytest.mark.parametrize("status", [200, 201])
def test_a_made_effect_with_an_id_is_confirmed(status: int) -> None:
    assert outcome_of(Answer(status, external_id="B-1")) == Confirmed("B-1")


@pytest.mark.parametrize(
    ("answer", "failure_class", "code"),
    [
        (Answer(400, problem=saying("closed_period")), RULE, "closed_period"),
        (Answer(422, problem=saying("closed_period")), RULE, "closed_period"),
        (Answer(422, problem=saying("unknown_legal_entity")), MAPPING, "unknown_legal_entity"),
        (Answer(422, problem=saying("unmapped")), MAPPING, "unmapped"),
        (Answer(422, problem=saying("not a code, but prose")), RULE, "http_422"),
        (Answer(422, problem=PLAIN), RULE, "http_422"),
        (Answer(409, problem=saying("version_moved")), CONFLICT, "version_moved"),
    ],
)
def test_a_refusal_with_a_problem_is_rejected(answer: Answer, failure_class: FailureClass, code: str) -> None:
    outcome = outcome_of(answer)
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.failure_class, outcome.failure.code) == (failure_class, code)


@pytest.mark.parametrize(
    ("answer", "failure_class", "retry_after"),
    [
        (Answer(401), AUTH, None),
        (Answer(403, retry_after=5.0), AUTH, None),
        (Answer(403, problem=saying("missing_scope")), AUTH, None),
        (Answer(403, problem=saying("request_limit_exceeded"), retry_after=5.0), LIMITED, 5.0),
        (Answer(401, problem=saying("throttled")), LIMITED, None),
        (Answer(402), LIMITED, None),
        (Answer(429), LIMITED, None),
        (Answer(429, retry_after=7.0), LIMITED, 7.0),
        (Answer(503, problem=saying("maintenance"), retry_after=0.0), UNAVAILABLE, 0.0),
        (Answer(409, problem=saying("in_progress")), CONFLICT, 1.0),
        (Answer(409, problem=saying("in_progress"), retry_after=3.0), CONFLICT, 3.0),
    ],
)
def test_what_asks_us_to_come_back_is_deferred(
    answer: Answer, failure_class: FailureClass, retry_after: float | None
) -> None:
    outcome = outcome_of(answer)
    assert isinstance(outcome, Deferred)
    assert (outcome.failure.failure_class, outcome.retry_after) == (failure_class, retry_after)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200),  # a body that we cannot read
        Answer(202, external_id="job-1"),  # accepted is not done
        Answer(204),
        Answer(207, external_id="B-1"),  # some of it
        Answer(301),
        Answer(303),
        Answer(400),  # an error page of whatever stands in between
        Answer(422),
        Answer(422, problem=saying("idempotency_key_reused")),
        Answer(404),
        Answer(404, problem=Problem(type="not-found")),
        Answer(405, problem=PLAIN),
        Answer(408),
        Answer(409),
        Answer(409, problem=saying("request_in_progress")),  # a word for it that we do not know
        Answer(409, problem=PLAIN),  # the draft's "in progress" needs no code
        Answer(409, problem=saying("reference_exists")),
        Answer(412, problem=PLAIN),
        Answer(418, problem=PLAIN),
        Answer(500, problem=saying("closed_period")),
        Answer(502, retry_after=1.0),
        Answer(503),
        Answer(503, retry_after=5.0),  # a proxy may say this of a request that went through
        Answer(504),
    ],
)
def test_everything_else_is_unknown(answer: Answer) -> None:
    assert isinstance(outcome_of(answer), Unknown)


def test_a_bare_status_proves_nothing_but_throttling_and_refused_access() -> None:
    outcomes = {status: outcome_of(Answer(status)) for status in range(100, 1000)}
    assert {status for status, outcome in outcomes.items() if isinstance(outcome, Deferred)} == {401, 402, 403, 429}
    assert sum(isinstance(outcome, Unknown) for outcome in outcomes.values()) == len(outcomes) - 4


def test_our_reference_with_an_id_is_our_effect() -> None:
    existing = Problem(code="reference_exists", detail="There is one.", id="B-1")
    assert outcome_of(Answer(409, problem=existing)) == Confirmed("B-1")


def test_a_refusal_keeps_the_words_and_the_field_of_the_system() -> None:
    outcome = outcome_of(Answer(422, problem=Problem(code="closed_period", detail="May is closed.", field="work_date")))
    assert isinstance(outcome, Rejected)
    assert (outcome.failure.reason, outcome.failure.field) == ("May is closed.", "work_date")


def test_a_look_up_finds() -> None:
    assert finding_of(Answer(200, external_id="B-1")) == Confirmed("B-1")


def test_only_the_problem_type_of_the_look_up_says_absent() -> None:
    assert finding_of(Answer(404, problem=Problem(type="not-found"))) == Absent()
    for other in (Answer(404), Answer(404, problem=Problem(type="about:blank")), Answer(410), Answer(200), Answer(503)):
        assert isinstance(finding_of(other), Unknown)


@pytest.mark.parametrize(
    ("answer", "failure_class", "retry_after"),
    [
        (Answer(401), AUTH, None),
        (Answer(403), AUTH, None),
        (Answer(429, retry_after=7.0), LIMITED, 7.0),
        (Answer(503, problem=saying("maintenance"), retry_after=9.0), UNAVAILABLE, 9.0),
    ],
)
def test_a_look_up_that_is_turned_away_is_asked_later(
    answer: Answer, failure_class: FailureClass, retry_after: float | None
) -> None:
    finding = finding_of(answer)
    assert isinstance(finding, Deferred)
    assert (finding.failure.failure_class, finding.retry_after) == (failure_class, retry_after)


@pytest.mark.parametrize(
    ("status", "failure_class"),
    [(500, UNAVAILABLE), (502, UNAVAILABLE), (503, UNAVAILABLE), (504, UNAVAILABLE), (408, FailureClass.TIMEOUT),
     (404, FailureClass.UNKNOWN_OUTCOME), (418, FailureClass.UNKNOWN_OUTCOME)],
)  # fmt: skip
def test_whether_a_failure_speaks_of_the_system_stands_in_its_class(status: int, failure_class: FailureClass) -> None:
    outcome = outcome_of(Answer(status))
    assert isinstance(outcome, Unknown)
    assert outcome.failure.failure_class is failure_class
