"""The parts of replay in a running process, made from its ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from adapters.ports.replays import JobWork, Outcome, PlanWork
from adapters.ports.store import Commits
from gateway.backoff import Backoff
from gateway.rehearsal import Holders
from gateway.replay.asking import Asking
from gateway.replay.forecast import Forecast
from gateway.replay.planner import Planner
from gateway.replay.worker import Replayer
from gateway.world import World
from schemas.keys import ActorKey


@dataclass(frozen=True, slots=True)
class ReplayPorts:
    """What replays need of the store. `rows` is read from and never committed to; it is nobody else's."""

    plans: PlanWork
    jobs: JobWork
    rows: Commits


def replayer(
    ports: ReplayPorts,
    holders: Holders,
    world: World,
    asking: Callable[[], Asking],
    poke: Callable[[ActorKey], None],
    hint: Callable[[str, ActorKey], None],
    tokens: Callable[[], UUID],
    observed: Callable[[Outcome, int], None],
) -> Replayer:
    """Everything, wired. `hint` tells that a key may have commands for a system."""
    planner = Planner(ports.plans, lambda: Forecast(ports.rows, holders, world), asking, world.policy_hash, tokens)
    return Replayer(ports.plans, ports.jobs, planner, poke, hint, world, observed, Backoff)
