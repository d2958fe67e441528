"""Looks for the first seed by which a planted bug is found."""

from __future__ import annotations

from collections.abc import Iterable

from tests.sim.planted.table import Bug
from tests.sim.play import play


def first(bug: Bug, seeds: Iterable[int]) -> int | None:
    """The first of `seeds` in which `bug` breaks the promise by which it must be found."""
    return next((seed for seed in seeds if bug.breaks in play(seed, bug.plant).report.broken), None)
