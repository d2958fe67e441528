"""The two stores as the contract sees them: the ports of each process, time that passes, and what is left in tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import asyncpg

from adapters.memory.store import MemoryStore
from adapters.ports.bindings import Bindings
from adapters.ports.cases import CaseActs, Cases
from adapters.ports.entities import Entities
from adapters.ports.gate import Gates
from adapters.ports.history import History
from adapters.ports.holdings import Holdings
from adapters.ports.kpis import Books, Kpis
from adapters.ports.letters import DeadLetters
from adapters.ports.looks import Looks
from adapters.ports.outbox import Notices, Outbox
from adapters.ports.overdue import Overdue
from adapters.ports.pauses import Pauses
from adapters.ports.policies import Policies, Unmapped
from adapters.ports.recon import Runs, RunWork
from adapters.ports.recon_plans import Plans
from adapters.ports.restores import Remembered, Restores
from adapters.ports.retention import Retention
from adapters.ports.store import Commits, LaneActs, Lanes
from adapters.ports.suspects import Suspects
from adapters.ports.turns import Answer, LaneMessage, Row, Turn
from adapters.postgres.bindings import PostgresBindings
from adapters.postgres.cases import PostgresCases
from adapters.postgres.commits import PostgresCommits
from adapters.postgres.dead_letters import PostgresDeadLetters
from adapters.postgres.entities import PostgresEntities
from adapters.postgres.gates import PostgresGates
from adapters.postgres.history import PostgresHistory
from adapters.postgres.kpis import PostgresBooks, PostgresKpis
from adapters.postgres.lane_acts import PostgresLaneActs
from adapters.postgres.lanes import PostgresLanes
from adapters.postgres.looks import PostgresLooks
from adapters.postgres.outbox import PostgresNotices, PostgresOutbox
from adapters.postgres.overdue import PostgresOverdue
from adapters.postgres.pauses import PostgresPauses
from adapters.postgres.policies import PostgresPolicies, PostgresUnmapped
from adapters.postgres.recon import PostgresHoldings, PostgresRuns, PostgresRunWork
from adapters.postgres.recon_plans import PostgresPlans
from adapters.postgres.restores import PostgresRestores
from adapters.postgres.retention import PostgresRetention
from adapters.postgres.suspects import PostgresSuspects
from schemas.keys import ActorKey
from tests.contracts.turns import batch

_SQL: Final = Path(__file__).with_name("sql")


class _Client(Protocol):
    async def close(self) -> None: ...


class CaseStore(Cases, CaseActs, Protocol):
    """Both ports to cases: one client is both."""


class Counts(NamedTuple):
    """Rows of the tables that a commit writes."""

    inbox: int
    claims: int
    commands: int
    timeline: int
    cases: int
    notices: int


@dataclass(frozen=True, slots=True)
class Process:
    """What one process has of the store, with the few moves that most tests begin with."""

    commits: Commits
    lanes: Lanes
    acts: LaneActs
    pauses: Pauses
    outbox: Outbox
    overdue: Overdue
    notices: Notices
    dead_letters: DeadLetters
    gates: Gates
    suspects: Suspects
    looks: Looks
    restores: Restores
    retention: Retention
    entities: Entities
    policies: Policies
    unmapped: Unmapped
    history: History
    cases: CaseStore
    bindings: Bindings
    runs: Runs
    run_work: RunWork
    holdings: Holdings
    plans: Plans
    books: Books
    kpis: Kpis
    remembered: Remembered

    async def row(self, key: ActorKey) -> Row:
        """The row of one key."""
        return (await self.commits.load([key]))[key]

    async def lane(self, key: ActorKey) -> list[LaneMessage]:
        """The lane of one key."""
        return (await self.commits.lanes([key], limit=100, room=2**20))[key]

    async def commit(self, *turns: Turn) -> list[Answer]:
        """Commit turns in one batch."""
        return await self.commits.commit(batch(*turns))


class StoreStand(Protocol):
    """A store under test."""

    def process(self) -> Process:
        """One more process."""
        ...

    async def pass_time(self, seconds: float) -> None: ...

    async def now(self) -> datetime:
        """What the store's clock shows."""
        ...

    async def audit(self) -> list[tuple[str, str, str, str]]:
        """What operators did: who, what, to which key, why."""
        ...

    async def lose_wakes(self) -> None:
        """Do what no code does: forget who is to be woken."""
        ...

    async def go_back(self, watermark: int) -> None:
        """Do what a restore does: the watermark is what it was."""
        ...

    async def change_server(self) -> None:
        """Do what a restore into another cluster does."""
        ...

    async def acts(self) -> list[tuple[str, str, str]]:
        """Actors, actions, and reasons of the audit."""
        ...

    async def policies_of_timeline(self) -> list[str | None]:
        """The policy of each line of the timeline."""
        ...

    async def counts(self) -> Counts: ...

    async def open_cases(self) -> int: ...

    async def dead_letters(self) -> list[tuple[bytes, int]]:
        """Digests, and how often each was seen."""
        ...

    async def close(self) -> None: ...


