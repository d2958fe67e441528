"""How far systems are read, and by whom, on both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from adapters.memory.positions import MemoryPositions, MemoryReaders
from adapters.memory.tables import Tables
from adapters.ports.changes import NotHeld, Positions, Readers, Version
from adapters.postgres.positions import PostgresPositions, PostgresReaders
from tests.contracts.store_stands import PostgresStoreStand

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ONE, TWO, THREE = Version("1", "a"), Version("1", "b"), Version("2", "a")


class Stand:
    """Positions of as many processes as a test asks for, closed in the end."""

    def __init__(self, stack: AsyncExitStack, make: Callable[[str], Positions], readers: Readers) -> None:
        self._stack = stack
        self._make = make
        self.readers = readers

    def process(self, name: str = "one") -> Positions:
        made = self._make(name)
        self._stack.push_async_callback(made.close)
        return made

    async def holding(self, name: str = "one") -> Positions:
        """A process that reads crm."""
        made = self.process(name)
        assert await made.hold("crm")
        return made


@pytest.fixture
async def memory_positions() -> AsyncIterator[Stand]:
    tables, clock = Tables(), NOON.timestamp
    async with AsyncExitStack() as stack:
        yield Stand(stack, lambda name: MemoryPositions(tables, clock, name), MemoryReaders(tables, clock))


@pytest.fixture
async def postgres_positions(contract_database_url: str, postgres_store: PostgresStoreStand) -> AsyncIterator[Stand]:
    async with AsyncExitStack() as stack:
        readers = PostgresReaders(contract_database_url)
        stack.push_async_callback(readers.close)
        yield Stand(stack, lambda name: PostgresPositions(contract_database_url, name), readers)


@pytest.fixture(params=["memory_positions", "postgres_positions"])
def stand(request: pytest.FixtureRequest) -> Stand:
    """Either one."""
    made: Stand = request.getfixturevalue(request.param)
    return made


class TestHolding:
    async def test_one_at_a_time_reads_a_system(self, stand: Stand) -> None:
        first, second = await stand.holding(), stand.process()
        assert not await second.hold("crm")
        assert await first.hold("crm")
        assert await second.hold("psa")
        await first.close()
        assert await second.hold("crm")

    async def test_who_does_not_hold_can_do_nothing(self, stand: Stand) -> None:
        first = await stand.holding()
        position = await first.position("crm", "deal")
        await first.close()
        for refused in (
            first.position("crm", "deal"),
            first.unseen("crm", "deal", [ONE]),
            first.saw("crm", "deal", [ONE], until=NOON),
            first.advance(position, NOON, forget_before=NOON),
            first.failed("crm", "deal", "no"),
        ):
            with pytest.raises(NotHeld, match="held crm is gone"):
                await refused
        assert await first.hold("crm")
        assert await first.unseen("crm", "deal", [ONE]) == [ONE]
        with pytest.raises(NotHeld):
            await first.unseen("psa", "deal", [ONE])


class TestPosition:
    async def test_it_begins_with_nothing_and_advances(self, stand: Stand) -> None:
        positions = await stand.holding()
        first = await positions.position("crm", "deal")
        assert (first.read_until, first.looked_at) == (None, None)
        await positions.advance(first, NOON, forget_before=NOON)
        second = await positions.position("crm", "deal")
        assert (second.read_until, second.looked_at) == (NOON, first.at)
        assert second.at >= first.at

    async def test_it_may_go_back_as_the_clock_of_the_system_does(self, stand: Stand) -> None:
        positions = await stand.holding()
        for until in (NOON, NOON - MINUTE):
            await positions.advance(await positions.position("crm", "deal"), until, forget_before=until)
        assert (await positions.position("crm", "deal")).read_until == NOON - MINUTE

    async def test_each_kind_of_record_has_its_own(self, stand: Stand) -> None:
        positions = await stand.holding()
        await positions.advance(await positions.position("crm", "deal"), NOON, forget_before=NOON)
        await positions.saw("crm", "deal", [ONE], until=NOON)
        assert (await positions.position("crm", "party")).read_until is None
        assert await positions.unseen("crm", "party", [ONE]) == [ONE]


class TestSeen:
    async def test_what_was_published_is_not_published_again(self, stand: Stand) -> None:
        positions = await stand.holding()
        assert await positions.unseen("crm", "deal", [THREE, ONE, TWO, ONE]) == [THREE, ONE, TWO]
        await positions.saw("crm", "deal", [ONE, ONE], until=NOON)
        await positions.saw("crm", "deal", [ONE], until=NOON)
        assert await positions.unseen("crm", "deal", [THREE, ONE, TWO]) == [THREE, TWO]
        assert await positions.unseen("crm", "deal", []) == []

    async def test_the_next_holder_knows_it_too(self, stand: Stand) -> None:
        first = await stand.holding()
        await first.saw("crm", "deal", [ONE], until=NOON)
        await first.close()
        assert await (await stand.holding("two")).unseen("crm", "deal", [ONE, TWO]) == [TWO]

    async def test_what_cannot_be_seen_again_is_forgotten(self, stand: Stand) -> None:
        positions = await stand.holding()
        position = await positions.position("crm", "deal")
        await positions.saw("crm", "deal", [ONE], until=NOON - MINUTE)
        await positions.saw("crm", "deal", [TWO], until=NOON)
        await positions.advance(position, NOON + MINUTE, forget_before=NOON)
        assert await positions.unseen("crm", "deal", [ONE, TWO]) == [ONE]

    async def test_what_was_seen_again_later_is_kept_for_longer(self, stand: Stand) -> None:
        positions = await stand.holding()
        position = await positions.position("crm", "deal")
        for until in (NOON - MINUTE, NOON, NOON - MINUTE):
            await positions.saw("crm", "deal", [ONE], until=until)
        await positions.advance(position, NOON + MINUTE, forget_before=NOON)
        assert await positions.unseen("crm", "deal", [ONE]) == []

    async def test_it_is_forgotten_a_part_at_a_time_the_oldest_first(self, stand: Stand) -> None:
        positions = await stand.holding()
        position = await positions.position("crm", "deal")
        for minutes, version in enumerate((TWO, THREE, ONE)):
            await positions.saw("crm", "deal", [version], until=NOON + minutes * MINUTE)
        for left in ([ONE], []):
            await positions.advance(position, NOON, forget_before=NOON + 60 * MINUTE, forget=2)
            unseen = await positions.unseen("crm", "deal", [ONE, TWO, THREE])
            assert [version for version in (ONE, TWO, THREE) if version not in unseen] == left


class TestReaders:
    async def test_who_reads_how_far_and_what_is_wrong(self, stand: Stand) -> None:
        assert await stand.readers.readers() == []
        positions = await stand.holding("host:1")
        position = await positions.position("crm", "deal")
        await positions.failed("crm", "deal", "it is away\x00")
        [row] = await stand.readers.readers()
        assert (row.system, row.record, row.reader, row.read_until) == ("crm", "deal", "host:1", None)
        assert (row.failure or "").startswith("it is away")
        assert row.failed_at is not None
        await positions.advance(position, NOON, forget_before=NOON)
        [row] = await stand.readers.readers()
        assert (row.read_until, row.looked_at, row.failure, row.failed_at) == (NOON, position.at, None, None)
        assert row.at >= position.at

    async def test_the_one_that_takes_over_is_shown(self, stand: Stand) -> None:
        first = await stand.holding("host:1")
        await first.position("crm", "deal")
        await first.close()
        await (await stand.holding("host:2")).position("crm", "deal")
        [row] = await stand.readers.readers()
        assert row.reader == "host:2"
