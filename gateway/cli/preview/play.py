"""Playing past messages: the runtime as it ships decides and commits them, one after the other, on a store in memory.

A message comes once all that the one before it led to is done, so what comes of it depends on nothing but the order.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from actors.registry import ACTORS
from adapters.memory.broker import MemoryBroker, MemoryPublishing
from adapters.memory.store import MemoryStore
from adapters.memory.tables import Tables
from adapters.ports.history import GivenId, PastMessage
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
from gateway.cli.preview.obliging import KnownIds, Obliging
from gateway.cli.preview.played import Played
from gateway.cli.preview.replayed import Hand, Replayed, replayed, said_inside
from gateway.gate_policy import GatePolicy
from gateway.ids import time_ordered_id
from gateway.inner import Inner
from gateway.metrics import Counts
from gateway.policy_file import PolicyFile
from gateway.runtime import Ports, Runtime, Sources, Tuning
from schemas.verdicts import Verdict

STEP: Final = 0.001
"""Seconds of the loop's time between two looks whether a message is done."""
LOOKS: Final = 100_000
"""Looks at one message after which something goes round and round."""
GRACE: Final = 10.0


class Unsettled(RuntimeError):
    """A message leads to ever more: what it does cannot be told."""


async def play(
    policy: PolicyFile, messages: Sequence[PastMessage], given: Sequence[GivenId], progress: Callable[[], None]
) -> Played:
    """Play messages in order under a policy; `progress` is told of each. Run it `hurried`. Raises `Unsettled`."""
    ids = KnownIds(given)
    systems = {name: Obliging(name, entry.taken, ids) for name, entry in policy.systems.items()}
    store = MemoryStore(asyncio.get_running_loop().time)
    return await _Stage(policy, store, systems).play(messages, progress)


@dataclass(slots=True)
class _Stage:
    """One play. `time` is when the present message came, which decisions see as now.

    `sent`: the systems to which commands go, the built-in one among them.
    """

    policy: PolicyFile
    store: MemoryStore
    systems: Mapping[str, Obliging]
    hand: Hand = field(default_factory=Hand)
    time: datetime = field(default_factory=lambda: datetime.now(UTC))
    sent: Collection[str] = ()

    async def play(self, messages: Sequence[PastMessage], progress: Callable[[], None]) -> Played:
        """Play all messages in order. Raises `Unsettled`."""
        buried: list[tuple[PastMessage, Replayed]] = []
        async with self._running() as inner:
            for past in messages:
                self.time = past.received_at
                said = said_inside(past, inner.vocabulary)
                if said is not None:
                    await inner.deliver(said)
                    await self._settled(past)
                else:
                    delivery = replayed(past, self.policy.sources)
                    known = len(self.store.tables.dead_letters), _seen(self.store.tables)
                    await self._hand_over(past, delivery)
                    if known != (len(self.store.tables.dead_letters), _seen(self.store.tables)):
                        buried.append((past, delivery))
                progress()
        return self._outcome(buried)

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[Inner]:
        clients, publishing = self.store.clients(), MemoryPublishing(MemoryBroker())
        ports = Ports(
            commits=[clients.commits], lanes=clients.lanes, acts=clients.acts, pauses=clients.pauses,
            outbox=clients.outbox, overdue=clients.overdue, notices=clients.notices, dead_letters=clients.dead_letters,
            suspects=clients.suspects, looks=clients.looks, reads=_Unread(), consuming=self.hand, publishing=publishing,
            systems=self.systems, gates=clients.gates, entities=clients.entities, cases=clients.cases,
        )  # fmt: skip
        sources = Sources(lambda: self.time, time_ordered_id, lambda: 0.0)
        tuning = Tuning(notices=False)
        runtime = Runtime(ports, ACTORS, _without_gates(self.policy), sources, Counts("preview"), tuning)
        self.sent = runtime.gates.keys()
        await runtime.start()
        try:
            yield runtime.inner
        finally:
            await runtime.drain(GRACE)

    async def _hand_over(self, past: PastMessage, delivery: Replayed) -> None:
        if self.hand.on_delivery is None:
            raise AssertionError("nobody consumes")
        self.hand.on_delivery(delivery)
        await self._settled(past, lambda: delivery.is_done)

    async def _settled(self, past: PastMessage, is_taken: Callable[[], bool] = lambda: True) -> None:
        for _ in range(LOOKS):
            await asyncio.sleep(STEP)  # the loop's time passes only when nothing else is left to do
            if is_taken() and self._is_settled():
                return
        raise Unsettled(f"message {past.ref} of {past.key} leads to ever more")

    def _is_settled(self) -> bool:
        """Whether nothing is left that goes on by itself."""
        tables, sent = self.store.tables, self.sent
        return not tables.wakes and not any(
            standing.command.system in sent and not standing.is_parked for standing in tables.outbox.values()
        )

    def _outcome(self, buried: Sequence[tuple[PastMessage, Replayed]]) -> Played:
        tables, played = self.store.tables, Played()
        codes = {
            row.opened.ref: row.opened.case.failure.code
            for row in tables.cases
            if row.opened.ref is not None and row.opened.case.topic is None
        }
        for row in sorted(tables.inbox.values(), key=lambda row: row.message.ref):
            message = row.message
            name = f"{message.type} {message.source} {message.id}"
            played.message(row.key, name, row.verdict, row.reason, codes.get(message.ref))
        letters = {letter.letter.body: letter.letter.code for letter in tables.dead_letters.values()}
        for past, delivery in buried:
            played.message(
                past.key, f"{delivery.routing_key} {past.ref}", Verdict.DEAD_LETTER, None, letters[past.body]
            )
        for system in self.systems.values():
            for command in system.asked:
                played.command(command)
        for standing in tables.outbox.values():
            played.command(standing.command, is_open=True)
        return played


def _seen(tables: Tables) -> int:
    """How often dead letters came: one that came before has no row of its own."""
    return sum(buried.seen for buried in tables.dead_letters.values())


def _without_gates(policy: PolicyFile) -> PolicyFile:
    """The policy with nothing that holds commands back: what is played has no hours and no quotas."""
    free = {"gate": GatePolicy(), "concurrency": 256}
    systems: Mapping[str, object] = {name: entry.model_copy(update=free) for name, entry in policy.systems.items()}
    return policy.model_copy(update={"systems": systems})


class _Unread:
    """The port `Reads`, of which a play needs the probe alone."""

    async def probe(self) -> None:
        """The store in memory always takes writes."""

    async def status(self) -> StatusReport:
        raise StoreUnavailable("a play is not read")

    async def messages(self, query: MessageQuery, *, limit: int) -> list[MessageRow]:
        raise StoreUnavailable("a play is not read")

    async def lanes(self, query: LaneQuery, *, limit: int) -> list[LaneRow]:
        raise StoreUnavailable("a play is not read")

    async def dead_letters(self, query: LetterQuery, *, limit: int) -> list[DeadLetterRow]:
        raise StoreUnavailable("a play is not read")
