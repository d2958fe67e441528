"""The store in memory: tables that several processes share, and the clients of one process."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.memory.bindings import MemoryBindings
from adapters.memory.cases import MemoryCases
from adapters.memory.commits import MemoryCommits
from adapters.memory.dead_letters import MemoryDeadLetters
from adapters.memory.entities import MemoryEntities
from adapters.memory.gates import MemoryGates
from adapters.memory.history import MemoryHistory
from adapters.memory.kpis import MemoryBooks, MemoryKpis
from adapters.memory.lane_acts import MemoryLaneActs
from adapters.memory.lanes import MemoryLanes
from adapters.memory.looks import MemoryLooks
from adapters.memory.notices import MemoryNotices
from adapters.memory.outbox import MemoryOutbox
from adapters.memory.overdue import MemoryOverdue
from adapters.memory.pauses import MemoryPauses
from adapters.memory.policies import MemoryPolicies, MemoryUnmapped
from adapters.memory.recon import MemoryHoldings, MemoryPlans, MemoryRuns, MemoryRunWork, ReconTables
from adapters.memory.restores import MemoryRestores
from adapters.memory.retention import MemoryRetention
from adapters.memory.suspects import MemorySuspects
from adapters.memory.tables import Clock, Tables
from adapters.ports.restores import Remembered


@dataclass(frozen=True, slots=True)
class MemoryClients:
    """What one process has of the store."""

    commits: MemoryCommits
    lanes: MemoryLanes
    acts: MemoryLaneActs
    pauses: MemoryPauses
    outbox: MemoryOutbox
    overdue: MemoryOverdue
    cases: MemoryCases
    notices: MemoryNotices
    dead_letters: MemoryDeadLetters
    gates: MemoryGates
    suspects: MemorySuspects
    looks: MemoryLooks
    restores: MemoryRestores
    retention: MemoryRetention
    entities: MemoryEntities
    policies: MemoryPolicies
    unmapped: MemoryUnmapped
    history: MemoryHistory
    bindings: MemoryBindings
    runs: MemoryRuns
    run_work: MemoryRunWork
    holdings: MemoryHoldings
    plans: MemoryPlans
    books: MemoryBooks
    kpis: MemoryKpis
    remembered: Remembered


class MemoryStore:
    """Behaves as PostgreSQL does towards whoever uses the ports; nothing outlives it. `Reads` is not there.

    `clock` counts seconds and decides when a backoff has passed and a held command is due.
    """

    def __init__(self, clock: Clock) -> None:
        self.tables = Tables(clock)
        self._clock = clock
        self._recon = ReconTables()

    def clients(self) -> MemoryClients:
        """The clients of one more process."""
        tables, clock, recon, remembered = self.tables, self._clock, self._recon, Remembered()
        return MemoryClients(
            MemoryCommits(tables, clock),
            MemoryLanes(tables, clock),
            MemoryLaneActs(tables),
            MemoryPauses(tables, clock),
            MemoryOutbox(tables, clock, remembered),
            MemoryOverdue(tables, clock),
            MemoryCases(tables, clock),
            MemoryNotices(tables),
            MemoryDeadLetters(tables, clock),
            MemoryGates(tables, clock),
            MemorySuspects(tables, clock),
            MemoryLooks(tables),
            MemoryRestores(tables, clock),
            MemoryRetention(tables, recon, clock),
            MemoryEntities(tables),
            MemoryPolicies(tables, clock),
            MemoryUnmapped(tables),
            MemoryHistory(tables),
            MemoryBindings(tables),
            MemoryRuns(tables, recon, clock),
            MemoryRunWork(recon, clock),
            MemoryHoldings(tables),
            MemoryPlans(tables, recon, clock),
            MemoryBooks(tables),
            MemoryKpis(tables),
            remembered,
        )
