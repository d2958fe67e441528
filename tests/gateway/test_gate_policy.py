"""The part `gate` of the policy file: what it allows, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from adapters.ports.gate import BreakerRule, Hold, HoldReason, Limits
from gateway.gate import SystemGate
from gateway.gate_policy import GatePolicy

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""A Saturday."""


def test_nothing_written_is_no_limit_but_a_breaker() -> None:
    policy = GatePolicy()
    assert policy.limits(16, NOON) == Limits(concurrency=16, resets=[])
    assert policy.breaker.rule == BreakerRule(5, 10, 300)
    assert SystemGate(policy, 16, lambda: NOON).closed() is None


@pytest.mark.parametrize(("rate", "burst", "expected"), [(0.5, None, 1), (2.5, None, 3), (2.5, 10, 10)])
def test_a_burst_is_that_of_a_second_unless_it_is_written(rate: float, burst: int | None, expected: int) -> None:
    assert GatePolicy(rate_per_second=rate, burst=burst).limits(1, NOON).burst == expected


def test_a_quota_knows_the_resets_around_now() -> None:
    limits = GatePolicy(daily_quota=7, quota_resets_at="13:30", time_zone="Europe/Berlin").limits(1, NOON)
    assert limits.quota == 7
    assert max(moment for moment in limits.resets if moment <= NOON) == datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    assert min(moment for moment in limits.resets if moment > NOON) == datetime(2026, 11, 21, 12, 30, tzinfo=UTC)


def test_closed_hours_hold_until_they_open() -> None:
    gate = SystemGate(GatePolicy(windows=("mon-fri 08:00-18:00",)), 16, lambda: NOON)
    assert gate.closed() == Hold(HoldReason.WINDOW, 44 * 3600)


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ({"windows": ["mo 08:00-18:00"]}, "as in `mon-fri 08:00-18:00`"),
        ({"time_zone": "Europe/Atlantis"}, "IANA name, as in Europe/Berlin"),
        ({"time_zone": "../etc"}, "IANA name"),
        ({"burst": 5}, "burst counts only with rate_per_second"),
        ({"rate_per_second": 0}, "greater than 0"),
        ({"daily_quota": 0}, "greater than or equal to 1"),
        ({"quota_resets_at": "24:00"}, "pattern"),
        ({"breaker": {"open_seconds": 500}}, "longest_seconds is below open_seconds"),
        ({"closed_on": ["Christmas"]}, "date"),
        ({"rate": 5}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_told(gate: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        GatePolicy.model_validate(gate)
    assert told in str(caught.value)
