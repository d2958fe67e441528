"""Reading a system: whatever crashes, commits late, or jumps, each record's newest version is published, in order."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import orjson
import pytest

from adapters.memory.positions import MemoryPositions
from adapters.memory.tables import Tables
from adapters.ports.broker import Outgoing, Published
from adapters.ports.changes import Page, Position, Version
from gateway.reader import Reader
from gateway.reader_window import Window
from tests.gateway.vendor import NOON, Vendor, VendorFeed

SETTLE, OVERLAP = 2.0, 60.0
WINDOW = Window(timedelta(seconds=SETTLE), timedelta(seconds=OVERLAP))
IDS = ("one", "two", "three.a", "three.b", "four", "five", "six")
SEEDS = 150


class Crash(Exception):
    """The process ends, here."""


Step = Callable[[], None]
"""Called at every await of the reader, before and after what it waits for."""


class Book:
    """A broker: all that was published, in order. `refuses` answers for each message whether it is taken."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.refuses: Callable[[], bool] = lambda: False

    def publish(self, messages: Sequence[Outgoing]) -> list[Published]:
        answers = [Published.REFUSED if self.refuses() else Published.CONFIRMED for _ in messages]
        self.bodies += [
            message.body for message, answer in zip(messages, answers, strict=True) if answer is Published.CONFIRMED
        ]
        return answers

    def published(self) -> list[tuple[str, str, int]]:
        """Type, record, and number of each event."""
        events = [orjson.loads(body) for body in self.bodies]
        return [(event["type"], event["data"]["record"], event["data"]["number"]) for event in events]


class SteppingFeed(VendorFeed):
    def __init__(self, vendor: Vendor, step: Step) -> None:
        super().__init__(vendor)
        self._step = step

    async def now(self) -> datetime:
        self._step()
        answer = await super().now()
        self._step()
        return answer

    async def page(self, since: datetime | None, until: datetime, start: str | None) -> Page:
        self._step()
        answer = await super().page(since, until, start)
        self._step()
        return answer


class SteppingPublishing:
    is_connected = True

    def __init__(self, book: Book, step: Step) -> None:
        self._book = book
        self._step = step

    async def publish(self, messages: Sequence[Outgoing]) -> list[Published]:
        self._step()
        answers = self._book.publish(messages)
        self._step()
        return answers

    async def close(self) -> None:
        """Nothing to close."""


class SteppingPositions(MemoryPositions):
    step: Step

    async def position(self, system: str, record: str) -> Position:
        answer = await super().position(system, record)
        self.step()
        return answer

    async def unseen(self, system: str, record: str, versions: Sequence[Version]) -> list[Version]:
        answer = await super().unseen(system, record, versions)
        self.step()
        return answer

    async def saw(self, system: str, record: str, versions: Sequence[Version], *, until: datetime) -> None:
        self.step()
        await super().saw(system, record, versions, until=until)
        self.step()

    async def advance(
        self, position: Position, read_until: datetime, *, forget_before: datetime, forget: int = 10_000
    ) -> None:
        self.step()
        await super().advance(position, read_until, forget_before=forget_before, forget=forget)
        self.step()


class World:
    """The vendor, the store, the broker, and one process after the other that reads."""

    def __init__(self, window: Window = WINDOW) -> None:
        self.vendor = Vendor()
        self.book = Book()
        self._tables = Tables()
        self._window = window

    async def look(self, step: Step = lambda: None) -> bool:
        """One look by a new process; whether it came to its end. What it then owes is checked."""
        positions = SteppingPositions(self._tables, lambda: NOON.timestamp() + self.vendor.seconds, "process")
        positions.step = step
        feed, publishing = SteppingFeed(self.vendor, step), SteppingPublishing(self.book, step)
        reader = Reader("crm", feed, positions, publishing, source="urn:crm", window=self._window)
        owed = dict(self.vendor.records)
        until = self.vendor.clock - WINDOW.settle
        try:
            assert await positions.hold("crm")
            await reader.look()
        except (Crash, ConnectionError):
            return False
        finally:
            await positions.close()
        # What has changed again during the look is owed by a later one.
        stood = [record for record in owed.values() if record == self.vendor.records[record.id]]
        published = {(record, number) for _, record, number in self.book.published()}
        missing = [record for record in stood if record.at <= until and (record.id, record.number) not in published]
        assert missing == []
        return True

    def check_order(self) -> None:
        """The versions of a record were published in their order, but for repeats; a repeat is the same to the byte."""
        first: dict[str, bytes] = {}
        for body in self.book.bodies:
            assert first.setdefault(orjson.loads(body)["id"], body) == body
        newest: dict[tuple[str, str], int] = {}
        for event in map(orjson.loads, first.values()):
            kind, number = (event["type"], event["data"]["record"]), event["data"]["number"]
            assert number > newest.get(kind, 0)
            newest[kind] = number


