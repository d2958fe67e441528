"""The parts of reconciliation in a running process, made from its ports."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from actors.decision import Actor
from actors.policy import Policy
from actors.standing import HOLDERS
from adapters.ports.entities import Entities
from adapters.ports.gate import Gates
from adapters.ports.holdings import HeldState, Holdings
from adapters.ports.pauses import Pause
from adapters.ports.postings import Postings
from adapters.ports.recon import Run, Runs, RunWork
from adapters.ports.recon_plans import Plans
from adapters.ports.system import System
from adapters.ports.turns import Row
from gateway.backoff import Backoff
from gateway.inner import Inner
from gateway.metrics import Gauge
from gateway.policies import PolicyBook
from gateway.recon.checks import Checks
from gateway.recon.paused import paused_by
from gateway.recon.repairs import Repairs, Telling
from gateway.recon.steps import Held, HeldUnreadable, Steps
from gateway.recon.tries import LONGEST
from gateway.recon.worker import Reconciler
from gateway.references import read_state
from gateway.unreadable import is_unreadable
from schemas.standing import Standing


@dataclass(frozen=True, slots=True)
class ReconPorts:
    """What reconciliation needs of the store."""

    runs: Runs
    work: RunWork
    holdings: Holdings
    plans: Plans
    gates: Gates


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What reconciles and repairs, and the systems whose books can be read."""

    reconciler: Reconciler
    readable: frozenset[str]
    now: Callable[[], datetime]

    @property
    def gauges(self) -> Sequence[Gauge]:
        """The figures that are shown."""
        return (
            Gauge("recon_differences", "Differences of the newest reconciliation of a schedule that was done.",
                  ("system", "schedule", "entity", "kind"), self._differences),
            Gauge("recon_age_seconds", "Since the newest reconciliation of a schedule was done; +Inf for never.",
                  ("system", "schedule"), self._ages),
            Gauge("recon_failed", "Reconciliations of a schedule that failed since the last one was done.",
                  ("system", "schedule"),
                  lambda: {place: float(each.failed) for place, each in self.reconciler.scheduled.items()}),
        )  # fmt: skip

    def _differences(self) -> dict[tuple[str, ...], float]:
        return {
            (*place, entity, kind): float(count)
            for place, each in self.reconciler.scheduled.items()
            if each.done is not None
            for (entity, kind), count in each.done.tally.counts.items()
        }

    def _ages(self) -> dict[tuple[str, ...], float]:
        now = self.now()

        def age(done: Run | None) -> float:
            ended_at = None if done is None else done.ended_at
            return math.inf if ended_at is None else max(0.0, (now - ended_at).total_seconds())

        return {place: age(each.done) for place, each in self.reconciler.scheduled.items()}


def reconciliation(
    ports: ReconPorts,
    entities: Entities,
    systems: Mapping[str, System],
    inner: Inner,
    actors: Mapping[str, Actor],
    policies: PolicyBook,
    pauses: Callable[[], Sequence[Pause]],
    now: Callable[[], datetime],
) -> Reconciliation:
    """Everything, wired."""
    steps = Steps(ports.work, ports.holdings, systems, held_by(actors, policies.policy))
    checks = Checks(systems, ports.holdings, now)
    repairs = Repairs(ports.plans, entities, checks, Telling(inner), pauses, now)
    backoff = Backoff(longest=LONGEST.total_seconds())

    async def paused() -> Collection[str]:
        return paused_by(await ports.gates.gates())

    reconciler = Reconciler(ports.work, ports.runs, steps, repairs, policies.reconciliations, paused, now, backoff)
    readable = frozenset(name for name, system in systems.items() if isinstance(system, Postings))
    return Reconciliation(reconciler, readable, now)


def held_by(actors: Mapping[str, Actor], policy: Callable[[], Policy]) -> Held:
    """How a stored state is read for what it holds."""

    def held(row: HeldState, system: str) -> Sequence[Standing]:
        state = read_state(actors, Row(row.key, state=row.state, schema=row.schema), policy())
        if is_unreadable(state):
            raise HeldUnreadable(state.reason)
        return [*HOLDERS[row.key.entity](row.key, state, system)]

    return held
