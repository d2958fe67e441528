"""Looks for the first seed by which a planted bug is found."""

from __future__ import annotations

from collections.abc import Iterable

from tests.checker.report import Report
from tests.sim.planted.table import Bug
from tests.sim.play import play


def first(bug: Bug, seeds: Iterable[int]) -> int | None:
    """The first of `seeds` in which `bug` breaks the promise by which it must be found, and the report says how."""
    return next((seed for seed in seeds if is_found(bug, play(seed, bug.plant).report)), None)


def is_found(bug: Bug, report: Report) -> bool:
    """Whether a violation in `report` is the one that `bug` must show."""
    return any(found.invariant is bug.breaks and bug.shows in found.why for found in report.violations)
