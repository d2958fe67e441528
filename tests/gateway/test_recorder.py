"""The recorder: ends of attempts are durable before anybody acts on them, many in one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

from adapters.memory.outbox import MemoryOutbox
from adapters.memory.tables import Tables
from adapters.ports.outbox import Ended, Ending
from adapters.ports.turns import StoreUnavailable
from gateway.attempt import ended
from gateway.backoff import Backoff
from gateway.recorder import MOST, Recorder
from tests.gateway.toy import A, answered
from tests.runtime.virtual import rest, run


class Slow(MemoryOutbox):
    """An outbox that takes its time, and is away at first."""

    def __init__(self) -> None:
        super().__init__(Tables(), lambda: 0.0)
        self.recorded: list[list[Ended]] = []
        self.outages = 0

    async def record(self, ended: Sequence[Ended]) -> None:
        await asyncio.sleep(0.01)
        if self.outages:
            self.outages -= 1
            raise StoreUnavailable("away")
        self.recorded.append(list(ended))


def end(line: str) -> Ended:
    return ended(answered(A, line).leased, Ending.CONFIRMED)


async def recording(outbox: Slow, count: int) -> None:
    """Record so many ends at the same time, and one without waiting for it."""
    recorder = Recorder(outbox, Backoff(chance=Random(1)))
    task = asyncio.create_task(recorder.run())
    await rest()
    await recorder.quiet()
    recorder.release(end("released"))
    first = asyncio.create_task(recorder.record([end("first")]))
    await rest()
    assert not first.done(), "not before it is durable"
    await asyncio.gather(first, *(recorder.record([end(f"{n}")]) for n in range(count)))
    await recorder.quiet()
    task.cancel()


def test_what_arrives_during_a_round_trip_goes_into_the_next() -> None:
    outbox = Slow()
    run(recording(outbox, 20))
    assert [len(batch) for batch in outbox.recorded] == [1, 21]


def test_a_round_trip_is_bounded() -> None:
    outbox = Slow()
    run(recording(outbox, MOST + 10))
    assert [len(batch) for batch in outbox.recorded] == [1, MOST, 11]


def test_the_ends_of_a_run_go_in_one_round_trip() -> None:
    async def story() -> None:
        outbox = Slow()
        recorder = Recorder(outbox, Backoff())
        task = asyncio.create_task(recorder.run())
        runs = [[end(f"{run}.{line}") for line in range(MOST - 1)] for run in range(2)]
        await asyncio.gather(*(recorder.record(each) for each in runs))
        assert outbox.recorded == runs
        long = [end(f"{line}") for line in range(MOST + 1)]
        await recorder.record(long)
        assert outbox.recorded[-1] == long
        task.cancel()

    run(story())


def test_it_is_repeated_until_it_is_heard() -> None:
    outbox = Slow()
    outbox.outages = 5
    run(recording(outbox, 1))
    assert [len(batch) for batch in outbox.recorded] == [1, 2]


def test_who_gave_up_waiting_stops_nobody_else() -> None:
    async def story() -> None:
        outbox = Slow()
        recorder = Recorder(outbox, Backoff())
        task = asyncio.create_task(recorder.run())
        impatient = asyncio.create_task(recorder.record([end("1")]))
        patient = asyncio.create_task(recorder.record([end("2")]))
        await rest()
        impatient.cancel()
        await patient
        assert not task.done()
        task.cancel()

    run(story())