def crash_at(count: int) -> Step:
    """A step that crashes the process at the await of this number."""
    left = count

    def step() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Crash

    return step


async def steps_of_a_look() -> int:
    world, count = prepared(), 0

    def step() -> None:
        nonlocal count
        count += 1

    assert await world.look(step)
    return count


def prepared() -> World:
    world = World()
    for id in IDS:
        world.vendor.change(id)
        world.vendor.seconds += 1
    world.vendor.seconds += 10
    return world


async def test_a_crash_at_any_await_loses_nothing_and_keeps_the_order() -> None:
    steps = await steps_of_a_look()
    assert steps > 20
    for crash in range(steps):
        world = prepared()
        assert not await world.look(crash_at(crash))
        world.vendor.change("one")
        world.vendor.change("two")
        world.vendor.seconds += 10
        assert await world.look()
        world.check_order()
        assert {record for _, record, _ in world.book.published()} == set(IDS)


async def test_without_trouble_each_version_is_published_once() -> None:
    world = prepared()
    for _ in range(21):
        assert await world.look()
        world.vendor.change("one")
        world.vendor.seconds += 10
    published = world.book.published()
    assert len(published) == len(set(published)) == len(IDS) + 1 + 20


class Fate:
    """What happens at each await, by chance: the vendor works, time passes, the process crashes."""

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._chance = random.Random(seed)

    def step(self) -> None:
        self.happen()
        if self._chance.random() < 0.03:
            raise Crash

    def refuses(self) -> bool:
        return self._chance.random() < 0.02

    def happen(self) -> None:
        """The vendor's side of it."""
        vendor, chance = self._world.vendor, self._chance
        match chance.randrange(12):
            case 0 | 1:
                vendor.change(chance.choice(IDS))
            case 2:
                vendor.begin(chance.choice(IDS))
            case 3 if vendor.open:
                vendor.commit(chance.choice(sorted(vendor.open)))
            case 4 | 5:
                self.pass_by(chance.uniform(0, 3))
            case _:
                pass

    def pass_by(self, seconds: float) -> None:
        """No transaction stays open for longer than the overlap."""
        vendor = self._world.vendor
        for id, (_, began) in list(vendor.open.items()):
            if vendor.seconds + seconds - began > OVERLAP - 5:
                vendor.commit(id)
        vendor.seconds += seconds

    def between(self, *, is_whole: bool) -> None:
        """Between two looks: sometimes nobody looks for long, or the vendor's clock is set.

        It is set once at most between two looks that come to their end: back and ahead again leaves no trace.
        """
        vendor, chance = self._world.vendor, self._chance
        for _ in range(chance.randrange(6)):
            self.happen()
        self.pass_by(chance.choice((0.5, 10, 10, 30, 600)))
        if is_whole and chance.random() < 0.2:
            # A transaction that a clock's leap ahead makes longer than the overlap is one that is too long.
            for id in list(vendor.open):
                vendor.commit(id)
            vendor.offset += chance.choice((-3600, -90, -20, 20, 3600))


async def play(world: World, seed: int) -> None:
    """Thirty looks under whatever happens, then one in peace. Raises `AssertionError` where something is wrong."""
    fate = Fate(world, seed)
    world.book.refuses = fate.refuses
    for _ in range(30):
        is_whole = await world.look(fate.step)
        fate.between(is_whole=is_whole)
    world.book.refuses = lambda: False
    for id in list(world.vendor.open):
        world.vendor.commit(id)
    # All stamps that lie ahead of the clock, since it was set back, have passed by then.
    world.vendor.seconds += 40 * 3600
    assert await world.look()
    world.check_order()
    newest = {(record.id, record.number) for record in world.vendor.records.values()}
    assert newest <= {(record, number) for _, record, number in world.book.published()}


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_by_chance(seed: int) -> None:
    await play(World(), seed)


class TrustsTheClock(Window):
    """A wrong design: a clock that was set back is not noticed."""

    def since(self, position: Position, until: datetime, start: datetime | None) -> datetime:
        return self.begins if position.read_until is None else position.read_until - self.overlap


class DoesNotOverlap(Window):
    """A wrong design: what is committed late is behind the window."""

    def since(self, position: Position, until: datetime, start: datetime | None) -> datetime:
        since = super().since(position, until, start)
        return since if position.read_until is None else since + self.overlap


@pytest.mark.parametrize("wrong", [TrustsTheClock, DoesNotOverlap])
async def test_a_wrong_window_is_found(wrong: type[Window]) -> None:
    for seed in range(SEEDS):
        try:
            await play(World(wrong(WINDOW.settle, WINDOW.overlap)), seed)
        except AssertionError:
            return
    pytest.fail(f"{wrong.__doc__} No seed has found it.")
