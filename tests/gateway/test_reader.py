"""One look at a system: what is published, under which id, and what is recorded when the broker does not take it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import orjson
import pytest

from actors.registry import ACTORS
from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.memory.positions import MemoryPositions, MemoryReaders
from adapters.memory.tables import Tables
from adapters.ports.broker import BrokerUnavailable, Outgoing, Published, Publishing
from adapters.ports.changes import FeedUnavailable, NotHeld, ReaderRow
from adapters.rabbitmq.topology import topology
from gateway.reader import Looked, Reader, Unroutable
from gateway.reader_window import Window
from schemas.codec import STRUCTURED
from tests.gateway.vendor import NOON, Vendor, VendorFeed

WINDOW = Window(timedelta(seconds=2), timedelta(seconds=60))


class Post:
    """A broker that takes everything but what `refuses` says, and keeps what it took."""

    is_connected = True

    def __init__(self, refuses: Callable[[Outgoing], bool] = lambda _: False) -> None:
        self.refuses = refuses
        self.taken: list[Outgoing] = []

    async def publish(self, messages: Sequence[Outgoing]) -> list[Published]:
        self.taken += [message for message in messages if not self.refuses(message)]
        return [Published.REFUSED if self.refuses(message) else Published.CONFIRMED for message in messages]

    async def close(self) -> None:
        """Nothing to close."""

    @property
    def ids(self) -> list[str]:
        return [message.message_id for message in self.taken]


class Stand:
    """A vendor, a store, and a process that reads."""

    def __init__(self) -> None:
        self.vendor = Vendor()
        self._tables = Tables()
        self.positions = MemoryPositions(self._tables, self._clock, "process")

    async def reader(self, publishing: Publishing, *, page: int = 2) -> Reader:
        assert await self.positions.hold("crm")
        feed = VendorFeed(self.vendor, page=page)
        return Reader("crm", feed, self.positions, publishing, source="urn:crm", window=WINDOW, why=lambda: "full")

    async def row(self) -> ReaderRow:
        [row] = await MemoryReaders(self._tables, self._clock).readers()
        return row

    def change(self, *ids: str) -> None:
        """Change records one after the other, and let them settle."""
        for id in ids:
            self.vendor.change(id)
            self.vendor.seconds += 1
        self.vendor.seconds += 5

    def _clock(self) -> float:
        return NOON.timestamp() + self.vendor.seconds


@pytest.fixture
def stand() -> Stand:
    return Stand()


async def test_an_event_is_a_cloudevent_with_an_id_of_record_and_version(stand: Stand) -> None:
    stand.change("one")
    post = Post()
    assert await (await stand.reader(post)).look() == Looked(1, is_whole=True)
    [message] = post.taken
    assert (message.exchange, message.routing_key) == ("tallystick.events", "project.opportunity_won")
    assert (message.content_type, message.message_id) == (STRUCTURED, "deal/one/1")
    assert orjson.loads(message.body) == {
        "specversion": "1.0",
        "type": "project.opportunity_won.v1",
        "source": "urn:crm",
        "id": "deal/one/1",
        "subject": "one",
        "time": "2026-11-21T12:00:00+00:00",
        "datacontenttype": "application/json",
        "data": {"record": "one", "number": 1},
    }


async def test_several_facts_of_a_version_are_numbered_and_keep_their_order(stand: Stand) -> None:
    stand.change("two")
    post = Post()
    await (await stand.reader(post)).look()
    assert [(m.message_id, m.routing_key) for m in post.taken] == [
        ("deal/two/1/0", "customer.upserted"),
        ("deal/two/1/1", "project.opportunity_won"),
    ]


async def test_an_id_that_does_not_fit_into_a_header_is_a_digest_there(stand: Stand) -> None:
    stand.change("x" * 300)
    post = Post()
    await (await stand.reader(post)).look()
    [message] = post.taken
    assert len(message.message_id) == 64
    assert orjson.loads(message.body)["id"] == f"deal/{'x' * 300}/1"


async def test_a_window_with_nothing_in_it_is_read_all_the_same(stand: Stand) -> None:
    reader = await stand.reader(Post())
    assert await reader.look() == Looked(0, is_whole=True)
    row = await stand.row()
    assert (row.read_until, row.looked_at) == (NOON - timedelta(seconds=2), NOON)


async def test_what_is_seen_again_in_the_overlap_is_published_once(stand: Stand) -> None:
    stand.change("one", "two", "four")
    post = Post()
    reader = await stand.reader(post)
    await reader.look()
    stand.change("one")
    assert (await reader.look()).published == 1
    assert post.ids == ["deal/one/1", "deal/two/1/0", "deal/two/1/1", "deal/four/1", "deal/one/2"]


async def test_what_was_committed_late_is_published(stand: Stand) -> None:
    stand.vendor.begin("one")
    stand.change("four")
    post = Post()
    reader = await stand.reader(post)
    await reader.look()
    stand.vendor.seconds += 30
    await reader.look()
    stand.vendor.commit("one")
    await reader.look()
    assert post.ids == ["deal/four/1", "deal/one/1"]


async def test_a_stop_ends_after_the_page_and_the_next_look_goes_on_from_there(stand: Stand) -> None:
    stand.change("one", "three", "four")
    post = Post()
    reader = await stand.reader(post)
    assert await reader.look(lambda: True) == Looked(2, is_whole=False)
    assert (await stand.row()).read_until is None
    assert await reader.look() == Looked(1, is_whole=True)
    assert post.ids == ["deal/one/1", "deal/three/1", "deal/four/1"]


async def test_nothing_of_a_page_is_recorded_that_the_broker_refused(stand: Stand) -> None:
    stand.change("one", "four")
    post = Post(lambda message: message.message_id == "deal/four/1")
    reader = await stand.reader(post)
    with pytest.raises(BrokerUnavailable, match=r"did not take 1 of 2 events \(full\)"):
        await reader.look()
    post.refuses = lambda _: False
    await reader.look()
    assert post.ids == ["deal/one/1", "deal/one/1", "deal/four/1"]


async def test_an_event_is_sent_only_when_the_one_before_it_of_its_key_is_confirmed(stand: Stand) -> None:
    stand.change("three.a", "three.b", "one")
    post = Post(lambda message: message.message_id == "deal/three.a/1")
    reader = await stand.reader(post, page=3)
    with pytest.raises(BrokerUnavailable):
        await reader.look()
    assert post.ids == []
    post.refuses = lambda _: False
    await reader.look()
    assert post.ids == ["deal/three.a/1", "deal/three.b/1", "deal/one/1"]


async def test_an_event_that_no_queue_is_bound_for_stays_unread(stand: Stand) -> None:
    stand.change("one")
    broker = MemoryBroker()
    exchanges = topology(tuple(ACTORS)).exchanges
    for exchange in exchanges:
        broker.declare_exchange(exchange)
    reader = await stand.reader(MemoryPublishing(broker))
    with pytest.raises(Unroutable, match=r"no queue is bound for project.opportunity_won, the type of deal/one/1"):
        await reader.look()
    for queue in topology(tuple(ACTORS)).queues:
        broker.declare_queue(queue)
    assert (await reader.look()).published == 1


async def test_a_vendor_that_is_away_leaves_the_position(stand: Stand) -> None:
    reader = await stand.reader(Post())
    await reader.look()
    stand.vendor.is_up = False
    stand.vendor.seconds += 60
    with pytest.raises(FeedUnavailable):
        await reader.look()
    assert (await stand.row()).looked_at == NOON


async def test_who_has_lost_the_hold_publishes_nothing(stand: Stand) -> None:
    stand.change("one")
    post = Post()
    reader = await stand.reader(post)
    await stand.positions.close()
    with pytest.raises(NotHeld):
        await reader.look()
    assert post.taken == []
