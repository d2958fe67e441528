"""One process of the gateway in a simulation: the runtime as it ships, on wires, and what may befall it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming, MemoryIntake, MemorySubscription
from adapters.memory.store import MemoryStore
from adapters.memory.tables import Clock
from adapters.ports.broker import Delivery, Outgoing, Published
from gateway.activations import Bounds
from gateway.metrics import Counts
from gateway.policy_file import PolicyFile
from gateway.runtime import Ports, Runtime, Sources, Tuning
from tests.checker import cells
from tests.checker.evidence import Cell
from tests.gateway.toy import Ids
from tests.runtime.firm import Probe
from tests.runtime.troubles import Outage
from tests.sim.outside import Line, Outside
from tests.sim.owner import Owner, context_of
from tests.sim.pals import SIM_ACTORS, SIM_VOCABULARY
from tests.sim.planted.plant import Plant
from tests.sim.receipts import Receipts, Tapped
from tests.sim.wire import Server, Wire, over


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all processes share."""

    store: MemoryStore
    clock: Clock
    broker: MemoryBroker
    outsides: Mapping[str, Outside]
    policy: PolicyFile
    ids: Ids
    receipts: Receipts
    server: Server
    plant: Plant
    bounds: Bounds
    prefetch: int


@dataclass(eq=False)
class Process:
    """A process; make it with `start`."""

    name: str
    around: Surroundings
    seed: int
    owner: Owner = field(default_factory=Owner)
    skew: timedelta = timedelta(0)
    """How far its wall clock is off."""
    is_dead: bool = False
    is_leaving: bool = False
    is_blind: bool = False
    """Whether it has not noticed yet which of its channels are gone."""

    def __post_init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.wire = Wire(self.name, self.around.server, Random(f"{self.seed} {self.name}"))
        clients, plant, clock = self.around.store.clients(), self.around.plant, self.around.clock
        self._notices, self._looks = clients.notices, clients.looks
        tables, wire = self.around.store.tables, self.wire
        self.ports = Ports(
            commits=[over(plant.commits(tables, clock), wire) for _ in range(2)],
            lanes=over(plant.lanes(tables, clock), wire),
            acts=over(clients.acts, wire),
            pauses=over(plant.pauses(tables, clock), wire),
            outbox=over(plant.outbox(tables, clock), wire),
            overdue=over(clients.overdue, wire),
            cases=over(clients.cases, wire),
            notices=over(clients.notices, wire),
            dead_letters=over(clients.dead_letters, wire),
            suspects=over(clients.suspects, wire),
            looks=over(clients.looks, wire),
            entities=over(clients.entities, wire),
            reads=over(Probe(Outage()), wire),
            consuming=_Consuming(self),
            publishing=_Publishing(self.around.broker, wire),
            systems={name: Line(outside, wire) for name, outside in self.around.outsides.items()},
            gates=over(clients.gates, wire),
        )
        chance = Random(f"{self.seed} {self.name} chance")
        sources = Sources(lambda: datetime.fromtimestamp(clock(), UTC) + self.skew, self.around.ids, chance.random)
        tuning = Tuning(prefetch=self.around.prefetch, bounds=self.around.bounds)
        self.skews = [self.skew]
        self.counts = Counts("simulation")
        self.runtime = Runtime(
            self.ports, SIM_ACTORS, self.around.policy, sources, self.counts, tuning, SIM_VOCABULARY
        )  # fmt: skip
        self.around.plant.runtime(self.runtime)

    @property
    def is_alive(self) -> bool:
        """Whether it runs, or will again."""
        return not self.is_dead

    @property
    def is_well(self) -> bool:
        """Whether it runs, and nobody has asked it to leave."""
        return not (self.is_dead or self.is_leaving or self.owner.is_still)

    def set_clock(self, skew: timedelta) -> None:
        """Its wall clock is wrong from now on."""
        self.skew = skew
        self.skews.append(skew)

    def start(self) -> Process:
        """Start its tasks, all of which are its own."""
        self._starting = self.loop.create_task(self.runtime.start(), context=context_of(self.owner))
        return self

    def kill(self) -> None:
        """End it at once: its next step never comes, the servers notice that its connections are gone."""
        self._hit_all(cells.KILL)
        self.is_dead = self.owner.is_still = self.wire.is_cut = True
        self._leave()

    def freeze(self, seconds: float, *, is_missed: bool) -> None:
        """Stop it for a while; `is_missed`: the broker takes its connection for dead meanwhile."""
        self._hit_all(cells.FROZEN)
        self.owner.is_still = True
        if is_missed:
            self.is_blind = True
            self.loop.call_later(min(3.0, seconds / 2), self._lose_channels)
        self.loop.call_later(seconds, self._thaw, context=context_of(None))

    async def drain(self, grace: float) -> None:
        """Ask it to leave; what is not done within `grace` seconds is cancelled wherever it is."""
        about_to = self.loop.call_later(grace, self._hit_all, cells.CANCEL, context=context_of(None))
        await self.loop.create_task(self.runtime.drain(grace), context=context_of(self.owner))
        about_to.cancel()
        self.is_dead = self.wire.is_cut = True
        await self._notices.close()
        await self._looks.close()

    @property
    def intakes(self) -> list[MemoryIntake]:
        """Its consumers."""
        subscription = self.runtime._subscription
        return list(subscription._intakes.values()) if isinstance(subscription, MemorySubscription) else []

    @property
    def deaths(self) -> list[str]:
        """Its tasks that have ended, though they run for ever."""
        if self.runtime.health.is_draining:
            return []
        return [f"{self.name} {name}" for name, task in self.runtime._tasks.items() if task.done()]

    def has_acks_in_flight(self) -> bool:
        """Whether acks are on their way to the broker."""
        return any(intake._channel is not None and intake._channel._acks for intake in self.intakes)

    def _hit_all(self, fault: str) -> None:
        moments = {*self.wire.now, *([cells.ACK] if self.has_acks_in_flight() else [])}
        for moment in sorted(moments):
            self.around.server.hit(Cell(moment, fault))

    def _leave(self) -> None:
        for intake in self.intakes:
            if intake in intake._broker.standing:
                intake._broker.standing.remove(intake)
            if intake._reopening is not None:
                intake._reopening.cancel()
            intake._drop()
        if self._notices is self.around.store.tables.teller:
            self.around.store.tables.teller = None
        if self._looks is self.around.store.tables.looker:
            self.around.store.tables.looker = None

    def _lose_channels(self) -> None:
        if self.is_alive:
            for intake in self.intakes:
                intake.lose()

    def _thaw(self) -> None:
        if self.is_alive and self.owner.is_still:
            self.owner.go_on(self.loop)
            self.loop.call_later(0.3, self._see, context=context_of(None))

    def _see(self) -> None:
        self.is_blind = False


class _Publishing(MemoryPublishing):
    """`Publishing` that takes its time."""

    def __init__(self, broker: MemoryBroker, wire: Wire) -> None:
        super().__init__(broker)
        self._wire = wire

    async def publish(self, messages: Sequence[Outgoing]) -> list[Published]:
        await asyncio.sleep(self._wire.delay())
        return await super().publish(messages)


class _Consuming:
    """`Consuming` whose deliveries are watched."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._consuming = MemoryConsuming(process.around.broker, on_error=self._failed)

    async def subscribe(
        self, queues: Sequence[str], *, prefetch: int, on_delivery: Callable[[Delivery], None]
    ) -> MemorySubscription:
        process = self._process

        def tapped(delivery: Delivery) -> None:
            on_delivery(Tapped(delivery, process, process.around.receipts))

        return await self._consuming.subscribe(queues, prefetch=prefetch, on_delivery=tapped)

    @property
    def held_bytes(self) -> int:
        """Bytes of what is not acked."""
        return self._consuming.held_bytes

    async def close(self) -> None:
        await self._consuming.close()

    def _failed(self, queue: str, error: Exception) -> None:
        raise AssertionError(f"{queue}: taking a delivery failed") from error
