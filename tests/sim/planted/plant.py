"""What a planted bug replaces; the plain one replaces nothing."""

from __future__ import annotations

from adapters.memory.commits import MemoryCommits
from adapters.memory.lanes import MemoryLanes
from adapters.memory.outbox import MemoryOutbox
from adapters.memory.tables import Clock, Tables
from gateway.runtime import Runtime


class Plant:
    """Makes the parts that may be wrong, as they ship."""

    def commits(self, tables: Tables, clock: Clock) -> MemoryCommits:
        """Rows and commits of one committer."""
        return MemoryCommits(tables, clock)

    def lanes(self, tables: Tables, clock: Clock) -> MemoryLanes:
        """The lanes of one process."""
        return MemoryLanes(tables, clock)

    def outbox(self, tables: Tables, clock: Clock) -> MemoryOutbox:
        """The outbox of one process."""
        return MemoryOutbox(tables, clock)

    def runtime(self, runtime: Runtime) -> None:
        """Replace parts of a process before it starts."""
