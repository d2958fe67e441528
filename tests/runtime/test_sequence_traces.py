"""Numbered events in the orders that broke other designs: each is right here, and goes wrong with the wrong design."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from adapters.memory.commits import MemoryCommits
from gateway.activation import Entry
from gateway.committer import Committer
from gateway.rules import LanePolicy, Numbering, Rules
from schemas.sequence import Cursor, SequenceKind
from schemas.verdicts import Verdict
from tests.gateway.toy import A, Step, message_of, read
from tests.runtime.town import Process, Town
from tests.runtime.virtual import run
from tests.runtime.wrong_sequence import AtTheTail, EndedCounts, NeverReopened, OnlyTheNext, TheHighest, measuring_by

ANN = {"actor": "ann", "reason": "sent in error"}


def town(
    kind: SequenceKind = SequenceKind.CONTIGUOUS,
    *,
    commits: type[MemoryCommits] = MemoryCommits,
    cursor: type[Cursor] = Cursor,
) -> Town:
    """A town whose source `s` numbers its events."""
    rules = Rules({"s": Numbering(kind, 60.0)}, {"job.note": LanePolicy.SUPERSEDE})
    committer = Committer if cursor is Cursor else measuring_by(cursor)
    return Town(rules=rules, commits=commits, committer=committer)


async def arrive(process: Process, *numbers: int, does: str = "accept", kind: str = "step") -> None:
    """Let numbers of the source come, in this order, and all that can be done with them happen."""
    for number in numbers:
        name = f"s{number}"
        message = message_of(name, Step.model_validate({"name": name, "does": does}), "s")
        message = message._replace(type=f"job.{kind}.v1", series="s", sequence=number)
        process.bus.deliver(A, Entry(message, read(message), process.town.slip(name, "s")))
    await asyncio.sleep(10)


async def discard_head(town: Town) -> None:
    """What an operator does with the head."""
    await town.store.clients().acts.discard(A, head=town.store.tables.lane(A)[0].message.ref, **ANN)
    await asyncio.sleep(10)


def told(story: Callable[[Town], Awaitable[None]], **how: object) -> tuple[str, ...]:
    """What was applied in the end."""

    async def whole() -> tuple[str, ...]:
        place = town(**how)  # type: ignore[arg-type]  # the keywords of `town`
        await story(place)
        await place.close()
        return place.events(A)

    return run(whole())


async def out_of_order(town: Town) -> None:
    await arrive(town.process(), 2, 1, 3)


async def one_at_a_time(town: Town) -> None:
    process = town.process()
    for number in (3, 2, 1, 4):
        await arrive(process, number)


async def a_waiting_head_is_discarded(town: Town) -> None:
    process = town.process()
    await arrive(process, 2)
    await discard_head(town)
    await arrive(process, 1, 3)


async def the_first_is_missing_still(town: Town) -> None:
    process = town.process()
    await arrive(process, 2, 3)
    await discard_head(town)
    await arrive(process, 4)


async def a_parked_head_is_discarded(town: Town) -> None:
    process = town.process()
    await arrive(process, 2, does="park")
    await discard_head(town)
    await arrive(process, 1)


@pytest.mark.parametrize(
    ("story", "kind", "applied"),
    [
        (out_of_order, SequenceKind.CONTIGUOUS, ("s1", "s2", "s3")),
        (one_at_a_time, SequenceKind.CONTIGUOUS, ("s1", "s2", "s3", "s4")),
        (a_waiting_head_is_discarded, SequenceKind.CONTIGUOUS, ("s1", "s3")),
        (the_first_is_missing_still, SequenceKind.CONTIGUOUS, ()),
        (a_parked_head_is_discarded, SequenceKind.MONOTONIC, ("s1",)),
        (out_of_order, SequenceKind.MONOTONIC, ("s2", "s3")),
    ],
)
def test_numbers_are_applied_in_order_and_nothing_stands_still_for_ever(
    story: Callable[[Town], Awaitable[None]], kind: SequenceKind, applied: tuple[str, ...]
) -> None:
    assert told(story, kind=kind) == applied


@pytest.mark.parametrize(
    ("story", "wrong", "applied"),
    [
        (out_of_order, {"commits": AtTheTail}, ()),
        (one_at_a_time, {"commits": AtTheTail}, ()),
        (out_of_order, {"commits": NeverReopened}, ()),
        (a_waiting_head_is_discarded, {"cursor": OnlyTheNext}, ("s1",)),
        (the_first_is_missing_still, {"cursor": TheHighest}, ("s3", "s4")),
        (a_parked_head_is_discarded, {"kind": SequenceKind.MONOTONIC, "cursor": EndedCounts}, ()),
    ],
)
def test_the_wrong_designs_lose_order_or_stand_still(
    story: Callable[[Town], Awaitable[None]], wrong: dict[str, object], applied: tuple[str, ...]
) -> None:
    assert told(story, **wrong) == applied


def test_the_higher_number_supersedes_the_lower_whichever_came_first() -> None:
    async def story() -> None:
        place = town()
        process = place.process()
        await arrive(process, 4, kind="note")
        await arrive(process, 2, kind="note")
        assert place.verdict("s2", "s") is Verdict.SUPERSEDED
        assert place.lane(A) == [("s4", Verdict.WAITING)]
        await arrive(process, 1, 3)
        assert place.events(A) == ("s1", "s3", "s4")
        await place.close()

    run(story())


def test_a_number_that_never_comes_is_closed_by_a_person() -> None:
    async def story() -> None:
        place = town()
        await arrive(place.process(), 1, 3)
        assert place.events(A) == ("s1",)
        await asyncio.sleep(90)
        assert place.cases() == ["wait_overdue"]
        await place.store.clients().acts.close_gap(A, series="s", through=2, **ANN)
        await asyncio.sleep(10)
        assert (place.events(A), place.cases()) == (("s1", "s3"), [])
        await place.close()

    run(story())


def test_a_kill_amid_a_gap_loses_nothing() -> None:
    async def story() -> None:
        place = town()
        first = place.process()
        await arrive(first, 2, 4, 3)
        await first.kill()
        place.processes.clear()
        await arrive(place.process(), 1)
        assert place.events(A) == ("s1", "s2", "s3", "s4")
        await place.close()

    run(story())
