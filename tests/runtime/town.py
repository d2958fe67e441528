"""A town: one store, one vendor, and processes that run committers, lane worker, and relay over them unchanged."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from actors.decision import Actor
from adapters.memory.commits import MemoryCommits
from adapters.memory.store import MemoryStore
from adapters.ports.turns import Batch, Committed, Refused, Turn
from gateway.activation import Answered, Entry
from gateway.activations import Bounds
from gateway.attempt import Attempts
from gateway.backoff import Backoff
from gateway.batching import BatchRules
from gateway.bus import Bus
from gateway.committer import Committer
from gateway.draft import Draft
from gateway.gate import SystemGate
from gateway.gate_policy import GatePolicy
from gateway.hearing import Ear
from gateway.heartbeat import Heartbeat
from gateway.inner import Inner
from gateway.lanes import LaneWorker
from gateway.pauses import PauseBook
from gateway.people import People
from gateway.recorder import Recorder
from gateway.references import References
from gateway.relay import Desk, Relay, Relays
from gateway.retry import Retries
from gateway.rules import Rules
from gateway.self_system import CONCURRENCY, GATE, SelfSystem
from gateway.world import World
from schemas.commands import SELF
from schemas.keys import ActorKey
from schemas.verdicts import Failure, LaneState, Verdict
from tests.gateway.toy import ACTOR, ERP, NOW, POLICY, TOYS, Ids, Job, Slip, Step, entry, read
from tests.runtime.troubles import Connection, Outage, TroubledOutbox
from tests.runtime.vendor import Vendor

SMALL = Bounds(batch_keys=8, batch_messages=16, fold=4, mailbox=8, lane_page=4)
PATIENCE = 600.0
"""Seconds, of the loop's time, until something that has not happened will not happen."""


@dataclass(slots=True)
class Witness:
    """Implements `Watcher`: counts what it is told, and hints as the real one does."""

    relays: Relays | None = None
    told: Counter[str] = field(default_factory=Counter)
    errors: list[Exception] = field(default_factory=list)
    buried: list[tuple[str, str]] = field(default_factory=list)

    def committed(self, draft: Draft) -> None:
        self.told["committed"] += 1
        if self.relays is not None:
            asked = [queued.command for queued in draft.turn.queued]
            for command in (*asked, *(settled.command for settled in draft.turn.settled)):
                self.relays.hint(command.system, draft.turn.key)

    def refused(self, draft: Draft, refused: Refused) -> None:
        self.told[refused.why] += 1

    def batch(self, turns: int, messages: int, seconds: float) -> None:
        self.told["batch"] += 1

    def store_lost(self, error: Exception, *, unknown: bool) -> None:
        self.told["unknown" if unknown else "away"] += 1

    def duplicate(self, key: ActorKey) -> None:
        self.told["repeated"] += 1

    def decision_failed(self, key: ActorKey, error: Exception) -> None:
        self.errors.append(error)

    def unwritable(self, entry: Entry, failure: Failure) -> None:
        self.buried.append((entry.message.id, failure.code))

    def answer_dropped(self, answered: Answered) -> None:
        self.told["dropped"] += 1
        if self.relays is not None:
            self.relays.drop(answered)


@dataclass(slots=True)
class CheckedSlip(Slip):
    """A receipt that must not be acked before its message is in the inbox."""

    town: Town | None = None
    id: str = ""
    source: str = "psa"

    def ack(self) -> None:
        assert self.town is not None
        if (self.source, self.id) not in self.town.store.tables.identities:
            self.town.lost.append(self.id)
        self.acks += 1


