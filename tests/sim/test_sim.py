"""Seeds of the simulation: each keeps every promise, and each can be played again exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.checker.evidence import Cell
from tests.checker.report import Report, demand
from tests.house.files import ROOT
from tests.sim.enough import minimums
from tests.sim.play import play

SEEDS = range(60)


@pytest.fixture(scope="module")
def reports() -> dict[int, Report]:
    """What became of each seed."""
    return {seed: play(seed).report for seed in SEEDS}


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_goes_wrong_every_promise_is_kept(seed: int, reports: dict[int, Report]) -> None:
    assert not reports[seed].violations, f"make sim SEED={seed}\n{reports[seed].text()}"


def test_enough_went_wrong(reports: dict[int, Report]) -> None:
    hits: dict[Cell, int] = {}
    for report in reports.values():
        for cell, count in report.faults.items():
            hits[cell] = hits.get(cell, 0) + count
    demand(Report((), hits, {}), minimums(len(SEEDS)))


def test_enough_was_at_stake(reports: dict[int, Report]) -> None:
    def total(what: str) -> int:
        return sum(report.counts[what] for report in reports.values())

    assert total("messages") > 1000
    assert total("effects") > 500
    assert total("duplicates suppressed") > 100
    assert total("dead letters") > 20
    assert total("stale writers") > 20


def test_a_seed_tells_the_same_story_in_each_interpreter() -> None:
    # Given two interpreters that put sets in different orders
    code = "from tests.sim.play import play; print([play(seed).digest for seed in (0, 3, 8)])"
    with ExitStack() as both:
        running = [
            both.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE,
                    env={**os.environ, "PYTHONHASHSEED": hashing},
                )
            )
            for hashing in ("1", "2")
        ]  # fmt: skip
        # Then both tell what this one tells
        own = f"{[play(seed).digest for seed in (0, 3, 8)]}\n".encode()
        assert [process.communicate(timeout=120)[0] for process in running] == [own, own]


def test_different_seeds_tell_different_stories() -> None:
    assert len({play(seed).digest for seed in range(5)}) == 5
