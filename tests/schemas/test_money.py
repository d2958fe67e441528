"""The money of a command, as its cases tell it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from schemas.operations.money import money_of


def test_an_amount_stands_under_its_currency() -> None:
    assert money_of(b'{"amount": "-12.50", "currency": "EUR", "line": 1}') == {"EUR": Decimal("-12.50")}


@pytest.mark.parametrize(
    "body", [b"?", b"[]", b"{}", b'{"amount": "1"}', b'{"amount": null, "currency": "EUR"}', b'{"amount": "x"}']
)
def test_what_has_none_or_cannot_be_read_has_none(body: bytes) -> None:
    assert money_of(body) == {}