class Process:
    """One gateway process; `kill` ends it at once, wherever it is."""

    def __init__(self, town: Town, seed: int) -> None:
        chance = Random(seed)
        tables = town.store.tables
        self.town = town
        self.witness = Witness()
        self.holder = town.ids()
        self.bus = Bus()
        actors = {"job": town.actor}
        references = References(actors, capacity=100)
        self.pauses = PauseBook(town.store.clients().pauses, self.bus.poke, Backoff(chance=chance))
        self.world = world = World(
            actors,
            references,
            read,
            town.now,
            town.ids,
            lambda: POLICY,
            lambda: town.rules,
            self.pauses.active,
            town.retries.next_try(chance.random),
            town.bounds,
        )
        commits = town.commits or MemoryCommits
        self.connections = [
            Connection(commits(tables, town.clock), town.outage, town.seconds(chance)) for _ in range(2)
        ]
        self.committers = [
            town.committer(connection, world, self.witness, self.bus.deliver, Backoff(chance=chance))
            for connection in self.connections
        ]
        self.bus.connect(self.committers)
        self.lanes = LaneWorker(town.store.clients().lanes, self.bus.poke, Backoff(chance=chance))
        self.outbox = TroubledOutbox(tables, town.clock)
        self.outbox.outage = town.outage
        self.recorder = Recorder(self.outbox, Backoff(chance=chance))
        desk = Desk(
            self.outbox, self.recorder, self.holder, town.ids, self.bus.answer, lambda *_: None, self.bus.caught_up
        )  # fmt: skip
        ear = Ear(town.gate.breaker.rule, town.retries, town.gate.longest_retry_after_seconds)
        attempts = Attempts(town.vendor, town.retries, ear, chance.random, town.batches)
        gate = SystemGate(town.gate, 8, town.now, town.batches)
        self.relay = Relay(attempts, desk, gate=gate, backoff=Backoff(chance=chance))
        inner = Inner(self.bus, town.now, town.ids, TOYS)
        self.itself = SelfSystem(inner)
        self.people = People(inner, town.store.clients().entities)
        within = Attempts(self.itself, town.retries, Ear(GATE.breaker.rule, town.retries, 1.0), chance.random)
        gate = SystemGate(GATE, CONCURRENCY, town.now)
        self.inner_relay = Relay(within, desk, gate=gate, backoff=Backoff(chance=chance))
        self.witness.relays = Relays({ERP: self.relay, SELF: self.inner_relay}, self.recorder)
        self.heartbeat = Heartbeat(self.outbox, self.holder, Backoff(chance=chance), lambda _count: None)
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, *, scans: bool = True, sends: bool = True) -> Process:
        """Start its tasks; `scans`: the lane worker too, `sends`: the relay too."""
        work = [committer.run() for committer in self.committers]
        work.append(self.pauses.run())
        if scans:
            work.append(self.lanes.run())
        if sends:
            work.append(self.recorder.run())
        self.tasks = [asyncio.create_task(each) for each in work]
        if sends:
            self.recover()
        return self

    def recover(self) -> None:
        """Go on sending and beating."""
        work = (self.relay.run(), self.inner_relay.run(), self.heartbeat.run())
        self._sending = [asyncio.create_task(each) for each in work]
        self.tasks += self._sending

    def stall(self) -> None:
        """Stand still: attempts in flight go on in their own time, but nothing is begun, and nothing beats."""
        for task in self._sending:
            task.cancel()
            self.tasks.remove(task)

    def deliver(self, key: ActorKey, *names: str | Step, slip: Slip | None = None) -> list[Slip]:
        """Deliver steps in order; their receipts."""
        steps = [name if isinstance(name, Step) else Step(name=name) for name in names]
        entries = [entry(step.name, step, slip=slip or self.town.slip(step.name)) for step in steps]
        return self.put(key, *entries)

    def put(self, key: ActorKey, *entries: Entry) -> list[Slip]:
        """Put messages into the mailbox of `key`; their receipts."""
        for each in entries:
            self.bus.deliver(key, each)
        return [each.receipt for each in entries if isinstance(each.receipt, Slip)]

    async def kill(self) -> None:
        """End all of its tasks at once."""
        everything = [*self.tasks, *self.relay._in_flight, *self.inner_relay._in_flight]
        for task in everything:
            task.cancel()
        await asyncio.gather(*everything, return_exceptions=True)
        self.tasks = []

    def check_alive(self) -> None:
        """A task that runs for ever must not have ended; what it raised is raised here."""
        for task in self.tasks:
            if task.done():
                task.result()


