"""What holds the systems back, and how far they are read, as gauges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

from prometheus_client.core import GaugeMetricFamily, Metric

from adapters.ports.gate import BreakerState, HoldReason
from gateway.system_state import SystemState

BREAKER_VALUES = {BreakerState.CLOSED: 0.0, BreakerState.HALF_OPEN: 1.0, BreakerState.OPEN: 2.0}


def gauges(states: Iterable[SystemState]) -> Iterator[Metric]:
    """The gauges of all systems as they stood when they were asked for."""
    breaker = _gauge("breaker", "0: closed, 1: one command tries, 2: open.", "system")
    held = _gauge("system_held", "1 while this holds the commands of a system back.", "system", "reason")
    wait = _gauge("rate_wait_seconds", "How long the next attempt waits for the rate.", "system")
    left = _gauge("quota_left", "Attempts that the quota leaves for this day.", "system")
    behind = _gauge(
        "reader_behind_seconds", "Since the last whole look at changes; +Inf: none yet.", "system", "record"
    )
    for state in states:
        breaker.add_metric([state.system], BREAKER_VALUES[state.breaker])
        reasons = {each.reason: each for each in state.held}
        for reason in HoldReason:
            held.add_metric([state.system, reason], float(reason in reasons))
        until = reasons[HoldReason.RATE].until if HoldReason.RATE in reasons else None
        wait.add_metric([state.system], 0.0 if until is None else (until - state.at).total_seconds())
        if state.quota is not None and state.quota_used is not None:
            left.add_metric([state.system], float(max(state.quota - state.quota_used, 0)))
        for reader in state.readers:
            seconds = inf if reader.behind_seconds is None else reader.behind_seconds
            behind.add_metric([state.system, reader.record or ""], seconds)
    yield from (breaker, held, wait, left, behind)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tallystick_{name}", text, labels=labels)
