"""A gateway in this process, without its relay, every frame of which passes a tap: what it asks is counted.

A round trip is what the client waits for: a `Sync`, a `Flush`, or a simple `Query` of PostgreSQL's protocol.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import asyncpg

from actors.registry import ACTORS
from adapters.postgres.columns import COMMIT
from adapters.rabbitmq.topology import EVENTS
from bench import load
from bench.gateway import POLICY
from bench.load import Sheet
from bench.servers import Place
from gateway.app import ports, rabbit
from gateway.ids import time_ordered_id
from gateway.metrics import Counts
from gateway.runtime import Runtime, Sources, Tuning
from gateway.settings import read_settings
from tests.integration.firm import until
from tests.proxy.behind import port_of, through
from tests.proxy.dialects import Amqp, Frame, Postgres, Sender, Sight
from tests.proxy.proxy import Proxy, proxy

SECONDS: Final = 30.0
"""That a test waits for its messages."""
OURS: Final = "tallystick."
"""Stands in each of our statements. The driver has some of its own: it asks about types before it uses them."""
HOLD: Final = "BEGIN; LOCK TABLE tallystick.inbox IN EXCLUSIVE MODE"


class Talk(Postgres):
    """One connection: how often each statement was asked, and how often one was prepared, a round trip each."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.prepared: Counter[str] = Counter()
        self._texts: dict[bytes, str] = {}
        self._parsed = ""
        self._run: str | None = None

    def feed(self, sender: Sender, data: bytes) -> list[Frame]:
        frames = super().feed(sender, data)
        if sender is Sender.CLIENT:
            for frame in frames:
                self._hear(frame.raw)
        return frames

    def _hear(self, raw: bytes) -> None:
        match raw[:1]:
            case b"P":
                name, text, _ = raw[5:].split(b"\0", 2)
                self._parsed = self._texts[name] = text.decode()
            case b"B":
                self._run = self._texts[raw[5:].split(b"\0", 2)[1]]
            case b"Q":
                self.asked[raw[5:-1].decode()] += 1
            case b"S" | b"H":
                run, self._run = self._run, None
                if run is None:
                    self.prepared[self._parsed] += 1
                elif OURS in run:
                    self.asked[run] += 1
                else:
                    self.prepared[run] += 1
            case _:
                pass


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts up to a moment: of the committers' connections their round trips, of all connections everything."""

    messages: int
    batches: int
    asked: int
    prepared: int
    everything: int

    def __sub__(self, other: Tally) -> Tally:
        return Tally(
            self.messages - other.messages, self.batches - other.batches, self.asked - other.asked,
            self.prepared - other.prepared, self.everything - other.everything,
        )  # fmt: skip


@dataclass(slots=True)
class Tapped:
    """The gateway. `counts` is what its metrics are made of."""

    place: Place
    broker: Proxy
    counts: Counts = field(default_factory=lambda: Counts("tapped"))
    talks: list[Talk] = field(default_factory=list)

    def talk(self) -> Talk:
        """The reader of a new connection."""
        self.talks.append(Talk())
        return self.talks[-1]

    @property
    def taken(self) -> int:
        """Messages that have their verdict, and duplicates."""
        return sum(self.counts.messages.values()) + sum(self.counts.duplicates.values())

    @property
    def acks(self) -> int:
        """Frames that acknowledged anything."""
        return self.broker.seen[Sight.ACK]

    def tally(self) -> Tally:
        """What was counted up to now."""
        committers = [talk for talk in self.talks if COMMIT in talk.asked]
        return Tally(
            self.taken, self.counts.batches,
            sum(talk.asked.total() for talk in committers), sum(talk.prepared.total() for talk in committers),
            sum(talk.asked.total() + talk.prepared.total() for talk in self.talks),
        )  # fmt: skip

    async def take(self, sheets: Iterable[Sheet]) -> Tally:
        """Publish these, at most a prefetch of them, and answer what it took to take them.

        Nothing is committed before all of them are in memory, so that batches do not depend on how fast they come.
        """
        before, batch = self.tally(), list(sheets)
        came = sum(self.counts.received.values()) + len(batch)

        async def have_come() -> bool:
            return sum(self.counts.received.values()) >= came

        async def are_taken() -> bool:
            return self.taken >= before.messages + len(batch)

        holding = await asyncpg.connect(self.place.database_url)
        try:
            await holding.execute(HOLD)
            await load.fill(self.place.amqp_url, EVENTS, batch)
            await until(have_come, SECONDS, f"{len(batch)} messages have come")
        finally:
            await holding.close()
        await until(are_taken, SECONDS, f"{len(batch)} messages are taken")
        return self.tally() - before


@asynccontextmanager
async def tapped(place: Place) -> AsyncIterator[Tapped]:
    """The gateway, consuming for as long as the block lasts, and drained at its end; its counts stay."""
    async with proxy(port_of(place.amqp_url), Amqp) as broker:
        gateway = Tapped(place, broker)
        async with proxy(port_of(place.database_url), gateway.talk) as database:
            settings = read_settings(
                {
                    "TALLYSTICK_AMQP_URL": through(place.amqp_url, broker),
                    "TALLYSTICK_DATABASE_URL": through(place.database_url, database),
                    "TALLYSTICK_POLICY": "unused",
                }
            )
            sources = Sources(lambda: datetime.now(UTC), time_ordered_id)
            async with ports(settings, POLICY, *rabbit(settings)) as outside:
                tuning = Tuning(prefetch=settings.prefetch, relays=False, notices=False)
                # The figures follow the commits at a pace of their own: what they read is not a message's cost.
                alone = replace(outside, upkeep=None, counting=None)
                runtime = Runtime(alone, ACTORS, POLICY, sources, gateway.counts, tuning)
                await runtime.start()
                yield gateway
                assert await runtime.drain(10)