@dataclass
class Town:
    """Everything. Make it inside of a running story."""

    bounds: Bounds = SMALL
    actor: Actor = ACTOR
    rules: Rules = field(default_factory=Rules)
    vendor: Vendor = field(default_factory=Vendor)
    gate: GatePolicy = field(default_factory=GatePolicy)
    batches: BatchRules = field(default_factory=dict)
    retries: Retries = field(default_factory=Retries)
    seconds: Callable[[Random], Callable[[], float]] = lambda _chance: lambda: 0.001
    committer: type[Committer] = Committer
    commits: type[MemoryCommits] | None = None
    processes: list[Process] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Messages that were acked while nobody had them."""

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.clock: Callable[[], float] = lambda: NOW.timestamp() + loop.time()
        self.store = MemoryStore(self.clock)
        self.outage = Outage()
        self.ids = Ids()

    def process(self, *, scans: bool = True, sends: bool = True) -> Process:
        """Start one more process."""
        process = Process(self, len(self.processes)).start(scans=scans, sends=sends)
        self.processes.append(process)
        return process

    def slip(self, id: str, source: str = "psa") -> CheckedSlip:
        """A receipt that is watched."""
        return CheckedSlip(town=self, id=id, source=source)

    async def close(self) -> None:
        """End all processes; none of their tasks may have ended before, and no message may be lost."""
        for process in self.processes:
            process.check_alive()
        for process in self.processes:
            await process.kill()
        assert self.lost == [], "acked before it was in the inbox"

    def now(self) -> datetime:
        """The wall clock, which goes with the store's."""
        return datetime.fromtimestamp(self.clock(), UTC)

    async def bind(self, external: ActorKey, key: ActorKey) -> None:
        """Bind an external key to a job in a commit of its own, at once, whatever else is on its way."""
        commits = self.store.clients().commits
        row = (await commits.load([key]))[key]
        state = Job(steps=(*self.steps(key), "bound")).model_dump_json().encode()
        turn = Turn(row, row.lane, row.entity_version + 1, state, 1, binds=[external])
        assert await commits.commit(Batch(self.ids(), [turn])) == [Committed()]

    # ---------------------------------------------------------------------------------------------------- what is seen

    def steps(self, key: ActorKey) -> tuple[str, ...]:
        """What was applied to a job, in order."""
        state = self.store.tables.row(key).state
        return () if state is None else Job.model_validate_json(state).steps

    def events(self, key: ActorKey) -> tuple[str, ...]:
        """The same without results."""
        return tuple(step for step in self.steps(key) if not step.startswith("+"))

    def lane(self, key: ActorKey) -> list[tuple[str, Verdict]]:
        """Messages in a lane, in order."""
        return [(row.message.id, row.verdict) for row in self.store.tables.lane(key)]

    def state_of(self, key: ActorKey) -> LaneState:
        return self.store.tables.row(key).lane.state

    def verdict(self, id: str, source: str = "psa") -> Verdict | None:
        """The verdict of a message."""
        ref = self.store.tables.identities.get((source, id))
        return None if ref is None else self.store.tables.inbox[ref].verdict

    def cases(self) -> list[str]:
        """Codes of the open cases."""
        return [row.opened.case.failure.code for row in self.store.tables.cases if row.is_open]

    def check_history(self) -> None:
        """Entity versions are 1..n without a gap, and each message was applied once."""
        tables = self.store.tables
        for key in tables.entities:
            made = [line for line in tables.timeline if line.key == key and line.what == Verdict.APPLIED]
            assert len({line.ref for line in made}) == len(made)
            versions = [line.entity_version for line in made]
            assert versions == sorted(set(versions))


async def until(is_so: Callable[[], bool], seconds: float = PATIENCE, *, step: float = 0.05) -> None:
    """Let the loop's time pass until `is_so`; fails when it does not become so."""
    for _ in range(int(seconds / step)):
        if is_so():
            return
        await asyncio.sleep(step)
    assert is_so(), f"not so within {seconds} s of the loop's time"
