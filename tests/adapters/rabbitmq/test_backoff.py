"""Waits grow, are bounded, spread, and start over after a success."""

from __future__ import annotations

from adapters.rabbitmq.backoff import SETTLED, Retry, growing


def test_waits_double_up_to_the_most_and_are_spread_over_their_upper_half() -> None:
    delay = growing(first=0.1, most=5.0)
    for failures, whole in ((1, 0.1), (2, 0.2), (5, 1.6), (7, 5.0), (10_000, 5.0)):
        waits = [delay(failures) for _ in range(100)]
        assert whole / 2 <= min(waits) < max(waits) <= whole


def test_a_flapping_connection_waits_longer_each_time_and_one_that_lasted_starts_over() -> None:
    retry = Retry(float)
    assert [retry.after(lasted) for lasted in (0, 1, SETTLED - 1, SETTLED, 0)] == [1, 2, 3, 1, 2]
