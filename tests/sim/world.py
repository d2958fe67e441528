"""The world of one simulation: servers, systems, sources, processes, and a trace of all that happens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from random import Random
from typing import Final

from adapters.memory.broker import MemoryAdministration, MemoryBroker, MemoryPublishing
from adapters.memory.store import MemoryStore
from adapters.memory.tables import Clock
from adapters.ports.broker import BrokerUnavailable, Published
from adapters.ports.gate import Hold, HoldReason
from adapters.ports.letters import DeadLetter
from adapters.ports.outbox import Claimed, Ended, Ending, Leased
from adapters.ports.turns import Batch, Committed
from adapters.rabbitmq.topology import topology
from gateway.activations import Bounds
from schemas.commands import SELF, Command
from schemas.keys import ActorKey
from schemas.operations.table import read_body
from schemas.verdicts import LaneState
from tests.checker import cells, evidence
from tests.checker.evidence import Cell
from tests.gateway.toy import NOW, Ids
from tests.runtime.town import until
from tests.sim.amiss import amiss
from tests.sim.events import Said
from tests.sim.limits import ONLY_TIME_HELPS, drawn
from tests.sim.outside import BOTH, KEYED, LOOKED_UP, NOTHING, UNIQUE, Outside
from tests.sim.owner import Owner
from tests.sim.pals import SIM_ACTORS
from tests.sim.planted.plant import Plant
from tests.sim.process import Process, Surroundings
from tests.sim.receipts import Receipts

SYSTEMS: Final = ("erp", "psa", "crm")
TOLD: Final = frozenset({"claim", "record", "take_over", "abandon", "bury", "wake", "sweep"})
"""Verbs beside the commits that are worth a line of the trace."""
HOLDS: Final = {HoldReason.RATE: cells.HELD_BY_RATE, HoldReason.QUOTA: cells.HELD_BY_QUOTA}


@dataclass(frozen=True, slots=True)
class Happening:
    """A line of the trace: seconds of virtual time, who, what, and to what."""

    at: float
    who: str
    what: str
    of: tuple[object, ...]

    def __str__(self) -> str:
        return f"{self.at:9.3f} {self.who:8} {self.what:16} {' '.join(map(str, self.of))}"


@dataclass
class World:
    """Everything; make it inside of a running story. Implements `Server` for the wires."""

    seed: int
    plant: Plant
    chance: Random
    owners: list[Owner]
    is_restored: bool = False
    """Whether this story has a restore in it, which forgets what was used of limits."""
    is_away: bool = False
    is_read_only: bool = False
    is_calm: bool = False
    processes: list[Process] = field(default_factory=list)
    trace: list[Happening] = field(default_factory=list)
    published: list[evidence.Published] = field(default_factory=list)
    commands: dict[str, evidence.Command] = field(default_factory=dict)
    asked: dict[str, Command] = field(default_factory=dict)
    """Commands to `self`, as they were last queued."""
    _noted: dict[int, Command] = field(default_factory=dict)
    """Those of the outbox that were looked at, by identity; each is held here, so no other takes its identity."""
    stamps: list[tuple[int, float]] = field(default_factory=list)
    """After each commit: how long the timeline was then, and the tick."""
    hits: Counter[Cell] = field(default_factory=Counter)
    forgotten: set[str] = field(default_factory=set)
    """Commands that were sent before a restore, and that the store does not know after it."""
    claimed: list[evidence.Claim] = field(default_factory=list)
    _claims: int = field(default=0, init=False)
    closings: list[evidence.Closing] = field(default_factory=list)
    overdue: frozenset[str] = frozenset()
    """Sources whose gaps have stood for longer than the policy allows."""
    ahead: float = 0.0
    """Seconds that all wall clocks have leapt."""

    def __post_init__(self) -> None:
        chance = self.chance
        self.loop = asyncio.get_running_loop()
        self.limits = drawn(Random(f"{self.seed} limits"), with_limits=not self.is_restored)
        self.ahead = self.limits.ahead
        self.clock: Clock = lambda: NOW.timestamp() + self.ahead + self.loop.time()
        self.store = MemoryStore(self.clock)
        self.tables = self.store.tables
        self.broker = MemoryBroker()
        self.receipts = Receipts(self.tables)
        self.publishing = MemoryPublishing(self.broker)
        self._ticks = 0
        promises = [KEYED, KEYED, UNIQUE, BOTH, LOOKED_UP, NOTHING]
        self.outsides = {
            name: Outside(name, chance.choice(promises), Random(f"{self.seed} {name}"), self.tick, self.hit)
            for name in SYSTEMS
        }
        bounds = Bounds(
            batch_keys=chance.choice([2, 16]), batch_messages=32, fold=chance.choice([1, 2, 4]),
            mailbox=chance.choice([1, 2, 8]), lane_page=chance.choice([1, 4]), idle=chance.choice([1, 100]),
        )  # fmt: skip
        self.around = Surroundings(
            self.store, self.clock, self.broker, self.outsides, self.limits.policy, Ids(), self.receipts, self,
            self.plant, bounds, chance.choice([1, 4, 20]),
        )  # fmt: skip

    async def open(self, processes: int) -> None:
        """Declare the topology, and start some processes."""
        await MemoryAdministration(self.broker).apply(topology(tuple(SIM_ACTORS)))
        for _ in range(processes):
            self.start()

    def start(self) -> Process:
        """One more process."""
        process = Process(f"p{len(self.processes)}", self.around, self.seed)
        self.processes.append(process)
        self.owners.append(process.owner)
        self.tell(process.name, "starts")
        return process.start()

    @property
    def living(self) -> list[Process]:
        """Processes that run and were not asked to leave."""
        return [process for process in self.processes if process.is_well]

    def tell(self, who: str, what: str, *of: object) -> None:
        """Add to the trace; what is told of must never change."""
        self.trace.append(Happening(self.loop.time(), who, what, of))

    def hit(self, cell: Cell) -> None:
        """A fault struck."""
        self.hits[cell] += 1

    def tick(self) -> float:
        """The number of the next thing that happens at a server or a system."""
        self._ticks += 1
        return float(self._ticks)

    def done(self, process: str, verb: str, arguments: tuple[object, ...], answer: object) -> None:
        """Something was done on the store's server: keep what the tables forget."""
        if verb == "commit" and isinstance(arguments[0], Batch) and isinstance(answer, list):
            self._committed(process, arguments[0], answer)
        elif isinstance(answer, Claimed):
            held = [answer.hold.reason] if answer.hold else []
            self._claimed(process, answer)
            if answer.leased or held:
                self.tell(process, verb, *_shown(answer.leased), *held)
        elif verb in TOLD and (answer or answer is None):
            self.tell(process, verb, *_shown(answer if answer is not None else arguments[0]))
        self.stamp()

    def stamp(self) -> None:
        """What the timeline has grown by since belongs together."""
        length = len(self.tables.timeline)
        if not self.stamps or self.stamps[-1][0] != length:
            self.stamps.append((length, self.tick()))
        # Kept by who they are: each stands for many calls, and making a text of its id for each is dear.
        for standing in self.tables.outbox.values():
            command = standing.command
            if id(command) in self._noted:
                continue
            self._noted[id(command)] = command
            name = str(command.id)
            if command.system == SELF:
                self.asked[name] = command
            if name not in self.commands:
                step = evidence.Step(command.system, str(command.key), command.operation, command.line)
                self.commands[name] = evidence.Command(name, step, command.generation, standing.place)

    def went_back(self) -> None:
        """The store was restored: forget what it has forgotten, but nothing of what the systems did."""
        tables = self.tables
        self.stamps = [stamp for stamp in self.stamps if stamp[0] <= len(tables.timeline)]
        settled = {line.command_id for line in tables.timeline}
        known = {str(id) for id in (*tables.outbox, *tables.attempts, *settled)}
        self.commands = {id: command for id, command in self.commands.items() if id in known}
        decided = {str(id) for id in settled}
        sent = {request.command for outside in self.outsides.values() for request in outside.requests}
        self.forgotten = sent - known
        self._noted.clear()
        for outside in self.outsides.values():
            outside.forget_times()
            self.hits[cells.FORGOTTEN] += sum(effect.command not in decided for effect in outside.effects)

    async def publish(self, said: Said) -> None:
        """Publish until it is confirmed, as a sender does."""
        known = {str(key) for key, entity in self.tables.entities.items() if entity.row.entity_version}
        self.hits.update(amiss(said.meaning, self.published, self.closings, known))
        self.receipts.said[said.meaning.raw] = said.meaning
        while True:
            try:
                await self._until_open()
                place = len(self.published)
                self.published.append(replace(said.meaning, place=place))
                (told,) = await self.publishing.publish([said.outgoing])
            except BrokerUnavailable:
                await asyncio.sleep(0.1)
                continue
            self.tell("source", "publishes", said.meaning.source[-3:], said.meaning.id, told)
            if told is Published.CONFIRMED:
                return
            self.published[place] = replace(said.meaning, place=place, is_confirmed=False)
            await asyncio.sleep(0.05)

    def look_at(self, key: ActorKey, chance: Random) -> None:
        """An operator has acted on a key; a process looks at once, if it was asked to act, or hears of it later."""
        self.stamp()
        living = self.living
        if living and chance.random() < 0.7:
            chance.choice(living).runtime.look_at(key)

    def leap(self, seconds: float) -> None:
        """Let wall clocks go ahead, once nothing is under way: what a long wait would show is seen at once."""
        self.ahead += seconds
        self.tell("world", "leaps", seconds)

    def is_settled(self) -> bool:
        """Whether nothing is left that anybody but a person could do."""
        tables = self.tables
        lanes = (tables.row(key).lane for key, standing in tables.lanes.items() if standing)
        return not (
            self.depth()
            or tables.leases
            or tables.wakes
            or tables.notices
            or any(lane.state in (LaneState.OPEN, LaneState.BACKOFF, LaneState.PAUSED) for lane in lanes)
            or any(not lane[min(lane)].is_parked for lane in tables.send_lanes.values() if lane)
        )

    def depth(self) -> int:
        """Messages that the broker still has, given out or not."""
        queues = [queue for name, queue in self.broker.queues.items() if name != "tallystick.dead"]
        return sum(queue.depth + sum(channel.unacked for channel in queue._channels) for queue in queues)

    def is_held(self) -> bool:
        """Whether nothing goes on because the day's quota is used up, or the hours are over."""
        holds = self._holds()
        is_pending = any(outside.has_pending for outside in self.outsides.values())
        is_only = bool(holds) and all(hold.reason in ONLY_TIME_HELPS for _, hold in holds)
        return is_only and not (is_pending or self.tables.leases or self.depth())

    def wait_for_gates(self) -> None:
        """Let wall clocks leap to when the first system that is held may be asked again."""
        holds = dict(self._holds())
        self.hits[cells.HELD_BY_HOURS] += sum(hold.reason is HoldReason.WINDOW for hold in holds.values())
        self.leap(self.limits.next_day(self.clock(), set(holds)))

    def _holds(self) -> list[tuple[str, Hold]]:
        relays = ((name, relay) for process in self.living for name, relay in process.runtime._relays.items())
        return [(name, relay.held) for name, relay in relays if relay.held is not None]

    def _claimed(self, name: str, claimed: Claimed) -> None:
        """Keep what was leased, and count what was held back."""
        if claimed.hold is not None and (cell := HOLDS.get(claimed.hold.reason)) is not None:
            self.hit(cell)
        if self.limits.allowed:
            now = self.clock()
            process = next(each for each in self.processes if each.name == name)
            walls = tuple(now + skew.total_seconds() for skew in process.skews)
            for leased, together in zip(claimed.leased, self._together(claimed.leased), strict=True):
                command = leased.command
                self.claimed.append(evidence.Claim(command.system, str(command.id), now, walls, together))

    def _together(self, claimed: Sequence[Leased]) -> Iterator[str | None]:
        """A name for each claim: the same for those that may be one request, which holds runs as a whole."""
        self._claims += 1
        filled: dict[str, tuple[int, int]] = {}
        for _, each in groupby(claimed, lambda leased: leased.command.key):
            run = list(each)
            command = run[0].command
            rules = self.limits.policy.systems[command.system].batches if command.system != SELF else {}
            is_doubtful = any(attempt.ending in (None, Ending.UNKNOWN) for attempt in run[0].earlier)
            if command.operation not in rules or is_doubtful:
                yield from (None for _ in run)
                continue
            group = f"{self._claims} {command.operation} {read_body(command.operation, command.body).legal_entity}"
            number, count = filled.get(group, (0, 0))
            if count + len(run) > rules[command.operation].size:
                number, count = number + 1, 0
            filled[group] = number, count + len(run)
            yield from (f"{group} {number}" for _ in run)

    async def _until_open(self) -> None:
        await until(lambda: self.broker.is_up and self.broker.unblocked.is_set(), step=0.1)

    def _committed(self, process: str, batch: Batch, answers: Sequence[object]) -> None:
        for turn, answer in zip(batch.turns, answers, strict=True):
            verdicts = [f"{judged.message.id}={judged.verdict}" for judged in turn.judged]
            settled = [f"{each.command.line}={each.settlement}" for each in turn.settled]
            told = "" if isinstance(answer, Committed) else getattr(answer, "why", "?")
            self.tell(process, "commit", turn.key, *verdicts, *settled, told)
        self.tick()


def _shown(answer: object) -> list[object]:
    """What the trace says of what was asked or answered."""
    if not isinstance(answer, Sequence) or isinstance(answer, str):
        return [answer]
    return [_name(each) for each in answer]


def _name(each: object) -> str:
    match each:
        case Leased():
            return f"{each.command.system} {each.command.operation} {each.command.reference} #{each.attempt}"
        case Ended():
            return f"{each.command.system} {each.command.reference} #{each.attempt} {each.ending} {each.hold}"
        case DeadLetter():
            return each.code
        case _:
            return str(each)
