"""The contract of first looks: lives in doubt, one look at a time, and what a death leaves recorded."""

from __future__ import annotations

from uuid import UUID

import pytest

from adapters.ports.turns import StoreUnavailable
from tests.contracts.store_stands import Process, StoreStand
from tests.contracts.turns import SHEET, drained, message, queued

FIRST, SECOND, THIRD = (UUID(int=number) for number in (1, 2, 3))
ONE, OTHER, LAST = message("e1"), message("e2"), message("e3")


@pytest.fixture
async def process(store: StoreStand) -> Process:
    """A process, and three messages in a lane."""
    made = store.process()
    await made.commit(queued(await made.row(SHEET), ONE, OTHER, LAST))
    return made


async def test_a_life_is_in_doubt_until_it_is_ended(store: StoreStand) -> None:
    process, next_life = store.process(), store.process()
    assert await process.looks.begin(FIRST) == []
    assert await process.looks.begin(FIRST) == []
    assert await next_life.looks.begin(SECOND) == [FIRST]
    assert await next_life.looks.begin(THIRD) == [FIRST, SECOND]
    await next_life.looks.end([FIRST, SECOND])
    await next_life.looks.end([])
    assert await process.looks.begin(FIRST) == [THIRD]


async def test_one_process_looks_at_a_time(store: StoreStand, process: Process) -> None:
    other = store.process()
    assert await process.looks.take([]) == {}
    assert await process.looks.take([]) == {}
    assert await other.looks.take([]) is None
    with pytest.raises(StoreUnavailable):
        await other.looks.record([ONE.ref], alone=False, survived=[])
    await process.looks.leave([])
    assert await other.looks.take([]) == {}
    with pytest.raises(StoreUnavailable):
        await process.looks.record([ONE.ref], alone=False, survived=[])


async def test_what_a_life_left_behind_is_told_to_the_next(store: StoreStand, process: Process) -> None:
    await process.looks.take([])
    await process.looks.record([ONE.ref, OTHER.ref], alone=False, survived=[])
    await process.looks.close()
    second = store.process()
    assert await second.looks.take([]) == {ONE.ref: 0, OTHER.ref: 0}
    await second.looks.record([ONE.ref], alone=True, survived=[])
    await second.looks.close()
    third = store.process()
    assert await third.looks.take([]) == {ONE.ref: 1, OTHER.ref: 0}
    await third.looks.record([ONE.ref], alone=True, survived=[])
    await third.looks.close()
    assert await store.process().looks.take([]) == {ONE.ref: 2, OTHER.ref: 0}


async def test_what_was_survived_is_forgotten(process: Process) -> None:
    await process.looks.take([])
    await process.looks.record([ONE.ref, OTHER.ref], alone=False, survived=[])
    await process.looks.record([LAST.ref], alone=True, survived=[ONE.ref])
    assert await process.looks.take([LAST.ref]) == {OTHER.ref: 0}
    await process.looks.record([OTHER.ref], alone=True, survived=[OTHER.ref])
    assert await process.looks.take([]) == {OTHER.ref: 1}, "it is begun anew"
    await process.looks.leave([OTHER.ref])
    assert await process.looks.take([]) == {}


async def test_what_has_left_its_lane_is_forgotten(store: StoreStand, process: Process) -> None:
    await process.looks.take([])
    await process.looks.record([ONE.ref, OTHER.ref], alone=True, survived=[])
    head = (await process.lane(SHEET))[0]
    await process.commit(drained(await process.row(SHEET), head))
    await process.looks.close()
    assert await store.process().looks.take([]) == {OTHER.ref: 1}
