"""Plays many seeds on all cores, or one with its trace: python -m tests.sim --seeds 2000, or --seed 123."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import click

from tests.checker.evidence import Cell
from tests.checker.report import Report, TooFewFaults, demand
from tests.sim.enough import minimums
from tests.sim.planted.search import first
from tests.sim.planted.table import BUGS, MOST_SEEDS
from tests.sim.play import play

CHUNK = 20


def main() -> int:
    """The exit code: 0 when every promise was kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seeds", type=int, default=500, help="how many seeds to play, from --first on")
    which.add_argument("--seed", type=int, help="play this seed alone, and print its trace")
    which.add_argument("--planted", action="store_true", help="look for the first seed that shows each planted bug")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    asked = parser.parse_args()
    if asked.planted:
        return _planted(asked.workers)
    return (
        _one(asked.seed)
        if asked.seed is not None
        else _many(range(asked.first, asked.first + asked.seeds), asked.workers)
    )


def _one(seed: int) -> int:
    played = play(seed)
    click.echo("\n".join(map(str, played.trace)))
    click.echo(played.report.text())
    click.echo(f"seed {seed}, trace {played.digest}")
    return bool(played.report.violations)


def _many(seeds: range, workers: int) -> int:
    began = time.monotonic()
    cells: Counter[Cell] = Counter()
    counts: Counter[str] = Counter()
    bad: list[int] = []
    with ProcessPoolExecutor(workers) as pool:
        for seed, report in pool.map(_report, seeds, chunksize=CHUNK):
            cells.update(report.faults)
            counts.update(report.counts)
            if report.violations:
                bad.append(seed)
                click.echo(f"seed {seed}: make sim SEED={seed}")
                for violation in report.violations[:6]:
                    click.echo(f"    {violation}")
    for cell, hits in sorted(cells.items()):
        click.echo(f"{cell.moment:45} {cell.fault:26} {hits:7}")
    click.echo(", ".join(f"{name} {count}" for name, count in counts.items()))
    minutes = (time.monotonic() - began) / 60
    click.echo(
        f"{len(seeds)} seeds in {minutes * 60:.0f} s, {len(seeds) / minutes:.0f} a minute; {len(bad)} broke a promise"
    )
    try:
        demand(Report((), cells, counts), minimums(len(seeds)))
    except TooFewFaults as error:
        click.echo(str(error))
        return 1
    return bool(bad)


def _planted(workers: int) -> int:
    """The first seed of each bug: for the table, when the stories have changed."""
    with ProcessPoolExecutor(workers) as pool:
        seeds = list(pool.map(_first, range(len(BUGS))))
    for bug, seed in zip(BUGS, seeds, strict=True):
        click.echo(f"{bug.name:40} {bug.breaks!s:28} {'not found' if seed is None else f'seed {seed}'}")
    return None in seeds


def _first(place: int) -> int | None:
    return first(BUGS[place], range(MOST_SEEDS))


def _report(seed: int) -> tuple[int, Report]:
    return seed, play(seed).report


if __name__ == "__main__":
    sys.exit(main())
