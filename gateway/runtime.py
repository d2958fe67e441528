"""The running process behind its ports: what is made, in which order it starts, and how it drains.

Longer than a file should be, so that everything that is made, started, and ended stands in one place, in its order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from uuid import UUID

from actors.decision import Actor
from adapters.ports.audit import Sealing
from adapters.ports.broker import Consuming, Keepsakes, Publishing, Subscription
from adapters.ports.cases import Cases
from adapters.ports.entities import Entities
from adapters.ports.gate import Gates
from adapters.ports.inspection import Inspects
from adapters.ports.kpis import Books, Kpis
from adapters.ports.letters import DeadLetters
from adapters.ports.looks import Looks
from adapters.ports.outbox import Notices, Outbox
from adapters.ports.overdue import Overdue
from adapters.ports.pauses import Pauses
from adapters.ports.policies import Policies, Unmapped
from adapters.ports.restores import Phase, Remembered, Restore, Restores
from adapters.ports.retention import Retention
from adapters.ports.schema_uses import SchemaUses
from adapters.ports.store import Commits, LaneActs, Lanes, Reads
from adapters.ports.suspects import Suspects
from adapters.ports.system import System
from gateway import self_system, telemetry
from gateway.activations import Bounds
from gateway.attempt import Attempts
from gateway.backoff import Backoff
from gateway.batching import SINGLY
from gateway.burial import Burial
from gateway.bus import Bus
from gateway.case_terms import CaseTerms
from gateway.committer import Committer
from gateway.consumer import Consumer
from gateway.door import QUEUE_PREFIX, UNROUTED, Door
from gateway.first_look import FirstLook
from gateway.gate import SystemGate
from gateway.health import Health
from gateway.hearing import Ear
from gateway.heartbeat import SILENT_SECONDS, Heartbeat
from gateway.inner import Inner
from gateway.kpis.business import Business
from gateway.kpis.follower import Follower
from gateway.lanes import LaneWorker
from gateway.life import Life
from gateway.looking import Looking
from gateway.mapping_retry import MappingRetry
from gateway.metrics import Counts, Gauge
from gateway.notifier import Notifier
from gateway.pauses import PauseBook
from gateway.people import People
from gateway.policies import PolicyBook
from gateway.policy_disk import PolicyDisk, PolicyTexts
from gateway.policy_file import PolicyFile
from gateway.readable import read_systems
from gateway.readmission import Readmission
from gateway.recon.parts import Reconciliation, ReconPorts, reconciliation
from gateway.recorder import Recorder
from gateway.references import References
from gateway.relay import Desk, Relay, Relays
from gateway.reminder import Reminder
from gateway.replay.asking import Asking
from gateway.replay.parts import ReplayPorts, replayer
from gateway.replay.worker import Replayer
from gateway.retention import Cleaner
from gateway.rules import OVERDUE_SECONDS
from gateway.schema_use import SchemaUsage
from gateway.sealing import Sealer
from gateway.self_system import SelfSystem
from gateway.starting import Patience
from gateway.suspicion import Suspicion
from gateway.trial import Trial
from gateway.watch import Watch
from gateway.watermark import Watermark, phase_of
from gateway.world import World
from schemas.commands import SELF
from schemas.keys import ActorKey
from schemas.vocabulary import VOCABULARY, Vocabulary

NO_FILE = PolicyDisk(None)
SNAPSHOTS = 50_000
"""References kept in memory."""


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What a process needs beyond the way of a message. `remembered` is the outbox's too."""

    restores: Restores
    retention: Retention
    keepsakes: Keepsakes
    remembered: Remembered


@dataclass(frozen=True, slots=True)
class Counting:
    """What the business's figures are counted in, and shown from."""

    books: Books
    kpis: Kpis


