"""The parts of a chaos run that need no servers: the load, the decks, and the verdict about what was hit."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from tests.chaos.business import Business, Event
from tests.chaos.mischief import MOST_LATE, Act, Mischief
from tests.chaos.operators import ACTED
from tests.chaos.processes import AT_RANDOM, POINTS
from tests.chaos.run import Plan
from tests.chaos.servers import TERMINATED
from tests.chaos.verdict import QUOTAS, judge
from tests.checker.cells import (
    ALARM,
    AWAY,
    BAD,
    COMMIT,
    CONFLICT,
    CUT,
    DELETED,
    DUPLICATE,
    EARLY,
    KILL,
    LOST,
    OUT_OF_ORDER,
    POISON,
    SYSTEM,
    ZOMBIE,
)
from tests.checker.check import check
from tests.checker.evidence import Cell, Evidence
from tests.checker.small import SMALL

ENOUGH = {
    **{Cell(moment, KILL): 5 for moment, _, _ in POINTS},
    AT_RANDOM: 10,
    TERMINATED: 30,
    CUT: 6,
    AWAY: 4,
    **dict.fromkeys((ZOMBIE, ALARM, DELETED), 3),
    Cell(COMMIT, LOST): 4,
    ACTED: 5,
    **dict.fromkeys((DUPLICATE, CONFLICT, POISON, BAD, EARLY, OUT_OF_ORDER), 20),
    **{Cell(SYSTEM, kind): 1 for kind in ("a", "b", "c", "d")},
}
TEN_MINUTES = Plan(seconds=600, seed=1)


def waves(seed: int, count: int = 60) -> list[list[Event]]:
    business = Business(seed, 40)
    return [business.wave() for _ in range(count)]


def test_the_same_seed_makes_the_same_load() -> None:
    assert waves(1) == waves(1) != waves(2)


def test_within_a_wave_no_key_comes_twice() -> None:
    for wave in waves(3):
        keys = [event.key for event in wave]
        assert len(keys) == len(set(keys)) >= 40


def test_each_revision_of_a_sheet_first_comes_in_order_unless_it_is_numbered() -> None:
    plain: dict[str, list[int]] = {}
    numbered: dict[str, list[int]] = {}
    seen = set[str]()
    for event in (event for wave in waves(4) for event in wave):
        if event.queue == "timesheet" and not event.is_bad and event.id not in seen:
            seen.add(event.id)
            revision = int(event.id.rpartition("-r")[2])
            assert event.sequence in (None, revision)
            (plain if event.sequence is None else numbered).setdefault(event.key, []).append(revision)
    assert min(len(plain), len(numbered)) > 50
    assert all(revisions == list(range(1, len(revisions) + 1)) for revisions in plain.values())
    assert any(revisions != sorted(revisions) for revisions in numbered.values())


@pytest.mark.parametrize("seed", [1, 7, 8])
def test_every_run_has_deals_of_a_customer_whose_tax_nobody_knows(seed: int) -> None:
    events = [event for wave in waves(seed, 20) for event in wave]
    untaxed = {event.key for event in events if event.queue == "customer" and event.stops}
    assert any(untaxed.intersection(event.needs) for event in events)


async def test_a_deck_is_dealt_whole_before_it_is_shuffled_again() -> None:
    dealt: list[str] = []
    ended = asyncio.Event()

    async def hit() -> int:
        return 1

    def told(_lane: str, cell: Cell, _hits: int) -> None:
        dealt.append(cell.fault)
        if len(dealt) == 12:
            ended.set()

    lane = Mischief("lane", (Act(Cell("m", "a"), hit), Act(Cell("m", "b"), hit, copies=3)), (0, 0))
    hits = await lane.run(1, ended, told)
    assert hits == {Cell("m", "a"): 3, Cell("m", "b"): 9}
    for first in (0, 4, 8):
        assert Counter(dealt[first : first + 4]) == {"a": 1, "b": 3}


async def test_what_every_run_owes_comes_first_and_again_until_it_has_hit() -> None:
    dealt: list[tuple[str, int]] = []
    ended = asyncio.Event()
    strikes = iter((0, 0, 1, 1))

    async def owed() -> int:
        return next(strikes)

    async def other() -> int:
        return 1

    def told(_lane: str, cell: Cell, hits: int) -> None:
        dealt.append((cell.fault, hits))
        if len(dealt) == 5:
            ended.set()

    acts = (Act(Cell("m", "owed"), owed, is_owed=True), Act(Cell("m", "other"), other))
    hits = await Mischief("lane", acts, (0, 0)).run(1, ended, told)
    assert dealt[:3] == [("owed", 0), ("owed", 0), ("owed", 1)]
    assert sorted(dealt[3:]) == [("other", 1), ("owed", 1)]
    assert hits == {Cell("m", "owed"): 2, Cell("m", "other"): 1}


@pytest.mark.parametrize("misses", [2, MOST_LATE, 100])
async def test_what_is_owed_goes_on_behind_the_end_until_it_has_hit_but_not_for_ever(misses: int) -> None:
    dealt: list[str] = []
    ended = asyncio.Event()

    async def owed() -> int:
        return int(len(dealt) >= misses)

    async def other() -> int:
        return 1

    def told(_lane: str, cell: Cell, _hits: int) -> None:
        dealt.append(cell.fault)
        ended.set()

    acts = (Act(Cell("m", "owed"), owed, is_owed=True), Act(Cell("m", "other"), other))
    hits = await Mischief("lane", acts, (0, 0)).run(1, ended, told)
    assert dealt == ["owed"] * (1 + min(misses, MOST_LATE))
    assert hits == {Cell("m", "owed"): int(misses <= MOST_LATE)}


@pytest.mark.parametrize("cell", [ZOMBIE, ALARM, DELETED, ACTED, Cell(COMMIT, LOST)])
def test_a_short_run_owes_one_of_each_great_fault(cell: Cell) -> None:
    assert not verdict_of({**ENOUGH, cell: 0}, Plan(seconds=40, seed=1))[0]


def verdict_of(faults: dict[Cell, int], plan: Plan = TEN_MINUTES, evidence: Evidence = SMALL) -> tuple[bool, str]:
    verdict = judge(plan, check(replace(evidence, faults=faults)))
    return verdict.is_good, verdict.text()


def test_enough_faults_and_no_violation_are_good() -> None:
    is_good, text = verdict_of(ENOUGH)
    assert is_good
    assert text.endswith("every promise was kept")


def test_a_violation_is_not_good_however_much_was_hit() -> None:
    is_good, text = verdict_of(ENOUGH, evidence=replace(SMALL, in_queues=1))
    assert not is_good
    assert "9 live                       BROKEN 1 times" in text


def test_too_little_of_one_kind_is_named() -> None:
    is_good, text = verdict_of({**ENOUGH, TERMINATED: 29})
    assert not is_good
    assert "TOO FEW backend terminations: 29 of 30" in text


def test_a_moment_without_a_kill_is_named() -> None:
    point = Cell(POINTS[0][0], KILL)
    assert f"TOO FEW kills at: {point.moment}" in verdict_of({**ENOUGH, point: 0, AT_RANDOM: 99})[1]


def test_too_few_kinds_of_misbehaviour_are_named() -> None:
    assert "TOO FEW kinds of misbehaviour" in verdict_of({**ENOUGH, Cell(SYSTEM, "a"): 0})[1]


def test_a_shorter_run_owes_its_share() -> None:
    owed = {quota.name: quota.owed(60) for quota in QUOTAS}
    assert owed["process kills"] == 4
    assert owed["backend terminations"] == 3
    assert owed["broker restarts and massacres of connections"] == 1
    assert owed["database restarts"] == 1
