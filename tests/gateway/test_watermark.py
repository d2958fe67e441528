"""The watermark: a database that went back is noticed, from RabbitMQ at a start and from memory later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from structlog.testing import capture_logs

from adapters.memory.broker import GUEST, MemoryAdministration, MemoryBroker, MemoryPublishing
from adapters.memory.broker_keepsakes import MemoryKeepsakes
from adapters.memory.store import MemoryStore
from adapters.ports.broker import BrokerUnavailable, Outgoing
from adapters.ports.restores import Found, Phase, Restore
from adapters.rabbitmq.topology import topology
from gateway.watermark import QUEUE, DatabaseWentBack, Watermark


@dataclass
class Place:
    """A store and a broker, and processes on them."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(lambda: 1000.0))
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    seen: list[Restore | None] = field(default_factory=list)

    async def start(self) -> Watermark:
        """One more process that has compared."""
        watermark = self.process()
        await watermark.compare(MemoryKeepsakes(self.broker))
        return watermark

    async def counted(self, counter: int) -> None:
        """The database has come so far, and RabbitMQ remembers one more."""
        await self.start()
        self.store.tables.past.counter = counter
        await self.start()

    def process(self) -> Watermark:
        clients = self.store.clients()
        publishing = MemoryPublishing(self.broker)
        return Watermark(clients.restores, publishing, clients.remembered, self.seen.append, every=0.001, search=0.05)

    async def put(self, *bodies: bytes, user: str) -> None:
        """Publish into the watermark's queue as `user`."""
        publishing = MemoryPublishing(self.broker, user=user)
        await publishing.publish([Outgoing(QUEUE, "", body, "text/plain", {}, body.hex()) for body in bodies])

    async def kept(self) -> list[int]:
        """What RabbitMQ remembers."""
        keepsakes = MemoryKeepsakes(self.broker)
        kept = [int(each.body) for each in await keepsakes.take(QUEUE)]
        await keepsakes.close()
        return kept

    @property
    def phase(self) -> Phase:
        newest = self.store.tables.past.restores[-1:]
        return newest[0].phase if newest else Phase.ENDED


async def until(is_so: Callable[[], bool]) -> None:
    """Return as soon as `is_so`; fails after some seconds."""
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110  # nothing of the store sets an event
            await asyncio.sleep(0.001)


@pytest.fixture
async def place() -> Place:
    made = Place()
    await MemoryAdministration(made.broker).apply(topology([]))
    return made


async def test_a_start_lets_rabbitmq_remember(place: Place) -> None:
    await place.start()
    assert await place.kept() == [1]
    await place.start()
    assert await place.kept() == [2]
    assert place.phase is Phase.ENDED


async def test_it_is_raised_for_ever(place: Place) -> None:
    running = asyncio.create_task((await place.start()).run())
    await until(lambda: place.store.tables.past.counter >= 20)
    running.cancel()
    assert (await place.kept())[-1] >= 19
    assert len(await place.kept()) == 8


async def test_a_database_below_what_rabbitmq_remembers_is_held_at_the_start(place: Place) -> None:
    await place.counted(100)
    place.store.tables.past.counter = 50
    await place.start()
    assert place.phase is Phase.HELD
    assert place.seen[-1] is not None
    assert place.seen[-1].found is Found.WATERMARK
    # and it goes on above what RabbitMQ knew, so that nobody finds the same restore again
    assert place.store.tables.past.counter > 101
    await place.start()
    assert len(place.store.tables.past.restores) == 1


async def test_an_empty_database_on_an_old_broker_is_held(place: Place) -> None:
    await place.counted(100)
    place.store.tables.past.counter = 0
    await place.start()
    assert place.phase is Phase.HELD


async def test_another_server_is_held_at_the_start(place: Place) -> None:
    await place.start()
    place.store.tables.past.this_server += 1
    await place.start()
    assert place.phase is Phase.HELD


async def test_a_process_ends_when_its_database_goes_back_and_holds_everything_before(place: Place) -> None:
    await place.counted(100)
    watermark = await place.start()
    place.store.tables.past.counter = 50
    with pytest.raises(DatabaseWentBack):
        await asyncio.wait_for(watermark.run(), 5)
    assert place.phase is Phase.HELD
    assert place.store.tables.past.counter > 101


async def test_every_process_ends_when_one_has_noticed_and_the_restore_is_declared_once(place: Place) -> None:
    await place.counted(100)
    first, second = await place.start(), await place.start()
    place.store.tables.past.counter = 50
    for watermark in (first, second):
        with pytest.raises(DatabaseWentBack):
            await asyncio.wait_for(watermark.run(), 5)
    assert [act.action for act in place.store.tables.audit] == ["restore.declared"]
    again = asyncio.create_task((await place.start()).run())
    counter = place.store.tables.past.counter
    await until(lambda: place.store.tables.past.counter > counter + 2 or again.done())
    assert not again.done()
    again.cancel()