class MemoryStoreStand:
    def __init__(self) -> None:
        self._now = 1000.0
        self._store = MemoryStore(lambda: self._now)

    def process(self) -> Process:
        clients = self._store.clients()
        return Process(
            clients.commits,
            clients.lanes,
            clients.acts,
            clients.pauses,
            clients.outbox,
            clients.overdue,
            clients.notices,
            clients.dead_letters,
            clients.gates,
            clients.suspects,
            clients.looks,
            clients.restores,
            clients.retention,
            clients.entities,
            clients.policies,
            clients.unmapped,
            clients.history,
            clients.cases,
            clients.bindings,
            clients.runs,
            clients.run_work,
            clients.holdings,
            clients.plans,
            clients.books,
            clients.kpis,
            clients.remembered,
        )

    async def pass_time(self, seconds: float) -> None:
        self._now += seconds

    async def now(self) -> datetime:
        return datetime.fromtimestamp(self._now, UTC)

    async def audit(self) -> list[tuple[str, str, str, str]]:
        return [(act.actor, act.action, str(act.key), act.reason) for act in self._store.tables.audit]

    async def lose_wakes(self) -> None:
        self._store.tables.wakes.clear()

    async def go_back(self, watermark: int) -> None:
        self._store.tables.past.counter = watermark

    async def change_server(self) -> None:
        self._store.tables.past.this_server += 1

    async def acts(self) -> list[tuple[str, str, str]]:
        return [(act.actor, act.action, act.reason) for act in self._store.tables.audit]

    async def policies_of_timeline(self) -> list[str | None]:
        return [line.policy for line in self._store.tables.timeline]

    async def counts(self) -> Counts:
        tables = self._store.tables
        return Counts(
            len(tables.inbox), len(tables.claims), len(tables.outbox), len(tables.timeline), len(tables.cases),
            len(tables.notices),
        )  # fmt: skip

    async def open_cases(self) -> int:
        return sum(row.is_open for row in self._store.tables.cases)

    async def dead_letters(self) -> list[tuple[bytes, int]]:
        return [(digest, row.seen) for digest, row in self._store.tables.dead_letters.items()]

    async def close(self) -> None:
        """Nothing to close."""


class PostgresStoreStand:
    def __init__(self, url: str) -> None:
        self._url = url
        self._open: list[_Client] = []

    def process(self) -> Process:
        url, remembered = self._url, Remembered()
        commits, lanes, outbox = PostgresCommits(url), PostgresLanes(url), PostgresOutbox(url, remembered)
        acts, pauses, suspects = PostgresLaneActs(url), PostgresPauses(url), PostgresSuspects(url)
        notices, dead_letters, gates = PostgresNotices(url), PostgresDeadLetters(url), PostgresGates(url)
        restores, retention, overdue, looks, bindings = (
            PostgresRestores(url), PostgresRetention(url), PostgresOverdue(url), PostgresLooks(url),
            PostgresBindings(url),
        )  # fmt: skip
        entities, history = PostgresEntities(url), PostgresHistory(url)
        policies, unmapped = PostgresPolicies(url), PostgresUnmapped(url)
        clients = (
            commits, lanes, acts, pauses, outbox, overdue, notices, dead_letters, gates, suspects, looks, restores,
            retention, entities, policies, unmapped, history, PostgresCases(url), bindings, PostgresRuns(url),
            PostgresRunWork(url), PostgresHoldings(url), PostgresPlans(url), PostgresBooks(url), PostgresKpis(url),
        )  # fmt: skip
        self._open.extend(clients)
        return Process(*clients, remembered)

    async def pass_time(self, seconds: float) -> None:
        """Moves every recorded time back: the database's clock is nobody's to set."""
        await self._fetch("pass_time", seconds)

    async def now(self) -> datetime:
        [found] = await self._fetch("now")
        now: datetime = found[0]
        return now

    async def audit(self) -> list[tuple[str, str, str, str]]:
        acts = await self._fetch("audit")
        return [(act["actor"], act["action"], str(ActorKey(act["entity"], act["key"])), act["reason"]) for act in acts]

    async def lose_wakes(self) -> None:
        await self._fetch("lose_wakes")

    async def go_back(self, watermark: int) -> None:
        await self._fetch("go_back", watermark)

    async def change_server(self) -> None:
        await self._fetch("change_server")

    async def acts(self) -> list[tuple[str, str, str]]:
        return [(found[0], found[1], found[2]) for found in await self._fetch("acts")]

    async def policies_of_timeline(self) -> list[str | None]:
        return [found[0] for found in await self._fetch("policies")]

    async def counts(self) -> Counts:
        [found] = await self._fetch("counts")
        return Counts(*found)

    async def open_cases(self) -> int:
        [found] = await self._fetch("open_cases")
        return int(found[0])

    async def dead_letters(self) -> list[tuple[bytes, int]]:
        return [(found[0], found[1]) for found in await self._fetch("dead_letters")]

    async def close(self) -> None:
        """Also leaves the database empty for the next."""
        for client in self._open:
            await client.close()
        await self._fetch("empty")

    async def _fetch(self, name: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._url, timeout=10)
        try:
            return await connection.fetch(_SQL.joinpath(f"{name}.sql").read_text(), *arguments)
        finally:
            await connection.close(timeout=10)


def holder(name: str) -> UUID:
    """The identity of a process that sends."""
    return UUID(int=sum(name.encode()))
