"""A checker that cannot fail is no checker: each planted bug is found, and by the promise that it breaks."""

from __future__ import annotations

from itertools import chain

import pytest

from tests.adapters.postgres.stage import WRONG
from tests.checker.report import Invariant, Report, Violation
from tests.sim.planted.in_sql import IN_SQL
from tests.sim.planted.search import first, is_found
from tests.sim.planted.table import BUGS, MOST_SEEDS, Bug
from tests.sim.play import play


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_each_planted_bug_is_found_by_the_promise_that_it_breaks(bug: Bug) -> None:
    # Given the seed that showed it last, or another, if the stories have changed since
    seed = first(bug, chain([bug.seed], range(MOST_SEEDS)))
    # Then one is found, and without the bug the same seed keeps every promise
    assert seed is not None, f"{bug.name} was not found in {MOST_SEEDS} seeds"
    assert not play(seed).report.violations


def test_a_side_effect_of_a_bug_does_not_find_it() -> None:
    bug = next(bug for bug in BUGS if bug.name == "second head sent")
    broken = tuple(Violation(invariant, "timesheet/S", "is wrong otherwise") for invariant in Invariant)
    assert not is_found(bug, Report(broken, {}, {}))
    assert is_found(bug, Report((Violation(bug.breaks, "erp timesheet/S", bug.shows),), {}, {}))


def test_each_wrong_design_in_sql_is_the_proof_of_a_bug() -> None:
    listed = list(chain.from_iterable(IN_SQL.values()))
    assert sorted(listed) == sorted(file.stem for file in WRONG.glob("*.sql"))


def test_each_wrong_design_in_sql_is_installed_by_a_test() -> None:
    tests = "".join(file.read_text() for file in WRONG.parent.glob("test_interleavings_*.py"))
    assert [name for name in chain.from_iterable(IN_SQL.values()) if f'"{name}"' not in tests] == []