@dataclass(frozen=True, slots=True)
class Ports:
    """The outside, as implementations of our ports. One `Commits` for each committer.

    Without `upkeep` nothing looks whether the database went back; for measuring, and for stores that cannot. Without
    `policies` the policy is that of the file for good, and without `unmapped` nothing is retried when it changes.
    Without `reconciliation` nothing is reconciled, without `counting` no figures are counted, without `sealing` no act
    is sealed, without `replays` nothing is replayed, and without `schema_uses` nobody hears who sends which version.
    `inspected` are those of `systems` that can be asked about themselves.
    """

    commits: Sequence[Commits]
    lanes: Lanes
    acts: LaneActs
    pauses: Pauses
    outbox: Outbox
    overdue: Overdue
    cases: Cases
    notices: Notices
    dead_letters: DeadLetters
    suspects: Suspects
    looks: Looks
    entities: Entities
    reads: Reads
    consuming: Consuming
    publishing: Publishing
    systems: Mapping[str, System]
    gates: Gates
    upkeep: Upkeep | None = None
    policies: Policies | None = None
    unmapped: Unmapped | None = None
    reconciliation: ReconPorts | None = None
    counting: Counting | None = None
    sealing: Sealing | None = None
    replays: ReplayPorts | None = None
    schema_uses: SchemaUses | None = None
    inspected: Mapping[str, Inspects] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sources:
    """Time, ids, and chance: the real ones in production, seeded ones in a simulation."""

    now: Callable[[], datetime]
    ids: Callable[[], UUID]
    chance: Callable[[], float] = Random().random  # noqa: S311  # jitter needs no secrecy


@dataclass(frozen=True, slots=True)
class Tuning:
    """How much is taken at once; `prefetch` is per queue. `silent_seconds`: see `gateway.heartbeat`.

    Without `relays` commands stay in the outbox, and without `notices` facts stay unpublished; both for measuring.
    """

    prefetch: int = 1000
    bounds: Bounds = field(default_factory=Bounds)
    silent_seconds: float = SILENT_SECONDS
    relays: bool = True
    notices: bool = True


