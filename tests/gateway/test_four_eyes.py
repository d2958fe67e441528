"""From where on a second person must allow something."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.four_eyes import FourEyes


def money(**amounts: str) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in amounts.items()}


@pytest.mark.parametrize(
    ("rule", "items", "amounts", "wants"),
    [
        (FourEyes(), 10**9, money(EUR="1e9"), False),
        (FourEyes(items_above=10), 10, {}, False),
        (FourEyes(items_above=10), 11, {}, True),
        (FourEyes(items_above=0), 1, {}, True),
        (FourEyes(amount_above=money(EUR="100")), 10**9, {}, False),
        (FourEyes(amount_above=money(EUR="100")), 1, money(EUR="100"), False),
        (FourEyes(amount_above=money(EUR="100")), 1, money(EUR="100.01"), True),
        (FourEyes(amount_above=money(EUR="100")), 1, money(USD="0.01"), True),
        (FourEyes(amount_above=money(EUR="100")), 1, money(USD="0"), False),
        (FourEyes(amount_above={}), 1, money(USD="0.01"), True),
        (FourEyes(items_above=10, amount_above=money(EUR="100")), 11, money(EUR="1"), True),
    ],
)
def test_what_is_above(rule: FourEyes, items: int, amounts: dict[str, Decimal], *, wants: bool) -> None:
    assert rule.wants(items, amounts) is wants


def test_money_of_which_nobody_knows_all_is_above_where_there_is_a_limit() -> None:
    assert FourEyes(amount_above={"EUR": Decimal(100)}).wants(1, money(EUR="1"), is_all=False)
    assert not FourEyes(items_above=10).wants(1, money(EUR="1"), is_all=False)
