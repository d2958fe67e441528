"""What the policy allows of each system in a story, and how far wall clocks leap until it is allowed again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time
from random import Random
from typing import Final

from adapters.ports.gate import HoldReason
from gateway.gate_policy import GatePolicy
from gateway.policy_file import PolicyFile
from tests.checker.evidence import Allowed
from tests.checker.limits import DAY
from tests.gateway.toy import NOW
from tests.sim.policy import BREAKER, SIM_POLICY
from tests.sim.wire import LATEST

EDGE: Final = time(17, 1, tzinfo=UTC)
"""Stories begin in the minute before: windows open or close, and the quota's day begins, while they are told."""
WINDOWS: Final = ("17:01-23:00", "12:00-17:01")
LONGEST_WAY: Final = LATEST + 1.0
"""Seconds from a look at the clock to the claim on the server."""
PAST_THE_EDGE: Final = 3_700.0
"""So long after something opens it is open by every wall clock, also by one that is an hour behind."""
ONLY_TIME_HELPS: Final = frozenset({HoldReason.QUOTA, HoldReason.WINDOW})


@dataclass(frozen=True, slots=True)
class Limits:
    """The policy, the same in the checker's words, and by how many seconds the story begins before the edge."""

    policy: PolicyFile
    allowed: tuple[Allowed, ...]
    ahead: float

    def next_day(self, now: float, held: Collection[str]) -> float:
        """Seconds from `now`, by the store's clock, until the first of these systems may be asked again."""
        return min(_until(now, allowed) for allowed in self.allowed if allowed.system in held) + PAST_THE_EDGE


def drawn(chance: Random, *, with_limits: bool) -> Limits:
    """In two stories of five that may, one system or more has limits."""
    before_edge = chance.uniform(1, 30)
    ahead = datetime.combine(NOW.date(), EDGE).timestamp() - NOW.timestamp() - before_edge
    if chance.random() < 0.6 or not with_limits:
        return Limits(SIM_POLICY, (), ahead)
    gates = {name: (_gate(chance) if name == "erp" or chance.random() < 0.3 else None) for name in SIM_POLICY.systems}
    systems = {
        name: system if (gate := gates[name]) is None else system.model_copy(update={"gate": gate})
        for name, system in SIM_POLICY.systems.items()
    }
    allowed = tuple(_allowed(name, gate) for name, gate in gates.items() if gate is not None)
    return Limits(SIM_POLICY.model_copy(update={"systems": systems}), allowed, ahead)


def _gate(chance: Random) -> GatePolicy:
    """At least one limit."""
    kinds = {"rate", "quota", "hours"} if chance.random() < 0.2 else {chance.choice(["rate", "quota", "hours"])}
    is_rated = "rate" in kinds
    return GatePolicy(
        rate_per_second=chance.choice([2.0, 4.5, 9.0]) if is_rated else None,
        burst=chance.choice([1, 3]) if is_rated else None,
        daily_quota=chance.randint(5, 12) if "quota" in kinds else None,
        quota_resets_at=f"{EDGE:%H:%M}",
        windows=(f"mon-sun {chance.choice(WINDOWS)}",) if "hours" in kinds else (),
        breaker=BREAKER,
    )


def _allowed(system: str, gate: GatePolicy) -> Allowed:
    hours = None
    if gate.windows:
        opens, closes = gate.windows[0].removeprefix("mon-sun ").split("-")
        hours = _seconds(time.fromisoformat(opens)), _seconds(time.fromisoformat(closes))
    return Allowed(
        system, gate.rate_per_second, gate.burst or 1, gate.daily_quota, _seconds(EDGE), hours, LONGEST_WAY
    )  # fmt: skip


def _until(now: float, allowed: Allowed) -> float:
    """Seconds until it opens, or until a day of its quota begins."""
    begins = allowed.day_begins if allowed.hours is None else allowed.hours[0]
    return (begins - now) % DAY


def _seconds(at: time) -> float:
    return at.hour * 3600.0 + at.minute * 60.0
