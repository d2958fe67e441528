"""Heartbeats: who fell silent is told by a counter that stands still in our own time, and by no clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from uuid import UUID

from adapters.memory.outbox import MemoryOutbox
from adapters.memory.rows import Lease
from adapters.memory.tables import Tables
from adapters.ports.outbox import SendLane
from adapters.ports.turns import StoreUnavailable
from gateway.backoff import Backoff
from gateway.heartbeat import Heartbeat, Pulse
from tests.gateway.toy import ERP, A, B
from tests.runtime.virtual import run

ANN, BOB = UUID(int=1), UUID(int=2)


def looks(pulse: Pulse, *seen: tuple[float, int]) -> list[list[UUID]]:
    """What is found silent at each look: (our time, Bob's counter)."""
    return [pulse.silent({BOB: counter}, now) for now, counter in seen]


def test_a_counter_that_moves_is_alive() -> None:
    assert looks(Pulse(10), *((float(second), second) for second in range(60))) == [[]] * 60


def test_a_counter_that_stands_still_is_silent_after_a_while() -> None:
    found = looks(Pulse(10), *((float(second), 7) for second in range(13)))
    assert found == [[]] * 10 + [[BOB]] * 3


def test_one_that_moves_again_begins_anew() -> None:
    pulse = Pulse(10)
    looks(pulse, *((float(second), 7) for second in range(10)))
    assert looks(pulse, *((float(second), 8) for second in range(10, 20))) == [[]] * 10


def test_one_that_left_and_came_back_begins_anew() -> None:
    pulse = Pulse(10)
    looks(pulse, *((float(second), 7) for second in range(10)))
    assert pulse.silent({}, 10.0) == []
    assert looks(pulse, (11.0, 7), (12.0, 7)) == [[], []]


def test_an_outage_in_which_nobody_could_beat_makes_nobody_silent() -> None:
    pulse = Pulse(10)
    assert looks(pulse, (0.0, 7), (1.0, 7), (300.0, 7), (301.0, 7)) == [[]] * 4
    # and one that is dead is found soon afterwards all the same
    assert looks(pulse, *((302.0 + second, 7) for second in range(7)))[-1] == [BOB]


def test_the_value_does_not_matter_only_that_it_moves() -> None:
    assert looks(Pulse(2), (0.0, 9), (1.0, 5), (2.0, 9), (3.0, 5)) == [[]] * 4


class Outage(MemoryOutbox):
    """An outbox whose database is away for a while."""

    is_away = False

    async def beat(self, holder: UUID) -> dict[UUID, int]:
        if self.is_away:
            raise StoreUnavailable("away")
        return await super().beat(holder)


def test_leases_of_a_silent_process_are_freed_and_those_of_a_living_one_are_not() -> None:
    async def story() -> tuple[list[SendLane], list[int]]:
        loop = asyncio.get_running_loop()
        tables, freed = Tables(), list[int]()
        outboxes = [Outage(tables, loop.time) for _ in range(2)]
        tables.leases = {
            SendLane(ERP, A): Lease(ANN, UUID(int=3), (UUID(int=3),)),
            SendLane(ERP, B): Lease(BOB, UUID(int=4), (UUID(int=4),)),
            SendLane("crm", B): Lease(UUID(int=9), UUID(int=5), (UUID(int=5),)),  # of a process that never beat
        }
        beats = [
            asyncio.create_task(Heartbeat(outbox, holder, Backoff(chance=Random(1)), freed.append).run())
            for outbox, holder in zip(outboxes, (ANN, BOB), strict=True)
        ]
        await asyncio.sleep(60)
        await away(outboxes, 100)
        assert set(tables.leases) == {SendLane(ERP, A), SendLane(ERP, B)}
        beats[1].cancel()
        await asyncio.sleep(60)
        beats[0].cancel()
        await asyncio.gather(*beats, return_exceptions=True)
        return list(tables.leases), freed

    left, freed = run(story())
    assert left == [SendLane(ERP, A)]
    assert freed == [1, 1], "heard of each of them once"


async def away(outboxes: Sequence[Outage], seconds: float) -> None:
    """Take the database away for a while, and give everybody time to notice that it is back."""
    for outbox in outboxes:
        outbox.is_away = True
    await asyncio.sleep(seconds)
    for outbox in outboxes:
        outbox.is_away = False
    await asyncio.sleep(30)
