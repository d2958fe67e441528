"""The rules of a gate as a small state machine: what it lets pass, and what it learns. Pure; times are an argument.

The same rules stand in SQL, where the store on PostgreSQL applies them; one contract and a test that plays random
histories against both hold the two together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from adapters.ports.gate import BreakerState, Heard, Hold, HoldReason, Limits, Speech


@dataclass(slots=True)
class Gate:
    """The gate of one system. Times are seconds of the store's clock.

    `opened` counts how often the breaker opened since it was last closed; 0: it is closed. `trial` is the token of the
    lease under which one command tries whether the system is back.
    """

    failures: int = 0
    opened: int = 0
    open_until: float | None = None
    trial: UUID | None = None
    last_failure: str | None = None
    last_failure_at: float | None = None
    wait_until: float | None = None
    paused_at: float | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    tokens: float | None = None
    tokens_at: float | None = None
    used: int = 0
    quota_since: float | None = None

    def breaker(self, now: float) -> BreakerState:
        """The breaker at `now`: it becomes half open by itself."""
        if self.opened == 0:
            return BreakerState.CLOSED
        return BreakerState.OPEN if (self.open_until or 0.0) > now else BreakerState.HALF_OPEN


@dataclass(frozen=True, slots=True)
class Admission:
    """How many may pass. With a `hold` that is fewer than asked for."""

    count: int
    hold: Hold | None = None


def refreshed(gate: Gate, limits: Limits, now: float) -> Gate:
    """The gate with its bucket refilled and its quota's day begun, as of `now`."""
    fresh = replace(gate)
    if limits.rate is not None:
        fresh.tokens, fresh.tokens_at = float(limits.burst), now
        if gate.tokens is not None and gate.tokens_at is not None:
            fresh.tokens = min(gate.tokens + max(now - gate.tokens_at, 0.0) * limits.rate, fresh.tokens)
    if limits.quota is not None:
        resets = [moment.timestamp() for moment in limits.resets]
        since = max((moment for moment in resets if moment <= now), default=None)
        if since is not None and (gate.quota_since is None or since > gate.quota_since):
            fresh.used, fresh.quota_since = 0, since
    return fresh


def admit(gate: Gate, wanted: int, in_flight: int, limits: Limits, now: float, *, trial_runs: bool) -> Admission:
    """How many of `wanted` commands may be leased now, at a gate that was `refreshed`.

    `in_flight` are attempts of all processes, `trial_runs` says whether the trial's lease is still held.
    """
    if gate.paused_at is not None:
        return Admission(0, Hold(HoldReason.PAUSED, None))
    for reason, held_until in ((HoldReason.BREAKER, gate.open_until), (HoldReason.RETRY_AFTER, gate.wait_until)):
        if held_until is not None and held_until > now:
            return Admission(0, Hold(reason, held_until - now))
    admission = Admission(wanted)
    if gate.opened:
        admission = _narrowed(admission, 0 if trial_runs else 1, HoldReason.BREAKER, None)
    if limits.quota is not None:
        later = [moment.timestamp() - now for moment in limits.resets if moment.timestamp() > now]
        wait = min(later, default=None)
        admission = _narrowed(admission, limits.quota - gate.used, HoldReason.QUOTA, wait)
    if limits.rate is not None and gate.tokens is not None:
        wait = (1 - gate.tokens % 1) / limits.rate
        admission = _narrowed(admission, int(gate.tokens), HoldReason.RATE, wait)
    if limits.concurrency is not None:
        admission = _narrowed(admission, limits.concurrency - in_flight, HoldReason.CONCURRENCY, None)
    return admission


def take(gate: Gate, count: int, token: UUID, limits: Limits) -> None:
    """So many passed under `token`, at a gate that was `refreshed`."""
    if limits.rate is not None and gate.tokens is not None:
        gate.tokens -= count
    if limits.quota is not None:
        gate.used += count
    if gate.opened and count:
        gate.trial = token


def hear(gate: Gate, token: UUID, heard: Heard, failure: tuple[str | None, str | None], now: float) -> bool:
    """Learn from an attempt that was made under `token`; whether the gate was paused by it.

    `failure` is its code and reason. While the breaker is not closed only the trial counts: what was sent before it
    opened says nothing new.
    """
    if heard.wait is not None:
        gate.wait_until = max(gate.wait_until or 0.0, now + heard.wait)
    counts = gate.opened == 0 or gate.trial == token
    match heard.speech:
        case Speech.WELL if counts:
            gate.failures, gate.opened, gate.open_until, gate.trial = 0, 0, None, None
        case Speech.FAILED:
            gate.last_failure, gate.last_failure_at = failure[0], now
            if counts:
                _failed(gate, heard, now)
        case Speech.REFUSED if gate.paused_at is None:
            gate.paused_at, gate.paused_by = now, "gateway"
            gate.pause_reason = failure[1] or "the system refuses our credentials"
            return True
        case _:
            pass
    return False


def resume(gate: Gate, now: float) -> None:
    """A person lets commands pass again; a breaker that was open tries with one."""
    gate.paused_at = gate.paused_by = gate.pause_reason = gate.wait_until = None
    if gate.opened:
        gate.open_until = now


def _failed(gate: Gate, heard: Heard, now: float) -> None:
    gate.failures += 1
    if gate.opened or gate.failures >= heard.rule.failures:
        gate.opened += 1
        longer = heard.rule.open_for * 2.0 ** min(gate.opened - 1, 30)
        gate.open_until, gate.trial = now + min(longer, heard.rule.longest), None


def _narrowed(admission: Admission, most: int, reason: HoldReason, wait: float | None) -> Admission:
    """The narrowest limit counts and gives its reason; of two alike, the first."""
    most = max(most, 0)
    return admission if most >= admission.count else Admission(most, Hold(reason, wait))
