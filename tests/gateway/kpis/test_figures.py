"""Figures of nothing, days to close, and how far objectives are reached."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from adapters.ports.kpis import Sum
from gateway.kpis.figures import FIGURES, Value, figures_of
from gateway.kpis.measures import BOUNDS, MORE, Measure, bound_of
from gateway.kpis.objectives import Attained, Bound, Objectives, Share, Within, attained
from gateway.policy_file import parse_policy
from gateway.system_policy import PolicyInvalid

EXAMPLE = Path(__file__).parents[3] / "examples" / "policy.yaml"
DAY = date(2026, 3, 9)


def counted(measure: Measure, count: int, label: str = "", last: date = DAY) -> Sum:
    """A sum of nothing but how many."""
    return Sum(measure, "DE01", "", label, count, Decimal(0), last)


def test_of_nothing_there_are_no_shares_and_no_means() -> None:
    found = figures_of([])
    units = {figure.name: figure.unit for figure in FIGURES}
    for name, values in found.items():
        if units[name] == "money":
            assert values == []
        elif units[name] == "count":
            assert values == [Value(Decimal(0), 0)]
        else:
            assert values == [Value(None, 0)]


def test_each_figure_has_a_name_of_its_own() -> None:
    assert len({figure.name for figure in FIGURES}) == len(FIGURES)


@pytest.mark.parametrize(
    ("seconds", "bound"), [("0", "1s"), ("1", "1s"), ("1.000001", "5s"), ("3600", "1h"), ("2592000.5", MORE)]
)
def test_a_duration_is_counted_by_the_smallest_bound_that_it_does_not_exceed(seconds: str, bound: str) -> None:
    assert bound_of(Decimal(seconds)) == bound


def test_a_month_is_closed_on_the_last_day_of_its_last_line() -> None:
    sums = [
        counted(Measure.WORK_MONTHS, 9, "2026-01", date(2026, 2, 3)),
        counted(Measure.WORK_MONTHS, 9, "2026-01", date(2026, 2, 6)),
        counted(Measure.WORK_MONTHS, 9, "2026-02", date(2026, 2, 20)),
    ]
    assert figures_of(sums)["days_to_close"] == [Value(Decimal(3), 2)]


def test_objectives_are_reached_by_those_within_their_time() -> None:
    objectives = Objectives(
        billing=Within(share=Decimal(75), within="1h"), posting_accuracy=Share(share=Decimal("99.5")),
        recovery=Within(share=Decimal(90), within="1d"),
    )  # fmt: skip
    sums = [
        *(counted(Measure.LINES_BILLED, count, label) for count, label in ((1, "1s"), (2, "1h"), (1, "4h"))),
        counted(Measure.POSTED, 199, "billable.post"), counted(Measure.REFUSED, 2, "billable.post"),
    ]  # fmt: skip
    billing, posting, recovery = attained(objectives, sums)
    assert billing == Attained("billing", "1h", Decimal(75), Decimal(75), 4, is_met=True)
    assert (posting.of, posting.is_met, round(posting.reached or 0, 2)) == (201, False, Decimal("99.00"))
    assert recovery == Attained("recovery", "1d", Decimal(90), None, 0, is_met=None)


def test_an_objective_names_a_bound_by_which_durations_are_counted() -> None:
    assert set(get_args(Bound)) == set(BOUNDS)


def test_objectives_stand_in_the_policy_and_a_mistake_names_its_line() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert parse_policy(text, "policy.yaml").objectives.billing is not None
    wrong = text.replace("within: 1h", "within: 2h")
    line = wrong[: wrong.index("within: 2h")].count("\n") + 1
    with pytest.raises(PolicyInvalid, match=rf"policy\.yaml:{line}: .*within") as refused:
        parse_policy(wrong, "policy.yaml")
    assert "1h" in str(refused.value)
