"""Comparing: each planted difference is found as what it is, and the money of all of them explains both totals."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.recon import Difference, Kind, Place, Sums
from gateway.recon.compare import Scope, judge, less, more
from schemas.standing import Sort, Standing

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
MARCH = Scope(FIRST, LAST)
OURS = Standing(
    Sort.BILLABLE, "timesheet/T-1/l1.r1/1", None, "DE01", date(2026, 3, 5), Decimal("720.00"), "EUR", "8400"
)
THEIRS = replace(OURS, external_id="B-7")
NAME = OURS.name
EUR = Place("DE01", "EUR")


def found(ours: Standing | None, *theirs: Standing, scope: Scope = MARCH) -> tuple[Difference, ...]:
    return judge(NAME, ours, theirs, scope).differences


def test_what_both_say_is_no_difference() -> None:
    assert found(OURS, THEIRS) == ()


def test_a_reference_is_known_whatever_its_generation() -> None:
    assert OURS.name == "timesheet/T-1/l1.r1"
    assert replace(OURS, reference="timesheet/T-1/l1.r1/3").name == OURS.name


@pytest.mark.parametrize("reference", [None, "", "by hand", "timesheet/T-1/l1", "order/1/2/3", "timesheet/T-1/l1/x"])
def test_what_is_no_reference_of_ours_is_foreign(reference: str | None) -> None:
    assert replace(THEIRS, reference=reference).name == "~/billable/B-7"


def test_what_is_not_there_is_missing() -> None:
    [difference] = found(OURS)
    assert (difference.kind, difference.effect) == (Kind.MISSING, {EUR: Decimal("-720.00")})


def test_what_we_do_not_hold_is_extra() -> None:
    [difference] = found(None, THEIRS)
    assert (difference.kind, difference.effect) == (Kind.EXTRA, {EUR: Decimal("720.00")})


def test_of_two_entries_the_likest_is_ours_and_the_other_one_is_there_twice() -> None:
    [difference] = found(OURS, replace(THEIRS, external_id="B-8", account="8401"), THEIRS)
    assert difference.kind is Kind.TWICE
    assert difference.theirs is not None
    assert difference.theirs.external_id == "B-8"
    assert difference.effect == {EUR: Decimal("720.00")}


def test_of_two_generations_that_say_the_same_the_one_that_we_hold_is_ours() -> None:
    held = replace(OURS, reference="timesheet/T-1/l1.r1/2")
    second = replace(held, external_id="B-8")
    for stands in ((THEIRS, second), (second, THEIRS)):
        [difference] = found(held, *stands)
        assert (difference.kind, difference.theirs) == (Kind.TWICE, THEIRS)


@pytest.mark.parametrize(
    ("field", "theirs", "effect"),
    [
        ("amount", replace(THEIRS, amount=Decimal("700.00")), {EUR: Decimal("-20.00")}),
        (
            "currency",
            replace(THEIRS, currency="USD"),
            {EUR: Decimal("-720.00"), Place("DE01", "USD"): Decimal("720.00")},
        ),
        ("day", replace(THEIRS, day=date(2026, 3, 6)), {}),
        ("day", replace(THEIRS, day=date(2026, 4, 1)), {EUR: Decimal("-720.00")}),
        ("account", replace(THEIRS, account="8401"), {}),
        (
            "legal_entity",
            replace(THEIRS, legal_entity="UK01"),
            {EUR: Decimal("-720.00"), Place("UK01", "EUR"): Decimal("720.00")},
        ),
    ],
)
def test_what_is_said_otherwise_names_the_field(field: str, theirs: Standing, effect: Sums) -> None:
    [difference] = found(OURS, theirs)
    assert (difference.kind, difference.fields, difference.effect) == (Kind.DIFFERENT, (field,), effect)


def test_what_one_side_does_not_know_is_not_compared() -> None:
    assert found(OURS, replace(THEIRS, account=None, open=Decimal(0))) == ()


def test_outside_of_the_period_nothing_counts() -> None:
    april = Scope(LAST + timedelta(days=1), LAST + timedelta(days=30))
    assert found(OURS, scope=april) == ()
    assert judge(NAME, OURS, (THEIRS,), april).ours == {}


def test_a_legal_entity_counts_for_itself() -> None:
    uk = Scope(FIRST, LAST, legal_entity="UK01")
    assert found(OURS, scope=uk) == ()
    assert found(None, replace(THEIRS, legal_entity="UK01"), scope=uk) != ()


STANDINGS = st.builds(
    Standing,
    st.sampled_from(Sort),
    st.just(OURS.reference),
    st.sampled_from(["B-1", "B-2", "B-3"]),
    st.sampled_from(["DE01", "UK01"]),
    st.dates(FIRST - timedelta(days=3), LAST + timedelta(days=3)),
    st.none() | st.decimals(-1000, 1000, places=2),
    st.sampled_from(["EUR", "GBP"]),
    st.none() | st.sampled_from(["8400", "8401"]),
)
SCOPES = st.builds(Scope, st.just(FIRST), st.just(LAST), st.none() | st.just("DE01"), st.none() | st.just("timesheet"))


@given(st.none() | STANDINGS, st.lists(STANDINGS, max_size=4), SCOPES)
def test_the_differences_explain_the_totals(ours: Standing | None, theirs: list[Standing], scope: Scope) -> None:
    judged = judge(NAME, ours, theirs, scope)
    explained: Sums = {}
    for difference in judged.differences:
        explained = more(explained, difference.effect)
    assert less(explained, {}) == judged.effect
