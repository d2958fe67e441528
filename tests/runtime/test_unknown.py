"""Commits whose answer was lost: read back by their id, and never guessed at."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import product

import pytest

from adapters.memory.commits import MemoryCommits
from tests.gateway.toy import A, Step
from tests.runtime.town import Process, Town, until
from tests.runtime.troubles import Trouble
from tests.runtime.virtual import run
from tests.runtime.wrong import BelievesVersions

FIRST = Step(name="a1", asks=("1",))
SILENT = (Trouble.ANSWER_LOST, Trouble.LOST, Trouble.LATE)
ONCE = ("a1", "a2")


def befall(process: Process, *troubles: Trouble) -> None:
    """Let these befall the next commits of a process, whichever connection they take."""
    for connection in process.connections:
        connection.troubles.extend(troubles)


async def check(town: Town) -> None:
    """Everything was applied once, in order, and sent once."""
    await until(lambda: town.events(A) == ONCE and "+1" in town.steps(A))
    await asyncio.sleep(60)
    assert town.events(A) == ONCE
    assert town.vendor.effects == ["job/a/1/1"]
    assert town.vendor.requests == ["job/a/1/1"], "and nobody asked for it twice"
    town.check_history()
    await town.close()


@pytest.mark.parametrize("troubles", [(one,) for one in SILENT] + list(product(SILENT, repeat=2)))
def test_it_is_read_back(troubles: Sequence[Trouble]) -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        befall(process, *troubles)
        slips = process.deliver(A, FIRST, "a2")
        await until(lambda: all(slip.acks == 1 for slip in slips))
        assert process.witness.told["unknown"] >= 1
        await check(town)

    run(story())


@pytest.mark.parametrize("trouble", SILENT)
def test_the_connection_may_be_lost_again_while_it_is_read_back(trouble: Trouble) -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        befall(process, trouble)
        for connection in process.connections:
            connection.lost_answers_to_resolve = 3
        slips = process.deliver(A, FIRST, "a2")
        await until(lambda: all(slip.acks == 1 for slip in slips))
        await check(town)

    run(story())


@pytest.mark.parametrize("trouble", SILENT)
def test_a_late_outage_resolves_when_the_database_is_back(trouble: Trouble) -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        befall(process, trouble)
        slips = process.deliver(A, FIRST, "a2")
        await until(lambda: process.witness.told["unknown"] == 1, step=0.0001)
        town.outage.is_away = True
        await asyncio.sleep(100)
        assert not any(slip.acks for slip in slips)
        town.outage.is_away = False
        await check(town)

    run(story())


@pytest.mark.parametrize("trouble", SILENT)
def test_the_same_deliveries_may_come_again_meanwhile(trouble: Trouble) -> None:
    async def story() -> None:
        # Given a commit whose answer was lost with its channel, so its messages are delivered to another process
        town = Town()
        first, second = town.process(), town.process()
        befall(first, trouble)
        for connection in first.connections:
            connection.lost_answers_to_resolve = 2
        slips = first.deliver(A, FIRST, "a2")
        await until(lambda: first.witness.told["unknown"] == 1, step=0.0001)
        slips += second.deliver(A, FIRST, "a2")
        await until(lambda: all(slip.acks == 1 for slip in slips))
        await check(town)

    run(story())


@pytest.mark.parametrize("trouble", SILENT)
def test_a_process_that_dies_of_it_leaves_nothing_behind(trouble: Trouble) -> None:
    async def story() -> None:
        town = Town()
        first = town.process()
        befall(first, trouble)
        slips = first.deliver(A, FIRST, "a2")
        await until(lambda: first.witness.told["unknown"] == 1, step=0.0001)
        await first.kill()
        if not all(slip.acks for slip in slips):
            town.process().deliver(A, FIRST, "a2")
        await check(town)

    run(story())


@pytest.mark.parametrize("trouble", SILENT)
def test_results_whose_decision_is_unknown_are_decided_once(trouble: Trouble) -> None:
    async def story() -> None:
        town = Town()
        process = town.process()
        process.deliver(A, FIRST)
        await until(lambda: town.events(A) == ("a1",), step=0.0001)
        befall(process, trouble, trouble)
        process.deliver(A, "a2")
        await check(town)
        assert town.steps(A).count("+1") == 1

    run(story())


async def lose_a_commit_while_another_moves_the_row(commits: type[MemoryCommits] | None) -> list[str]:
    """A commit never arrives, and another process's commit moves the row; what was acked and is nowhere."""
    town = Town(commits=commits)
    first, second = town.process(sends=False), town.process(sends=False)
    befall(first, Trouble.LOST)
    for connection in first.connections:
        connection.lost_answers_to_resolve = 1
    slips = first.deliver(A, "a1")
    await until(lambda: first.witness.told["unknown"] == 1, step=0.0001)
    other = second.deliver(A, "b1")
    await until(lambda: all(slip.acks == 1 for slip in slips + other))
    lost, town.lost = town.lost, []
    await town.close()
    return lost


def test_a_row_that_moved_is_not_taken_for_our_own_commit() -> None:
    assert run(lose_a_commit_while_another_moves_the_row(None)) == []


def test_versions_alone_would_lose_a_message() -> None:
    assert run(lose_a_commit_while_another_moves_the_row(BelievesVersions)) == ["a1"]
