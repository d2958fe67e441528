"""How one system stands at its gate, for people and metrics: each thing that holds it back, and until when. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from adapters.ports.gate import BreakerState, GateRow, Hold, HoldReason, Limits
from adapters.ports.outbox import NO_LIMITS
from adapters.ports.overdue import OpenCommands
from adapters.ports.restores import Phase, Restore
from gateway.reader_state import ReaderState


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that holds the commands of a system back. `until`: None where nobody can tell."""

    reason: HoldReason
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class SystemState:
    """A system at `at`, by the database's clock. Nothing in `held`: its commands pass.

    `tokens` may pass at once under the rate; `quota_used` is of this day. Both are None without such a limit. `listed`:
    the policy file knows it; of one that it does not, `commands` are open and the oldest stands since `oldest`.
    `readers`: how far its changes are read, if the policy wants that.
    """

    system: str
    at: datetime
    held: tuple[Held, ...]
    breaker: BreakerState
    failures: int
    last_failure: str | None
    last_failure_at: datetime | None
    in_flight: int
    concurrency: int | None
    tokens: float | None
    quota_used: int | None
    quota: int | None
    listed: bool = True
    commands: int | None = None
    oldest: datetime | None = None
    readers: tuple[ReaderState, ...] = ()


def system_state(row: GateRow, limits: Limits, closed: Hold | None, restore: Restore | None = None) -> SystemState:
    """What stands in the store together with the policy.

    `closed` is what the policy's hours say now, `restore` the newest restore of the database.
    """
    tokens, used = _tokens(row, limits), _used(row, limits)
    held = [*_by_restore(restore), *_held(row), *([_by_hours(row, closed)] if closed is not None else ())]
    if used is not None and limits.quota is not None and used >= limits.quota:
        until = min((moment for moment in limits.resets if moment > row.at), default=None)
        held.append(Held(HoldReason.QUOTA, until, f"{used} requests were made of {limits.quota} for the day"))
    if tokens is not None and limits.rate is not None and tokens < 1:
        until = row.at + timedelta(seconds=(1 - tokens) / limits.rate)
        held.append(Held(HoldReason.RATE, until, f"{limits.rate:g} requests per second have been made"))
    if limits.concurrency is not None and row.in_flight >= limits.concurrency:
        held.append(Held(HoldReason.CONCURRENCY, None, f"{row.in_flight} requests are in flight"))
    return SystemState(
        row.system, row.at, tuple(held), row.breaker, row.failures, row.last_failure, row.last_failure_at,
        row.in_flight, limits.concurrency, tokens, used, limits.quota,
    )  # fmt: skip


def unlisted_state(row: GateRow, found: OpenCommands, restore: Restore | None = None) -> SystemState:
    """A system that has commands and is not in the policy file, which holds them back whatever else does."""
    why = (
        f"the policy file does not list it, and commands are open: {found.commands}, the oldest since "
        f"{found.oldest:%Y-%m-%d %H:%M} UTC: add it to the policy file, and restart"
    )
    state = system_state(row, NO_LIMITS, None, restore)
    held = (Held(HoldReason.UNLISTED, None, why), *state.held)
    return replace(state, held=held, listed=False, commands=found.commands, oldest=found.oldest)


def untouched(system: str, at: datetime) -> GateRow:
    """The gate of a system that was never used."""
    nothing = (None, None, None, None, None, None, None)
    return GateRow(system, at, BreakerState.CLOSED, 0, *nothing, None, None, 0, None, 0)


def _held(row: GateRow) -> Iterator[Held]:
    if row.paused_at is not None:
        yield Held(HoldReason.PAUSED, None, f"by {row.paused_by}: {row.pause_reason}")
    failed = f"{row.failures} failures in a row, the last one {row.last_failure}"
    match row.breaker:
        case BreakerState.OPEN:
            yield Held(HoldReason.BREAKER, row.open_until, failed)
        case BreakerState.HALF_OPEN:
            yield Held(HoldReason.BREAKER, None, f"{failed}; one command tries whether the system is back")
        case BreakerState.CLOSED:
            pass
    if row.wait_until is not None and row.wait_until > row.at:
        yield Held(HoldReason.RETRY_AFTER, row.wait_until, "the system asked us to come back later")


def _by_restore(restore: Restore | None) -> Iterator[Held]:
    if restore is not None and restore.phase is Phase.HELD:
        why = f"{restore.reason}: a person must release it, see docs/restore.md"
        yield Held(HoldReason.RESTORE, None, why)


def _by_hours(row: GateRow, closed: Hold) -> Held:
    until = None if closed.seconds is None else row.at + timedelta(seconds=closed.seconds)
    return Held(closed.reason, until, "the policy lets nothing be posted at this time")


def _tokens(row: GateRow, limits: Limits) -> float | None:
    if limits.rate is None:
        return None
    if row.tokens is None or row.tokens_at is None:
        return float(limits.burst)
    passed = max((row.at - row.tokens_at).total_seconds(), 0.0)
    return min(row.tokens + passed * limits.rate, float(limits.burst))


def _used(row: GateRow, limits: Limits) -> int | None:
    if limits.quota is None:
        return None
    since = max((moment for moment in limits.resets if moment <= row.at), default=None)
    is_over = since is not None and (row.quota_since is None or row.quota_since < since)
    return 0 if is_over else row.used
