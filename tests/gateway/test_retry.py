"""When something is tried again: delays that grow, jitter that only adds, and an end."""

from __future__ import annotations

from itertools import count

import pytest

from gateway.retry import Retries, Rule
from gateway.retry_policy import RetriesPolicy
from schemas.verdicts import FailureClass

TIMEOUT, UNAVAILABLE = FailureClass.TIMEOUT, FailureClass.UNAVAILABLE


def delays(rule: Rule) -> list[float]:
    """Every delay without jitter, until a person is asked."""
    found: list[float] = []
    for tries in count(1):
        delay = rule.delay(tries, 0)
        if delay is None:
            return found
        found.append(delay)
    raise AssertionError("a count ends")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(5, 2, 60, 0, 200), [5, 10, 20, 40, 60, 60, 60]),
        (Rule(5, 2, 5, 0, 20), [5, 5, 5, 5]),
        (Rule(5, 1, 60, 0, 20), [5, 5, 5, 5]),
        (Rule(5, 3, 20, 0, 40), [5, 15, 20]),
        (Rule(5, 2, 60, 0, 1), [5]),
    ],
)
def test_delays_grow_to_the_longest_and_end_once_they_add_up_to_the_deadline(rule: Rule, expected: list[float]) -> None:
    assert delays(rule) == pytest.approx(expected)
    assert sum(expected[:-1]) < rule.deadline <= sum(expected)


@pytest.mark.parametrize("tries", [10**3, 10**9])
def test_a_great_many_tries_are_no_trouble(tries: int) -> None:
    assert Rule(0.05, 2, 0.05, 0, 1).delay(tries, 0) is None
    assert Rule(5, 1.0001, 3600, 0, 1e30).delay(tries, 0) == pytest.approx(5 * 1.0001**999 if tries == 10**3 else 3600)


@pytest.mark.parametrize(("chance", "expected"), [(0, 10.0), (0.5, 11.0), (1, 12.0)])
def test_jitter_adds_up_to_its_share_and_never_shortens(chance: float, expected: float) -> None:
    assert Rule(5, 2, 60, 0.2, 1000).delay(2, chance) == pytest.approx(expected)


def test_jitter_does_not_move_the_deadline() -> None:
    rule = Rule(5, 1, 5, 1.0, 20)
    assert [rule.delay(tries, 1) is None for tries in range(1, 7)] == [False] * 4 + [True] * 2


def test_a_class_without_a_rule_of_its_own_has_the_default() -> None:
    rules = Retries(Rule(first=1), {TIMEOUT: Rule(first=2)})
    assert [rules.of(each).first for each in (TIMEOUT, UNAVAILABLE, None)] == [2, 1, 1]
    assert rules.next_try(lambda: 0.0)(TIMEOUT, 1) == 2


def test_a_rule_of_the_policy_takes_what_it_leaves_out_from_the_default() -> None:
    policy = RetriesPolicy.model_validate(
        {"default": {"factor": 3, "jitter": 0}, "timeout": {"first_seconds": 60, "deadline_seconds": 600}}
    )
    rules = policy.retries(first_seconds=7)
    assert rules.default == Rule(first=7, factor=3, jitter=0)
    assert rules.of(TIMEOUT) == Rule(first=60, factor=3, jitter=0, deadline=600)
    assert rules.of(UNAVAILABLE) == rules.default


def test_a_first_delay_beyond_the_shipped_longest_is_the_longest() -> None:
    assert RetriesPolicy().retries(first_seconds=1000).default.longest == 1000


@pytest.mark.parametrize(
    "retries",
    [
        {"default": {"longest_seconds": 3}},
        {"default": {"first_seconds": 9, "longest_seconds": 3}},
        {"timeout": {"longest_seconds": 3}},
    ],
)
def test_delays_that_would_shrink_are_refused(retries: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="longest_seconds"):
        RetriesPolicy.model_validate(retries).retries(first_seconds=5)
