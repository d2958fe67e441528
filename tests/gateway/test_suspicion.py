"""Suspicion: which treatment an attempt gets, and that nothing else is under way while a suspect is at work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from adapters.memory.dead_letters import MemoryDeadLetters
from adapters.memory.suspects import MemorySuspects
from adapters.memory.tables import Tables
from gateway.activation import Entry
from gateway.backoff import Backoff
from gateway.burial import Burial
from gateway.bus import Bus
from gateway.committer import Committer
from gateway.consumer import Consumer
from gateway.door import Door
from gateway.failures import KILLS
from gateway.letters import digest_of
from gateway.source_policy import Source
from gateway.suspicion import SUSPECT_FROM, Suspicion, Treatment, treatment
from schemas.keys import ActorKey
from tests.gateway.deliveries import USER, Parcel, parcel
from tests.gateway.toy import Ids
from tests.runtime.town import until
from tests.runtime.virtual import rest, run

SOURCES = {"urn:psa": Source(users=(USER,), types=("timesheet.*",))}


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [(1, Treatment.ALONE), (2, Treatment.ALONE), (3, Treatment.PARKED), (4, Treatment.BURIED), (9, Treatment.BURIED)],
)
def test_the_treatment_grows_with_the_attempts(attempts: int, expected: Treatment) -> None:
    assert treatment(attempts) is expected


class Lanes(Committer):
    """A committer that remembers who was poked, and does nothing else."""

    def __init__(self, poked: list[ActorKey]) -> None:
        self._poked = poked

    def poke(self, key: ActorKey) -> None:
        self._poked.append(key)


class Slow(Bus):
    """A bus whose messages take a second each; `at_work` are those that have not ended."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work: list[str] = []
        self.most = 0
        self.ended: list[tuple[str, bool]] = []
        self.poked: list[ActorKey] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.connect([Lanes(self.poked)])

    def deliver(self, key: ActorKey, entry: Entry) -> None:
        self._tasks.add(asyncio.create_task(self._work(entry)))

    async def quiet(self) -> None:
        while self._tasks:
            await asyncio.gather(*self._tasks)
            self._tasks = {task for task in self._tasks if not task.done()}

    async def _work(self, entry: Entry) -> None:
        self.at_work.append(entry.message.id)
        self.most = max(self.most, len(self.at_work))
        await asyncio.sleep(1)
        self.at_work.remove(entry.message.id)
        self.ended.append((entry.message.id, entry.held is KILLS))
        entry.receipt.ack()


@dataclass
class Intake:
    """Consumer, burial, and suspicion at work."""

    tables: Tables = field(default_factory=Tables)
    bus: Slow = field(default_factory=Slow)
    told: list[tuple[int, Treatment]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.burial = Burial(MemoryDeadLetters(self.tables, lambda: 0.0), Backoff(chance=Random(1)))
        suspicion = Suspicion(
            MemorySuspects(self.tables, lambda: 0.0), self.bus, self.burial, Backoff(chance=Random(1)),
            lambda _, attempts, chosen: self.told.append((attempts, chosen)),
        )  # fmt: skip
        door = Door(lambda: SOURCES, Ids())
        self.consumer = Consumer(door, self.bus, self.burial, suspicion, lambda *_: None)

    def run(self, story: Callable[[Intake], Coroutine[Any, Any, None]]) -> Intake:
        """Tell a story while it works."""

        async def told() -> None:
            tasks = [asyncio.create_task(self.consumer.run()), asyncio.create_task(self.burial.run())]
            await story(self)
            assert not any(task.done() for task in tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        run(told())
        return self


def suspect(id: str, **changes: Any) -> Parcel:
    return replace(parcel(id=id), delivery_count=SUSPECT_FROM, **changes)


def deliver(*deliveries: Parcel) -> Callable[[Intake], Coroutine[Any, Any, None]]:
    async def story(intake: Intake) -> None:
        for delivery in deliveries:
            intake.consumer.on_delivery(delivery)
        await intake.consumer.quiet()
        await intake.bus.quiet()
        await intake.burial.quiet()

    return story


def test_suspects_run_one_at_a_time_in_order_and_are_forgotten() -> None:
    deliveries = [suspect(f"m{n}") for n in range(5)]
    intake = Intake().run(deliver(*deliveries))
    assert intake.bus.most == 1
    assert [id for id, _ in intake.bus.ended] == [f"m{n}" for n in range(5)]
    assert intake.told == [(1, Treatment.ALONE)] * 5
    assert intake.tables.suspects == {}
    assert all(delivery.acks == 1 for delivery in deliveries)


def test_what_came_before_a_suspect_has_ended_and_what_comes_behind_has_not_begun() -> None:
    bad = replace(parcel(), body=b"{")

    async def story(intake: Intake) -> None:
        for delivery in (parcel(id="before"), bad, suspect("alone"), parcel(id="behind"), parcel(id="last")):
            intake.consumer.on_delivery(delivery)
        await until(lambda: "alone" in intake.bus.at_work)
        assert intake.bus.at_work == ["alone"]
        assert bad.acks == 1
        assert [id for id, _ in intake.bus.ended] == ["before"]
        await intake.consumer.quiet()
        await intake.bus.quiet()
        assert intake.bus.most == 2, "the others run together again"

    Intake().run(story)


def test_pokes_wait_while_one_is_alone() -> None:
    key = ActorKey("timesheet", "T-1")

    async def story(intake: Intake) -> None:
        async with intake.bus.alone():
            intake.bus.poke(key)
            await rest()
            assert intake.bus.poked == []
        assert intake.bus.poked == [key]
        intake.bus.poke(key)
        assert intake.bus.poked == [key, key]

    Intake().run(story)


@pytest.mark.parametrize(
    ("attempts", "ended", "buried"),
    [(2, [("m", False)], []), (3, [("m", True)], []), (4, [], ["kills_process"]), (7, [], ["kills_process"])],
)
def test_earlier_attempts_decide_what_is_done(attempts: int, ended: list[tuple[str, bool]], buried: list[str]) -> None:
    delivery = suspect("m")
    intake = Intake()
    intake.tables.suspects[digest_of(delivery)] = (attempts - 1, 0.0)
    intake.run(deliver(delivery))
    assert intake.bus.ended == ended
    assert [row.letter.code for row in intake.tables.dead_letters.values()] == buried
    assert intake.tables.suspects == {}
    assert delivery.acks == 1


def test_what_its_channel_has_lost_is_no_attempt() -> None:
    delivery = suspect("m")

    async def story(intake: Intake) -> None:
        intake.consumer.on_delivery(parcel(id="before"))
        intake.consumer.on_delivery(delivery)
        await rest()
        delivery.is_live = False
        await intake.consumer.quiet()

    intake = Intake().run(story)
    assert (intake.told, intake.tables.suspects, delivery.acks) == ([], {}, 0)


def test_below_the_limit_nobody_is_a_suspect() -> None:
    deliveries = [replace(parcel(id=f"m{n}"), delivery_count=SUSPECT_FROM - 1) for n in range(3)]
    intake = Intake().run(deliver(*deliveries))
    assert intake.told == []
    assert intake.bus.most == 3
