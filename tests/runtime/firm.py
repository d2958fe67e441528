"""A whole firm in one loop: the runtime as it ships, real actors, a store and a broker in memory, moody systems."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from random import Random

from actors.decision import Actor
from actors.registry import ACTORS
from adapters.memory.broker import MemoryAdministration, MemoryBroker, MemoryPublishing
from adapters.memory.broker_consuming import MemoryConsuming, MemorySubscription
from adapters.memory.looks import MemoryLooks
from adapters.memory.store import MemoryStore
from adapters.ports.broker import Outgoing, Published
from adapters.ports.system import Absent, Capability
from adapters.ports.turns import StoreUnavailable
from adapters.ports.views import (
    DeadLetterRow,
    LaneQuery,
    LaneRow,
    LetterQuery,
    MessageQuery,
    MessageRow,
    StatusReport,
)
from adapters.rabbitmq.topology import EVENTS, topology
from gateway.metrics import Counts
from gateway.policy_file import PolicyFile, parse_policy
from gateway.replay.parts import ReplayPorts
from gateway.runtime import Counting, Ports, Runtime, Sources, Tuning
from schemas.codec import STRUCTURED, encode
from schemas.commands import Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.envelope import Attributes
from schemas.keys import ActorKey
from schemas.operations.billable import BillablePost, BillableReverse
from schemas.operations.table import Body, read_body
from schemas.record import Record
from schemas.registry import EVENTS as REGISTRY
from tests.gateway.toy import NOW, WRONG, Ids
from tests.runtime.town import SMALL
from tests.runtime.troubles import Connection, Outage, TroubledOutbox, some_seconds
from tests.runtime.vendor import BUSY, KEYED, NO_ANSWER, Mood

CRM = "urn:example:crm"
PSA = "urn:example:psa"
PATH = {"path": "/x", "look_up": True, "key_window_seconds": 86_400, "late_bound_seconds": 60}
OPERATIONS_OF_ERP = ("customer.put", "project.create", "contract.put", "billable.post", "billable.reverse")
SYSTEM = {"url": "http://127.0.0.1:1", "token": "sandbox-token"}
POLICY = PolicyFile.model_validate(
    {
        "legal_entities": {"DE01": {"currency": "EUR", "tax_codes": {"standard": "D19"}}},
        "service_lines": ["advisory"],
        "sources": {
            CRM: {"users": ["guest"], "types": ["customer.*", "project.*"]},
            PSA: {"users": ["guest"], "types": ["timesheet.*"]},
        },
        "systems": {
            "erp": SYSTEM | {"operations": dict.fromkeys(OPERATIONS_OF_ERP, PATH)},
            "psa": SYSTEM | {"operations": {"project.put": PATH}},
            "crm": SYSTEM | {"operations": {"project.link": PATH}},
        },
    }
)


def event(source: str, id: str, key: ActorKey, data: Record) -> Outgoing:
    """A fact as its source publishes it."""
    name = next(name for name in REGISTRY.names if REGISTRY.latest(name).model is type(data))
    attributes = Attributes(source, id, REGISTRY.latest(name).type, key.id, time=NOW)
    return Outgoing(EVENTS, name, encode(attributes, data), STRUCTURED, {}, message_id=id)


@dataclass
class Books:
    """A system that keeps what it was asked for, by operation and our reference; each once."""

    name: str
    chance: Random
    moods: deque[Mood] = field(default_factory=deque)
    otherwise: Callable[[], Mood] = lambda: Mood.WELL
    asked: int = 0
    entries: dict[tuple[str, str], Body] = field(default_factory=dict)
    repeated: list[str] = field(default_factory=list)

    def capability(self, _operation: str) -> Capability:
        return KEYED

    async def send(self, command: Command) -> Outcome:
        mood = self.moods.popleft() if self.moods else self.otherwise()
        self.asked += 1
        await asyncio.sleep(self.chance.uniform(0, 0.05))
        body, place = read_body(command.operation, command.body), (command.operation, command.reference)
        if mood is Mood.BUSY:
            return Deferred(BUSY, 1.0)
        if mood is Mood.REJECTS:
            return Rejected(WRONG)
        if mood is not Mood.TIMES_OUT and self.entries.setdefault(place, body) != body:
            self.repeated.append(command.reference)
        if mood is Mood.WELL:
            return self._confirmed(command)
        return Unknown(NO_ANSWER)

    async def look_up(self, command: Command) -> Confirmed | Absent | Unknown:
        await asyncio.sleep(self.chance.uniform(0, 0.05))
        return self._confirmed(command) if (command.operation, command.reference) in self.entries else Absent()

    async def close(self) -> None:
        return

    def money(self) -> Decimal:
        """What stands on the books."""
        amounts = [body.amount for body in self.entries.values() if isinstance(body, BillablePost | BillableReverse)]
        return sum(amounts, Decimal(0))

    def _confirmed(self, command: Command) -> Confirmed:
        """A system's own id names the customer or project, whatever was asked about it, but each line by itself."""
        is_of_line = command.operation.partition(".")[0] in ("billable", "expense", "cost", "milestone")
        own = command.id if is_of_line else command.key.id
        return Confirmed(f"{self.name}-{own}")


@dataclass
class Desk:
    """The desk on which the policy file of all processes lies: `file` as it is now."""

    file: PolicyFile = POLICY

    async def read(self) -> PolicyFile:
        return self.file

    async def parse(self, text: str, name: str) -> PolicyFile:
        return parse_policy(text, name)