class Runtime:
    """Makes the parts and wires them. `texts` reads the policy file again."""

    def __init__(
        self,
        ports: Ports,
        actors: Mapping[str, Actor],
        policy: PolicyFile,
        sources: Sources,
        counts: Counts,
        tuning: Tuning,
        vocabulary: Vocabulary = VOCABULARY,
        texts: PolicyTexts = NO_FILE,
    ) -> None:
        self.instance = sources.ids()
        self.health = Health(ports.reads, ports.publishing)
        self._ports = ports
        self._prefetch = tuning.prefetch
        self._queues = [f"{QUEUE_PREFIX}{entity}" for entity in actors] + [UNROUTED]
        self._watch = Watch(counts)
        self._bus = Bus()
        self.pauses = PauseBook(ports.pauses, self._bus.poke, Backoff())
        self.policies = PolicyBook(policy, ports.policies, Backoff(), texts)
        self.health.deciding(lambda: self.policies.unread)
        self._world = world = self._make_world(actors, policy, sources, tuning, vocabulary)
        self._committers = [
            Committer(commits, world, self._watch, self._bus.deliver, Backoff()) for commits in ports.commits
        ]
        self._bus.connect(self._committers)
        self._life = self._make_life(world)
        self._lanes = LaneWorker(ports.lanes, self._bus.poke, Backoff())
        self._recorder = Recorder(ports.outbox, Backoff())
        self.gates = _gates(policy, ports.systems, sources.now)
        self.inner = inner = Inner(self._bus, sources.now, sources.ids, vocabulary)
        self.people = People(inner, ports.entities)
        self._mapping_retry = self._make_mapping_retry()
        self.read_systems = tuple(read_systems(policy))
        self.reconciliation = self._make_reconciliation(actors, sources)
        self.replayer = self._make_replayer(policy, sources)
        self._relays = self._make_relays(policy, sources, SelfSystem(inner)) if tuning.relays else {}
        ages = {name: policy.systems[name].overdue_seconds for name in ports.systems} | {SELF: OVERDUE_SECONDS}
        self._reminder = Reminder(ports.overdue, ages, self.gates, Backoff())
        self._case_terms = CaseTerms(ports.cases, Backoff())
        self._notifier = self._make_notifier() if tuning.notices else None
        self._burial = Burial(ports.dead_letters, Backoff())
        self._watch.connect(Relays(self._relays, self._recorder), self._lanes, self._notifier, self._burial)
        self._door = door = Door(self.policies.sources, sources.ids, vocabulary, self.policies.intakes)
        suspicion = Suspicion(ports.suspects, self._bus, self._burial, Backoff(), self._watch.suspected)
        self._consumer = Consumer(door, self._bus, self._burial, suspicion, self._watch.delivered)
        self.readmission = Readmission(ports.dead_letters, door, self._bus, suspicion, Backoff())
        self._heartbeat = Heartbeat(
            ports.outbox, self.instance, Backoff(), telemetry.leases_taken_over, silent_after=tuning.silent_seconds
        )
        self._phase = Phase.ENDED
        kept = ports.upkeep
        self._watermark = None if kept is None else self._make_watermark(kept)
        self._cleaner = None if kept is None else Cleaner(kept.retention, policy.retention.seconds, self._watch.removed)
        self._follower = None if ports.counting is None else Follower(ports.counting.books, Backoff())
        self._business = None if ports.counting is None else Business(ports.counting.kpis, Backoff())
        self._sealer = None if ports.sealing is None else Sealer(ports.sealing, Backoff())
        uses = ports.schema_uses
        self._schema_usage = None if uses is None else SchemaUsage(uses, counts.types)
        self._now = sources.now
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_running = False
        self._subscription: Subscription | None = None
        self._ended = asyncio.Event()
        self._show(counts)

    def begin(self) -> None:
        """Let readiness say what the start waits for."""
        if "health" not in self._tasks:
            self._spawn("health", self.health.run())

    async def start(self) -> None:
        """Look whether the database went back, for as long as that takes; then start every task, and consume.

        After lives that ended badly lanes are looked at before anything else is done.
        """
        self.begin()
        if self._watermark is not None and self._ports.upkeep is not None:
            watermark, keepsakes = self._watermark, self._ports.upkeep.keepsakes
            await Patience(Backoff()).until_done("watermark", lambda: watermark.compare(keepsakes))
            self._spawn("watermark", watermark.run())
        await Patience(Backoff()).until_done("policy", self.policies.begin)
        for place, committer in enumerate(self._committers):
            self._spawn(f"committer-{place}", committer.run())
        self._spawn("burial", self._burial.run())
        self._spawn("readmission", self.readmission.run())
        self._spawn("recorder", self._recorder.run())
        self._spawn("pauses", self.pauses.run())
        await self._life.begin()
        if self.health.is_draining:
            return
        self._is_running = True
        self._spawn("life", self._life.run())
        self._spawn("lanes", self._lanes.run())
        if self._ports.policies is not None:
            self._spawn("policies", self.policies.run())
        self._spawn("case-terms", self._case_terms.run())
        if self._relays:
            self._spawn("heartbeat", self._heartbeat.run())
            self._spawn("reminder", self._reminder.run())
        for name, relay in self._relays.items():
            self._spawn(f"relay-{name}", relay.run())
        if self._notifier is not None:
            self._spawn("notifier", self._notifier.run())
        self._spawn_beside()
        self._spawn("consumer", self._consumer.run())
        self._subscription = await self._ports.consuming.subscribe(
            self._queues, prefetch=self._prefetch, on_delivery=self._consumer.on_delivery
        )
        self.health.consuming(self._subscription)

    def _spawn_beside(self) -> None:
        """What works beside the way of a message, where there is what it needs."""
        if self._mapping_retry is not None:
            self._spawn("mapping_retry", self._mapping_retry.run())
        if self.reconciliation is not None:
            self._spawn("reconciliation", self.reconciliation.reconciler.run())
        if self.replayer is not None:
            self._spawn("replays", self.replayer.run())
        if self._cleaner is not None:
            self._spawn("retention", self._cleaner.run())
        if self._follower is not None and self._business is not None:
            self._spawn("figures", self._follower.run())
            self._spawn("business", self._business.run())
        if self._sealer is not None:
            self._spawn("sealing", self._sealer.run())
        if self._schema_usage is not None:
            self._spawn("schema-usage", self._schema_usage.run())

    def trial(self, rows: Commits, entities: Entities) -> Trial:
        """What tries events on what stands; over connections of its own, which nothing else waits for."""
        return Trial(self._door, self.policies.sources, self._world, rows, entities)

    def look_at(self, key: ActorKey) -> None:
        """Go on with `key` at once: an operator has changed its lane, or let parked commands of it run again."""
        self._bus.poke(key)
        for relay in self._relays.values():
            relay.queue.add(key)

    def look_at_system(self, name: str) -> None:
        """Ask the gate of a system again at once: an operator has paused or resumed it."""
        relay = self._relays.get(name)
        if relay is not None:
            relay.gate_changed()

    async def ended(self) -> None:
        """Wait until a task that runs for ever has ended, which is our bug."""
        await self._ended.wait()

    async def drain(self, grace: float) -> bool:
        """Stop taking, finish what is in flight, commit, ack, close the channels; whether all of it was done in time.

        What was not done is not lost: unacked messages are delivered again, leases lapse.
        """
        self.health.is_draining = True
        self.readmission.close()
        self.people.close()
        try:
            async with asyncio.timeout(grace):
                await self._finish()
                clean = True
        except TimeoutError:
            clean = False
        if self._subscription is not None:
            await self._subscription.close()
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        return clean

    def _on_restore(self, restore: Restore | None) -> None:
        phase = phase_of(restore)
        if phase is not self._phase:
            self._phase = phase
            telemetry.restore_phase(phase)

    def _on_overtaken(self) -> None:
        if self._mapping_retry is not None:
            self._mapping_retry.overtaken()

    async def _finish(self) -> None:
        if not self._is_running:
            return
        if self._subscription is not None:
            await self._subscription.pause()
        self._tasks["lanes"].cancel()
        await self._consumer.quiet()
        await asyncio.gather(*(relay.stop() for relay in self._relays.values()))
        await self._recorder.quiet()
        await self._bus.quiet()
        await self._burial.quiet()
        await self.readmission.quiet()
        if self._schema_usage is not None:
            await self._schema_usage.write()
        await self._life.end()

    def _spawn(self, name: str, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._on_end)
        self._tasks[name] = task

    def _on_end(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self.health.is_draining:
            return
        error = task.exception() or RuntimeError("it returned")
        telemetry.task_died(task.get_name(), error)
        self.health.died(task.get_name())
        self._ended.set()

    def _show(self, counts: Counts) -> None:
        """Gauges of what this process has in hand."""
        if self.reconciliation is not None:
            counts.gauges += self.reconciliation.gauges
        if self._business is not None:
            self._business.show(counts)
        counts.gauges.append(
            Gauge("audit_unsealed_seconds", "How long ago the audit was sealed last, left out until it was.", (),
                  self._unsealed_for)
        )  # fmt: skip
        counts.gauges.append(Gauge("pauses_active", "Pauses in force.", (), lambda: {(): float(self.pauses.count)}))
        counts.gauges.append(
            Gauge("policy_behind", "1 while this process cannot read the policy in force.", (),
                  lambda: {(): float(self.policies.unread is not None)})
        )  # fmt: skip
        counts.gauges.append(Gauge("activations", "Keys in memory.", (), lambda: {(): float(self._bus.activations)}))
        counts.gauges.append(
            Gauge("unacked_bytes", "Bytes of messages, with their headers, in memory that are not acknowledged.", (),
                  lambda: {(): float(self._ports.consuming.held_bytes)})
        )  # fmt: skip
        counts.gauges.append(
            Gauge("commands_in_flight", "Attempts that run now.", ("system",),
                  lambda: {(name,): float(relay.in_flight) for name, relay in self._relays.items()})
        )  # fmt: skip
        counts.gauges.append(
            Gauge("restore_phase", "1 for what holds of commands: held, released (they ask first), or ended.",
                  ("phase",), lambda: {(phase,): float(phase is self._phase) for phase in Phase})
        )  # fmt: skip

    def _unsealed_for(self) -> Mapping[tuple[str, ...], float]:
        until = None if self._sealer is None else self._sealer.until
        return {} if until is None else {(): (self._now() - until).total_seconds()}

    def _make_world(
        self,
        actors: Mapping[str, Actor],
        policy: PolicyFile,
        sources: Sources,
        tuning: Tuning,
        vocabulary: Vocabulary,
    ) -> World:
        return World(
            actors,
            References(actors, capacity=SNAPSHOTS),
            lambda message: vocabulary.decode_stored(message.body),
            sources.now,
            sources.ids,
            self.policies.policy,
            self.policies.rules,
            self.pauses.active,
            policy.retry_rules.next_try(sources.chance),
            tuning.bounds,
            self.policies.hash,
            self.policies.look,
            self._on_overtaken,
        )

    def _make_life(self, world: World) -> Life:
        ports = self._ports
        looking = Looking(self.health.starting, self._watch.suspected)
        first_look = FirstLook(
            ports.looks, ports.lanes, ports.commits[0], world, self._watch, self._bus, Backoff(), looking
        )
        return Life(self.instance, ports.looks, first_look, Backoff())

    def _make_notifier(self) -> Notifier:
        return Notifier(self._ports.notices, self._ports.publishing, Backoff(), self._watch.published)

    def _make_watermark(self, kept: Upkeep) -> Watermark:
        return Watermark(kept.restores, self._ports.publishing, kept.remembered, self._on_restore)

    def _make_mapping_retry(self) -> MappingRetry | None:
        unmapped, acts = self._ports.unmapped, self._ports.acts
        if unmapped is None:
            return None
        return MappingRetry(self.policies, unmapped, acts, self.look_at, Backoff(), self.people)

    def _make_reconciliation(self, actors: Mapping[str, Actor], sources: Sources) -> Reconciliation | None:
        ports = self._ports
        if ports.reconciliation is None:
            return None
        return reconciliation(
            ports.reconciliation, ports.entities, ports.systems, self.inner, actors, self.policies, self.pauses.active,
            sources.now,
        )  # fmt: skip

    def _make_replayer(self, policy: PolicyFile, sources: Sources) -> Replayer | None:
        ports = self._ports
        if ports.replays is None:
            return None
        rates = {name: policy.systems[name].gate.rate_per_second for name in ports.systems}
        return replayer(
            ports.replays, ports.entities, self._world, lambda: Asking(ports.systems, rates), self.look_at,
            lambda system, key: Relays(self._relays, self._recorder).hint(system, key), sources.ids,
            self._watch.replayed,
        )  # fmt: skip

    def _make_relays(self, policy: PolicyFile, sources: Sources, itself: SelfSystem) -> dict[str, Relay]:
        desk = Desk(
            self._ports.outbox, self._recorder, self.instance, sources.ids, self._bus.answer, self._watch.attempted,
            self._bus.caught_up,
        )  # fmt: skip
        retries = policy.retry_rules
        relays: dict[str, Relay] = {}
        for name, system in {**self._ports.systems, SELF: itself}.items():
            entry = self_system.GATE if name == SELF else policy.systems[name].gate
            ear = Ear(entry.breaker.rule, retries, entry.longest_retry_after_seconds)
            batches = SINGLY if name == SELF else policy.systems[name].batches
            attempts = Attempts(system, retries, ear, sources.chance, batches)
            relays[name] = Relay(attempts, desk, gate=self.gates[name], backoff=Backoff())
        return relays


def _gates(policy: PolicyFile, systems: Iterable[str], now: Callable[[], datetime]) -> dict[str, SystemGate]:
    """A gate for each system, and one for what actors ask of each other."""
    entries = {name: policy.systems[name] for name in systems}
    gates = {name: SystemGate(entry.gate, entry.concurrency, now, entry.batches) for name, entry in entries.items()}
    return gates | {SELF: SystemGate(self_system.GATE, self_system.CONCURRENCY, now)}