async def test_a_start_that_dies_while_it_compares_leaves_the_evidence(place: Place) -> None:
    await place.counted(100)
    place.store.tables.past.counter = 50
    # given: one that has read, and another that starts meanwhile
    first = MemoryKeepsakes(place.broker)
    assert [each.body for each in await first.take(QUEUE)] == [b"101"]
    second = asyncio.create_task(place.start())
    await asyncio.sleep(0)
    # when: the first dies
    await first.close()
    await second
    # then
    assert place.phase is Phase.HELD


async def test_waiting_for_the_broker_does_not_raise_the_database(place: Place) -> None:
    await place.counted(100)
    place.store.tables.past.counter = 99
    place.broker.stop()
    for _ in range(5):
        with pytest.raises(BrokerUnavailable):
            await place.start()
    place.broker.start()
    await place.start()
    assert place.phase is Phase.HELD


async def test_a_watermark_that_rabbitmq_lost_is_told_and_everything_is_held_from_the_last_one(place: Place) -> None:
    place.store.tables.past.counter, place.store.tables.past.raised_at = 100, 900.0
    with capture_logs() as logs:
        await place.start()
    assert [line["event"] for line in logs] == ["watermark_lost", "database_went_back"]
    [restore] = place.store.tables.past.restores
    assert (restore.phase, restore.found, restore.since.timestamp()) == (Phase.HELD, Found.LOST, 900.0)
    assert (await place.kept())[-1] == place.store.tables.past.counter
    # and it is found once
    await place.start()
    assert len(place.store.tables.past.restores) == 1


async def test_what_rabbitmq_kept_is_dropped_only_for_what_it_has_confirmed(place: Place) -> None:
    await place.counted(100)
    place.store.tables.past.counter = 50
    starting = place.process()
    exchange = place.broker.exchanges.pop(QUEUE)
    with pytest.raises(BrokerUnavailable, match="watermark"):
        await starting.compare(MemoryKeepsakes(place.broker))
    assert await place.kept() == [101]
    place.broker.exchanges[QUEUE] = exchange
    await starting.compare(MemoryKeepsakes(place.broker))
    assert await place.kept() == [place.store.tables.past.counter]
    assert [act.action for act in place.store.tables.audit] == ["restore.declared"]


async def test_a_first_start_that_could_not_publish_has_lost_nothing(place: Place) -> None:
    starting = place.process()
    exchange = place.broker.exchanges.pop(QUEUE)
    with pytest.raises(BrokerUnavailable):
        await starting.compare(MemoryKeepsakes(place.broker))
    place.broker.exchanges[QUEUE] = exchange
    await starting.compare(MemoryKeepsakes(place.broker))
    assert place.phase is Phase.ENDED


@pytest.mark.parametrize("body", [b"12 or so", b"", b"9" * 19, b"9" * 5000, b"-1", b"7\n", "\u0667".encode()])
async def test_what_is_no_counter_is_not_one(place: Place, body: bytes) -> None:
    await place.put(body, user=GUEST)
    await place.start()
    assert place.phase is Phase.ENDED
    assert await place.kept() == [1]


async def test_what_another_user_wrote_is_told_once_and_never_believed(place: Place) -> None:
    place.store.tables.past.counter = 100
    await place.start()
    await place.put(b"999999999999999999", b"junk", user="crm")
    place.store.tables.past.counter = 50
    with capture_logs() as logs:
        await place.start()
    # then: ours counts alone, so this is a restore to 50, and not to a ninth of what fits
    assert [line["event"] for line in logs] == ["watermark_foreign", "database_went_back"]
    assert (logs[0]["count"], logs[0]["users"]) == (2, ["crm"])
    assert place.phase is Phase.HELD
    assert 101 < place.store.tables.past.counter < 200
    # and: it is gone
    assert len(await place.kept()) == 1


async def test_a_queue_full_of_what_others_wrote_counts_as_lost_and_holds_everything(place: Place) -> None:
    await place.counted(100)
    await place.put(*(b"%d" % (10**17 + n) for n in range(8)), user="crm")
    with capture_logs() as logs:
        await place.start()
    assert [line["event"] for line in logs] == ["watermark_foreign", "watermark_lost", "database_went_back"]
    [restore] = place.store.tables.past.restores
    assert (restore.phase, restore.found) == (Phase.HELD, Found.LOST)
    # and: none of theirs was believed, and ours alone is there
    assert await place.kept() == [place.store.tables.past.counter]
    assert place.store.tables.past.counter < 10**17
