"""The contract of suspects: attempts are counted across processes until they are survived, or long past."""

from __future__ import annotations

from tests.contracts.store_stands import Process, StoreStand

ONE, OTHER = b"\x01" * 32, b"\x02" * 32
MONTH = 31 * 86_400.0


async def test_attempts_are_counted_by_message_across_processes(store: StoreStand) -> None:
    process, next_life = store.process(), store.process()
    assert await process.suspects.attempt(ONE, survived=[]) == 1
    assert await next_life.suspects.attempt(ONE, survived=[]) == 2
    assert await next_life.suspects.attempt(OTHER, survived=[]) == 1
    assert await next_life.suspects.attempt(ONE, survived=[]) == 3


async def test_what_was_survived_begins_anew(process: Process) -> None:
    await process.suspects.attempt(ONE, survived=[])
    assert await process.suspects.attempt(OTHER, survived=[ONE]) == 1
    assert await process.suspects.attempt(ONE, survived=[]) == 1
    assert await process.suspects.attempt(ONE, survived=[ONE]) == 1, "the same bytes sent twice are no killer"
    await process.suspects.clear([ONE, OTHER])
    await process.suspects.clear([])
    assert await process.suspects.attempt(OTHER, survived=[]) == 1


async def test_what_is_long_past_is_forgotten(store: StoreStand, process: Process) -> None:
    await process.suspects.attempt(ONE, survived=[])
    await store.pass_time(MONTH)
    await process.suspects.attempt(OTHER, survived=[])
    assert await process.suspects.attempt(ONE, survived=[]) == 1
