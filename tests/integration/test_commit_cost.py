"""What the way of a message costs on real servers, counted and not timed: round trips, acks, HOT updates, rows read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Final

import orjson
import pytest

from bench import load
from bench.contenders import T
from bench.load import SOURCE, Sheet
from bench.servers import Place
from tests.integration.chores import CHORES
from tests.integration.large import Read, grow, read, samples
from tests.integration.tapped import tapped

Figures = Callable[[str], None]
KEYS: Final = 400
MESSAGES: Final = 2000
ROWS: Final = 200_000
"""Of the large inbox; a tenth as many keys, and 5,000 open commands."""


@pytest.fixture
async def place(database_url: str, amqp_url: str) -> Place:
    """The gateway's tables and queues, and the projects that the sheets refer to."""
    made = Place(amqp_url, database_url)
    await T.prepare(made)
    return made


async def test_a_batch_is_at_most_three_round_trips_and_one_once_its_rows_are_known(
    place: Place, figures: Figures
) -> None:
    events = load.events(MESSAGES, KEYS)
    async with tapped(place) as gateway:
        new = await gateway.take(islice(events, MESSAGES // 2))
        known = await gateway.take(events)
    assert new.messages == known.messages == MESSAGES // 2
    assert new.asked <= 3 * new.batches
    assert (known.asked, known.prepared) == (known.batches, 0)
    figures(f"{(new.asked + known.asked) / MESSAGES:.4f} round trips of the committers for a message")
    figures(f"{(new.everything + known.everything) / MESSAGES:.4f} of all connections, also to prepare statements")
    assert (new.asked + known.asked) / MESSAGES < 0.02
    assert (new.everything + known.everything) / MESSAGES < 0.1


async def test_one_ack_is_for_many_messages(place: Place, figures: Figures) -> None:
    async with tapped(place) as gateway:
        taken = await gateway.take(load.events(KEYS, KEYS))
    figures(f"{gateway.acks} acks of {taken.messages} messages, {taken.batches} batches")
    assert 0 < gateway.acks <= 2 * taken.batches < KEYS / 20


async def test_a_row_that_does_not_grow_is_updated_in_place(place: Place, figures: Figures) -> None:
    # New rows begin as placeholders and outgrow their pages; after the fourth update of each they have settled.
    events = unbilled(8 * KEYS, KEYS)
    async with tapped(place) as gateway:
        for _ in range(4):
            await gateway.take(islice(events, KEYS))
    before = await read(place)
    async with tapped(place) as gateway:
        while sheets := list(islice(events, KEYS)):
            await gateway.take(sheets)
    done = (await read(place))["entity"] - before["entity"]
    figures(f"{done.hot} of {done.updated} updates were HOT")
    assert done.updated == 4 * KEYS
    assert done.hot >= 0.9 * done.updated


async def test_nothing_reads_a_large_table_from_end_to_end(place: Place, figures: Figures) -> None:
    async with tapped(place) as gateway:
        await gateway.take([*samples(), *(Sheet(f"A-{key}", f"A{key}", "A") for key in range(100))])
    small = await cost(place, partial(messages, place, "S", 1))
    await grow(place, ROWS)
    large = await cost(place, partial(messages, place, "L", 4))
    few, many = rows(small), rows(large)
    figures(f"{few / 400:.1f} rows read for a message with few in the inbox, {many / 400:.1f} with {ROWS:,}")
    assert scans(large) == {}
    assert many <= 2 * few
    for name, (chore, most) in CHORES.items():
        done = await cost(place, partial(chore, place.database_url))
        figures(f"{name}: {rows(done):,} rows read")
        assert (name, scans(done)) == (name, {})
        assert (name, rows(done) <= most) == (name, True)


async def test_whether_a_message_is_there_is_told_by_the_index_alone(place: Place) -> None:
    async with tapped(place) as gateway:
        await gateway.take(samples())
    await grow(place, ROWS // 10)
    [[text]] = await place.fetch(
        "EXPLAIN (ANALYZE, FORMAT JSON) SELECT FROM tallystick.inbox WHERE source = $1 AND event_id = $2",
        SOURCE, "seed-applied",
    )  # fmt: skip
    plan = orjson.loads(text)[0]["Plan"]
    assert (plan["Node Type"], plan["Actual Rows"], plan.get("Heap Fetches")) == ("Index Only Scan", 1, 0)


def unbilled(count: int, keys: int) -> Iterator[Sheet]:
    """`count` revisions of `keys` sheets in turn, none of which books anything: their states are all of one size."""
    for number in range(count):
        step, key = divmod(number, keys)
        yield Sheet(f"{number:09d}", key, "L0", revision=step + 1, partial=False, billable=False)


async def cost(place: Place, work: Callable[[], Awaitable[None]]) -> dict[str, Read]:
    """How the tables were read by some work that closes its sessions."""
    before = await read(place)
    await work()
    after = await read(place)
    return {table: after[table] - before[table] for table in after}


def scans(done: Mapping[str, Read]) -> dict[str, int]:
    """The tables that were read from end to end, and how often."""
    return {table: one.scans for table, one in done.items() if one.scans}


def rows(done: Mapping[str, Read]) -> int:
    """Rows that were read, of all tables."""
    return sum(one.rows for one in done.values())


async def messages(place: Place, line: str, day: int) -> None:
    """300 messages of 100 keys that are there, and 100 of them once more; the keys' lines are from `day` on."""
    sheets = [
        Sheet(f"{line}-{number}", f"A{number % 100}", f"{line}{number}", day=day + number // 100)
        for number in range(300)
    ]
    async with tapped(place) as gateway:
        await gateway.take(sheets)
        await gateway.take(sheets[::3])
        assert gateway.counts.messages == {("timesheet", "applied"): 300}
        assert sum(gateway.counts.duplicates.values()) == 100
