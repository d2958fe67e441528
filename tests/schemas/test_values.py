"""Values refuse what libraries accept, lose, or round."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from schemas.countries import COUNTRIES
from schemas.currencies import MINOR_UNITS
from schemas.keys import ActorKey
from schemas.values import Amount, Country, Currency, Day, Hours, Id, Moment, Money, Period, Reference, Revision

FUZZ = settings(max_examples=200, deadline=None)
ODD = [
    "1e3",
    "1_000",
    "+1",
    " 1",
    "1 ",
    "1,5",
    ".5",
    "1.",
    "01",
    "٣",
    "\uff11",
    "NaN",
    "Infinity",
    "-",
    "",
    "0x1",
    "1e999999999",
]


def accepts(kind: Any, value: object) -> bool:
    """Whether a field of this type takes the value, read from JSON or as a Python object."""
    try:
        TypeAdapter[Any](kind).validate_python(value)
    except ValidationError:
        return False
    return True


NAIVE = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
amounts = st.integers(min_value=-(10**15) + 1, max_value=10**15 - 1)


@FUZZ
@given(units=amounts, currency=st.sampled_from(sorted(MINOR_UNITS)))
def test_money_keeps_every_digit(units: int, currency: str) -> None:
    exact = Decimal(units).scaleb(-MINOR_UNITS[currency])

    money = Money.of(exact, currency)

    assert money.decimal == exact
    assert Money.model_validate_json(money.to_json()) == money
    assert Decimal(money.amount).as_tuple() == exact.as_tuple()


@FUZZ
@given(units=amounts, currency=st.sampled_from(sorted(MINOR_UNITS)), more=st.integers(1, 20))
def test_money_is_never_rounded(units: int, currency: str, more: int) -> None:
    with pytest.raises(ValueError, match="amount"):
        Money.of(Decimal(units).scaleb(-MINOR_UNITS[currency] - more), currency)


@FUZZ
@given(st.text(max_size=12) | st.from_regex(r"-?[0-9_.eE+]{1,12}"))
@example("1e5")
@example("١٢٣.٤٥")
def test_a_text_is_an_amount_only_in_plain_ascii(text: str) -> None:
    if accepts(Money, {"amount": text, "currency": "EUR"}):
        assert set(text) <= set("-0123456789.")
        assert format(Decimal(text), "f") == text


@pytest.mark.parametrize("value", [*ODD, 1, 1.5, True, None, [], {}, "1.005", "9" * 16])
def test_refused_as_an_amount_of_money(value: object) -> None:
    assert not accepts(Money, {"amount": value, "currency": "EUR"})


@pytest.mark.parametrize(
    ("amount", "currency", "fits"),
    [
        ("1", "JPY", True),
        ("1.0", "JPY", False),
        ("1.005", "BHD", True),
        ("1.0005", "CLF", True),
        ("1.005", "EUR", False),
    ],
)
def test_decimals_follow_the_currency(amount: str, currency: str, fits: bool) -> None:  # noqa: FBT001 a table's column
    assert accepts(Money, {"amount": amount, "currency": currency}) is fits


@FUZZ
@given(st.integers(1, 2400))
def test_hours_keep_every_digit(hundredths: int) -> None:
    text = f"{hundredths // 100}.{hundredths % 100:02}"

    hours: Decimal = TypeAdapter[Any](Hours).validate_python(text)

    assert str(hours) == text
    assert hours * 100 == hundredths


@FUZZ
@given(st.text(max_size=8) | st.from_regex(r"-?[0-9_.eE+]{1,8}"))
def test_hours_are_above_zero_and_up_to_a_day(text: str) -> None:
    if accepts(Hours, text):
        assert set(text) <= set("0123456789.")
        assert 0 < Decimal(text) <= 24


@pytest.mark.parametrize("value", [*ODD, "0", "0.00", "24.01", "25", "-1", "7.505", 7, 7.5, True, None, Decimal(25)])
def test_refused_as_hours(value: object) -> None:
    assert not accepts(Hours, value)


@pytest.mark.parametrize(
    "value", [*ODD, 1, 1.5, Decimal("1E+3"), Decimal("NaN"), Decimal("0.00001"), Decimal(10) ** 15]
)
def test_refused_as_amount_of_a_command(value: object) -> None:
    assert not accepts(Amount, value)


@pytest.mark.parametrize("value", ["a", "x" * 200, "é" * 100, "a b/c:d", "船"])
def test_accepted_as_id(value: str) -> None:
    assert accepts(Id, value)


@pytest.mark.parametrize("value", ["", "x" * 201, "é" * 101, "a\nb", "a\x00", "\x7f", "\x85", 4711, None, b"a", True])
def test_refused_as_id(value: object) -> None:
    assert not accepts(Id, value)


@pytest.mark.parametrize(
    "value", ["2026-02-30", "2026-1-1", "20260101", "2026-01-01T00:00:00", 20454, 1.5, True, "٢٠٢٦-01-01"]
)
def test_refused_as_day(value: object) -> None:
    assert not accepts(Day, value)
    assert accepts(Day, date(2026, 1, 1))


@pytest.mark.parametrize("value", ["2026-01-01T00:00:00", "2026-01-01", 1767225600, "2026-01-01 00:00:00Z", NAIVE])
def test_refused_as_moment(value: object) -> None:
    assert not accepts(Moment, value)
    assert accepts(Moment, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("value", [0, -1, 2**31, 2**64, "1", 1.0, True])
def test_refused_as_revision(value: object) -> None:
    assert not accepts(Revision, value)


def test_currencies_and_countries_are_codes_in_force() -> None:
    assert {"EUR", "USD", "JPY", "KWD"} <= MINOR_UNITS.keys()
    assert not {"XXX", "XTS", "XAU", "DEM", "eur"} & MINOR_UNITS.keys()
    assert len(COUNTRIES) == 249
    assert accepts(Currency, "CHF")
    assert not accepts(Currency, "chf")
    assert accepts(Country, "GB")
    assert not accepts(Country, "UK")


def test_a_reference_names_the_key_that_is_meant() -> None:
    assert Reference(id="P-1").key("project") == ActorKey("project", "P-1")
    assert Reference(system="psa", external_id="4711").key("project") == ActorKey("external", "psa/project/4711")


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"id": "1", "system": "psa"},
        {"system": "psa"},
        {"external_id": "1"},
        {"id": "1", "system": "psa", "external_id": "1"},
    ],
)
def test_a_reference_has_one_form(form: object) -> None:
    assert not accepts(Reference, form)


def test_a_period_does_not_end_before_it_starts() -> None:
    day = date(2026, 1, 1)
    assert Period(starts_on=day, ends_on=day).ends_on == day
    assert not accepts(Period, {"starts_on": "2026-01-02", "ends_on": "2026-01-01"})
