"""The pace of a replay: its ramp, its rate, and when it stops by itself."""

from __future__ import annotations

import pytest

from adapters.ports.replays import Progress
from gateway.replay.pacing import MOST_MOVING, Bucket, allowance, bound, too_many_failures, waves


def test_the_ramp_ends_where_the_rate_begins() -> None:
    assert [list(waves(rate)) for rate in (1, 2, 30)] == [[], [1], [1, 2, 5, 10, 20]]
    assert (bound(1, 0), bound(2, 0), bound(2, 1)) == (None, 1, None)


def test_each_wave_waits_for_the_one_before() -> None:
    # The bounds are sums: one message, then two more, then five more
    assert [bound(100, settled) for settled in (0, 1, 2, 3, 7, 8)] == [1, 3, 3, 8, 8, 18]


def test_a_bucket_fills_with_time_up_to_a_second() -> None:
    bucket = Bucket(10, filled_at=0.0)
    assert (bucket.fill(0.0), bucket.fill(0.55), bucket.fill(60.0)) == (1, 6, 10)
    # A long lane overdraws it, and it fills up again
    bucket.take(25)
    assert (bucket.fill(61.0), bucket.fill(61.7)) == (0, 2)


@pytest.mark.parametrize(
    ("released", "settled", "moving", "resting", "allowed"),
    [
        (0, 0, 0, 0, 1),
        (1, 0, 1, 0, 0),
        (1, 1, 0, 0, 2),
        # What waits has come to rest, though it is recorded at the end
        (1, 0, 0, 1, 2),
        # A lane longer than its wave is made up for
        (9, 9, 0, 0, 9),
        (5000, 5000 - MOST_MOVING, MOST_MOVING, 0, 0),
    ],
)
def test_what_may_be_released(released: int, settled: int, moving: int, resting: int, allowed: int) -> None:
    progress = Progress(released, settled)
    assert allowance(progress, 100, moving=moving, resting=resting, room=100) == allowed


def test_a_resumed_replay_begins_with_its_ramp_again() -> None:
    progress = Progress(released=500, settled=500, released_before=500, settled_before=500)
    assert allowance(progress, 100, moving=0, resting=0, room=100) == 1


@pytest.mark.parametrize(
    ("settled", "failed", "share", "stops"),
    [(4, 4, 0.1, False), (5, 1, 0.2, True), (10, 1, 0.2, False), (10, 2, 0.2, True), (10, 10, None, False)],
)
def test_it_stops_on_a_share_of_failures(settled: int, failed: int, share: float | None, stops: bool) -> None:  # noqa: FBT001
    assert (too_many_failures(Progress(settled, settled, failed), share) is not None) is stops


def test_failures_before_a_resume_do_not_stop_it_again() -> None:
    progress = Progress(20, 20, 10, settled_before=10, failed_before=10)
    assert too_many_failures(progress, 0.1) is None
