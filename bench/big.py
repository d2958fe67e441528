"""Size: the same messages for as many keys as there are, with an empty database and with ever larger ones.

Every message is for another key, spread over all of them, and adds a line to its sheet; one key has ten rows in the
inbox. Event ids are ordered in time, as version 7 UUIDs are; random ones, which touch the whole index, stand beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import md5
from statistics import median
from typing import Final
from uuid import UUID

from bench import load, seed
from bench.checks import WrongRound
from bench.contenders import T
from bench.load import Sheet
from bench.part import Found, Say
from bench.rounds import emptied
from bench.servers import Place, Servers, fresh
from bench.sizes import Sizes

SHARES: Final = (0.01, 0.1, 1.0)
"""Of the full size, at which it is measured."""
STRIDE: Final = 7919
"""A prime: consecutive messages are for keys far apart, and no key comes twice before all have come."""
Ids = Callable[[int], str]
COUNTED: Final = """
    SELECT (SELECT count(*) FROM tallystick.inbox WHERE verdict = 'applied') AS applied,
           (SELECT count(*) FROM tallystick.outbox) AS commands,
           (SELECT count(*) FROM tallystick.timeline) AS told
"""


def ordered_ids(round_number: int) -> Ids:
    """Version 7 UUIDs of now, rising."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    return lambda number: str(UUID(int=(now + number // 20) << 80 | 7 << 76 | 2 << 62 | round_number << 48 | number))


def random_ids(round_number: int) -> Ids:
    """Ids in no order, and the same ones in each run."""
    return lambda number: str(UUID(md5(f"{round_number}/{number}".encode(), usedforsecurity=False).hexdigest()))


def sheets(count: int, keys: int, ids: Ids, line: str) -> Iterator[Sheet]:
    """`count` events, spread over `keys`."""
    for number in range(count):
        round_ = number // keys
        yield Sheet(ids(number), number * STRIDE % keys, f"{line}-{round_}", day=1 + round_)


async def measure(servers: Servers, sizes: Sizes, say: Say) -> Found:
    """Messages per second by the size of the database."""
    rounds: dict[str, list[float]] = {"empty": [], "random": []}
    async with fresh(servers) as place:
        exchange = await seed.prepare(place)
        rounds["empty"].append(await _round(place, exchange, sizes, ordered_ids(0), "B0"))
        say(f"size: empty: {rounds['empty'][-1]:,} messages/s")
    async with fresh(servers) as place:
        exchange = await seed.prepare(place)
        keys = rows = 0
        for number, share in enumerate(SHARES, 1):
            more_keys, more_rows = round(sizes.big_keys * share), round(sizes.big_rows * share)
            await seed.copied(place, seed.KEYS, keys, more_keys)
            await seed.copied(place, seed.ORDERED, rows, more_rows)
            keys, rows = more_keys, more_rows
            await seed.tidied(place)
            speed = await _round(place, exchange, sizes, ordered_ids(number), f"B{number}")
            rounds[f"{rows} rows"] = [speed]
            say(f"size: {keys:,} keys and {rows:,} rows: {speed:,} messages/s")
    async with fresh(servers) as place:
        exchange = await seed.prepare(place)
        await seed.copied(place, seed.KEYS, 0, sizes.big_keys)
        await seed.copied(place, seed.RANDOM, 0, sizes.big_rows)
        await seed.tidied(place)
        rounds["random"].append(await _round(place, exchange, sizes, random_ids(1), "B1"))
        say(f"size: {sizes.big_rows:,} rows with random ids: {rounds['random'][-1]:,} messages/s")
    async with fresh(servers) as place:
        exchange = await seed.prepare(place)
        rounds["empty"].append(await _round(place, exchange, sizes, ordered_ids(0), "B0"))
        say(f"size: empty again: {rounds['empty'][-1]:,} messages/s")
    empty, full = median(rounds["empty"]), rounds[f"{sizes.big_rows} rows"][0]
    return Found(rounds, {"big": full / empty, "big random": rounds["random"][0] / empty})


async def _round(place: Place, exchange: str, sizes: Sizes, ids: Ids, line: str) -> int:
    """Messages per second. Raises `WrongRound`."""
    count = sizes.messages
    before = (await place.fetch(COUNTED))[0]
    await load.fill(place.amqp_url, exchange, sheets(count, sizes.big_keys, ids, line))
    taken = await emptied(place, T, count)
    after = (await place.fetch(COUNTED))[0]
    for what, was in before.items():
        if after[what] - was != count:
            raise WrongRound(f"{what}: {after[what] - was} more, not {count}")
    return round(count / taken.seconds)
