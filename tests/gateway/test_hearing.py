"""What an answer says of the system, whatever it means for the command."""

from __future__ import annotations

import pytest

from adapters.ports.gate import BreakerRule, Heard, Speech
from adapters.ports.system import NOT_BEGUN, Absent
from gateway.hearing import SHORTEST_WAIT, Ear, holds_the_system
from gateway.retry import Retries, Rule
from schemas.commands import Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.verdicts import Failure, FailureClass

RULE = BreakerRule(failures=3)
EAR = Ear(RULE, Retries(Rule(first=5), {FailureClass.RATE_LIMITED: Rule(first=30)}), longest_wait=900)


def failure(failure_class: FailureClass) -> Failure:
    return Failure(failure_class, "code", "reason")


def deferred(failure_class: FailureClass, retry_after: float | None = None) -> Deferred:
    return Deferred(failure(failure_class), retry_after)


UNAVAILABLE, LIMITED, TIMEOUT = FailureClass.UNAVAILABLE, FailureClass.RATE_LIMITED, FailureClass.TIMEOUT


@pytest.mark.parametrize(
    ("outcome", "speech", "wait"),
    [
        (Confirmed("7"), Speech.WELL, None),
        (Absent(), Speech.WELL, None),
        (Rejected(failure(FailureClass.BUSINESS_RULE)), Speech.WELL, None),
        (Unknown(failure(FailureClass.UNKNOWN_OUTCOME)), Speech.WELL, None),
        (Unknown(failure(UNAVAILABLE)), Speech.FAILED, None),
        (Unknown(failure(TIMEOUT)), Speech.FAILED, None),
        (deferred(UNAVAILABLE), Speech.FAILED, None),
        (deferred(UNAVAILABLE, 60), Speech.NEITHER, 60),
        (deferred(LIMITED, 60), Speech.NEITHER, 60),
        (deferred(LIMITED, 86_400), Speech.NEITHER, 900),
        (deferred(LIMITED, 0), Speech.NEITHER, SHORTEST_WAIT),
        (deferred(LIMITED), Speech.FAILED, 30),
        (deferred(FailureClass.AUTH), Speech.REFUSED, None),
        (deferred(FailureClass.CONFLICT, 1), Speech.WELL, None),
        (NOT_BEGUN, Speech.NEITHER, None),
    ],
)
def test_an_outcome_speaks_of_its_system(outcome: Outcome | Absent, speech: Speech, wait: float | None) -> None:
    assert EAR.heard(outcome) == Heard(speech, RULE, wait)


@pytest.mark.parametrize("failure_class", list(FailureClass))
@pytest.mark.parametrize("retry_after", [None, 3.0])
def test_every_class_is_heard(failure_class: FailureClass, retry_after: float | None) -> None:
    heard = EAR.heard(deferred(failure_class, retry_after))
    assert holds_the_system(heard) == (
        failure_class in (FailureClass.AUTH, LIMITED) or (failure_class is UNAVAILABLE and retry_after is not None)
    )
