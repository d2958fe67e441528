"""What a planted bug replaces; the plain plant replaces nothing."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.memory.commits import MemoryCommits
from adapters.memory.lane_acts import MemoryLaneActs
from adapters.memory.lanes import MemoryLanes
from adapters.memory.outbox import MemoryOutbox
from adapters.memory.pauses import MemoryPauses
from gateway.attempt import Attempts
from gateway.backoff import Backoff
from gateway.committer import Committer
from gateway.inner import Inner
from gateway.runtime import Runtime
from gateway.self_system import SelfSystem
from schemas.commands import SELF


@dataclass(frozen=True, slots=True)
class Plant:
    """The parts that may be wrong, as they ship unless they are named."""

    commits: type[MemoryCommits] = MemoryCommits
    lanes: type[MemoryLanes] = MemoryLanes
    acts: type[MemoryLaneActs] = MemoryLaneActs
    pauses: type[MemoryPauses] = MemoryPauses
    outbox: type[MemoryOutbox] = MemoryOutbox
    committer: type[Committer] = Committer
    attempts: type[Attempts] = Attempts
    inner: type[Inner] = Inner

    def runtime(self, runtime: Runtime) -> None:
        """Replace the parts of a process before it starts."""
        if self.committer is not Committer:
            runtime._committers = [
                self.committer(each._commits, each._world, each._watcher, each._forward, Backoff())
                for each in runtime._committers
            ]
            runtime._bus.connect(runtime._committers)
        if self.attempts is not Attempts:
            for relay in runtime._relays.values():
                old = relay._attempts
                relay._attempts = self.attempts(old._system, old._rules, old._ear, old._chance, old._batches._rules)
        if self.inner is not Inner:
            itself = runtime._relays[SELF]._attempts._system
            assert isinstance(itself, SelfSystem)
            right = itself._inner
            itself._inner = self.inner(right._bus, right._now, right._refs, right.vocabulary)