class Probe:
    """The port `Reads`, of which the runtime needs the probe alone."""

    def __init__(self, outage: Outage) -> None:
        self._outage = outage

    async def probe(self) -> None:
        self._outage.check()

    async def status(self) -> StatusReport:
        raise StoreUnavailable("not here")

    async def messages(self, query: MessageQuery, *, limit: int) -> list[MessageRow]:
        raise StoreUnavailable("not here")

    async def lanes(self, query: LaneQuery, *, limit: int) -> list[LaneRow]:
        raise StoreUnavailable("not here")

    async def dead_letters(self, query: LetterQuery, *, limit: int) -> list[DeadLetterRow]:
        raise StoreUnavailable("not here")


class Gateway:
    """One process of the gateway."""

    def __init__(self, firm: Firm, seed: int) -> None:
        chance = Random(seed)
        store = firm.store.clients()
        outbox = TroubledOutbox(firm.store.tables, firm.clock)
        outbox.outage = firm.outage
        looks = firm.looks(firm.store.tables)
        self.connections = [
            Connection(firm.store.clients().commits, firm.outage, some_seconds(chance, 0.02)) for _ in range(2)
        ]
        ports = Ports(
            commits=self.connections,
            lanes=store.lanes,
            acts=store.acts,
            pauses=store.pauses,
            outbox=outbox,
            overdue=store.overdue,
            cases=store.cases,
            notices=store.notices,
            dead_letters=store.dead_letters,
            suspects=store.suspects,
            looks=looks,
            entities=store.entities,
            reads=Probe(firm.outage),
            consuming=MemoryConsuming(firm.broker, on_error=firm.failed),
            publishing=MemoryPublishing(firm.broker),
            systems=firm.books,
            gates=store.gates,
            policies=store.policies,
            unmapped=store.unmapped,
            counting=Counting(store.books, store.kpis),
            replays=ReplayPorts(store.replay_work, store.replay_work, firm.store.clients().commits),
        )
        sources = Sources(lambda: datetime.fromtimestamp(firm.clock(), UTC), firm.ids, chance.random)
        tuning = Tuning(prefetch=50, bounds=SMALL)
        self.runtime = Runtime(ports, firm.actors, firm.desk.file, sources, Counts("test"), tuning, texts=firm.desk)
        self._locks = (store.notices, looks, store.replay_work)

    async def kill(self) -> None:
        """End it at once: the broker takes back what was not acked, and nobody says good-bye."""
        subscription = self.runtime._subscription
        assert subscription is None or isinstance(subscription, MemorySubscription)
        for intake in [] if subscription is None else subscription._intakes.values():
            intake._broker.standing.remove(intake)
            if intake._reopening is not None:
                intake._reopening.cancel()
            intake._drop()
        self.runtime.health.is_draining = True
        everything = [*self.runtime._tasks.values(), *(t for r in self.runtime._relays.values() for t in r._in_flight)]
        for task in everything:
            task.cancel()
        await asyncio.gather(*everything, return_exceptions=True)
        for lock in self._locks:  # they go with the connections
            await lock.close()


@dataclass
class Firm:
    """Everything, from `began` on by its clocks. Make it inside of a running story."""

    seed: int = 0
    gateways: list[Gateway] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    actors: Mapping[str, Actor] = field(default_factory=lambda: ACTORS)
    looks: type[MemoryLooks] = MemoryLooks
    desk: Desk = field(default_factory=Desk)
    began: datetime = NOW

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.clock: Callable[[], float] = lambda: self.began.timestamp() + loop.time()
        self.store = MemoryStore(self.clock)
        self.outage = Outage()
        self.broker = MemoryBroker()
        self.ids = Ids()
        self.books = {name: Books(name, Random(f"{self.seed}{name}")) for name in self.desk.file.systems}
        self._publishing = MemoryPublishing(self.broker)

    def failed(self, queue: str, error: Exception) -> None:
        """The broker's word for a delivery that was taken badly: our bug."""
        self.failures.append(f"{queue}: {error!r}")

    async def open(self, gateways: int) -> None:
        """Declare the topology and start some gateways."""
        await MemoryAdministration(self.broker).apply(topology(tuple(ACTORS)))
        for _ in range(gateways):
            await self.start()

    async def start(self) -> Gateway:
        """One more gateway."""
        gateway = Gateway(self, self.seed * 100 + len(self.gateways))
        self.gateways.append(gateway)
        await gateway.runtime.start()
        return gateway

    async def publish(self, event: Outgoing) -> None:
        """Publish until it is confirmed, as a sender does."""
        for _ in range(1000):
            if self.broker.is_up and await self._publishing.publish([event]) == [Published.CONFIRMED]:
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the broker never came back")

    def depth(self) -> int:
        """Messages that the broker still has, given out or not."""
        queues = [queue for name, queue in self.broker.queues.items() if name != "tallystick.dead"]
        return sum(queue.depth + sum(channel.unacked for channel in queue._channels) for queue in queues)

    def cases(self) -> list[str]:
        """Open cases."""
        return [row.opened.case.failure.code for row in self.store.tables.cases if row.is_open]

    def check_alive(self) -> None:
        """No task of a gateway has ended."""
        assert self.failures == []
        for gateway in self.gateways:
            for name, task in gateway.runtime._tasks.items():
                assert not task.done(), (name, task.exception())
