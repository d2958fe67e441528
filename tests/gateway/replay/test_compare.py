"""What became of messages, beside what was predicted."""

from __future__ import annotations

import pytest

from adapters.ports.replays import Landed, Outcome, Progress
from gateway.replay.compare import counted, failed, fate
from schemas.verdicts import Verdict

APPLIED, PARKED, WAITING = Verdict.APPLIED, Verdict.PARKED, Verdict.WAITING
AS_PLANNED = Landed(1, APPLIED, None, APPLIED, None, None, None)
FAILED = Landed(2, APPLIED, None, PARKED, "rate_missing", "set a rate", None)


@pytest.mark.parametrize(
    ("landed", "outcome", "said"),
    [
        (AS_PLANNED, Outcome.AS_PLANNED, None),
        (FAILED, Outcome.OTHERWISE, "applied was predicted; set a rate"),
        (FAILED._replace(predicted=PARKED, predicted_code="rate_missing"), Outcome.AS_PLANNED, "set a rate"),
        (
            FAILED._replace(predicted=PARKED, predicted_code="tax"),
            Outcome.OTHERWISE,
            "parked was predicted; set a rate",
        ),
        # A case on what waits says that it waits for long, which no plan knows
        (AS_PLANNED._replace(predicted=WAITING, verdict=WAITING, code="wait_overdue"), Outcome.AS_PLANNED, None),
        (
            FAILED._replace(moved=("project/P1", "rate_card/R1")),
            Outcome.MOVED,
            "applied was predicted before project/P1, rate_card/R1 changed; set a rate",
        ),
        (AS_PLANNED._replace(verdict=Verdict.SUPERSEDED), Outcome.CHANGED, "it was superseded meanwhile"),
        (AS_PLANNED._replace(verdict=None), Outcome.CHANGED, "it was not there any more"),
        (AS_PLANNED._replace(predicted=None), Outcome.CHANGED, "it was not there any more"),
        (AS_PLANNED._replace(why="its lane is open already"), Outcome.CHANGED, "its lane is open already"),
    ],
)
def test_an_outcome_and_why(landed: Landed, outcome: Outcome, said: str | None) -> None:
    found = fate(landed, same_policy=True)
    assert (found.outcome, found.reason) == (outcome, said)


def test_another_policy_explains_a_difference_and_no_agreement() -> None:
    assert fate(FAILED, same_policy=False).outcome is Outcome.MOVED
    assert fate(AS_PLANNED, same_policy=False).outcome is Outcome.AS_PLANNED


def test_what_was_predicted_to_fail_is_no_failure() -> None:
    assert failed(FAILED)
    assert not failed(FAILED._replace(predicted=PARKED))
    assert not failed(FAILED._replace(why="its lane is open already"))


def test_messages_are_counted_on() -> None:
    landed = [AS_PLANNED, FAILED]
    fates = [fate(each, same_policy=True) for each in landed]
    progress = counted(Progress(5, 2, 1, {Outcome.AS_PLANNED: 2}), landed, fates)
    assert progress == Progress(5, 4, 2, {Outcome.AS_PLANNED: 3, Outcome.OTHERWISE: 1})
