"""Values on their way to Tryton and back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.tryton.values import decode, encode


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("187.2500"), b'{"__class__":"Decimal","decimal":"187.2500"}'),
        (date(2026, 11, 20), b'{"__class__":"date","year":2026,"month":11,"day":20}'),
        (
            datetime(2026, 11, 20, 9, 30, 1, 299),  # noqa: DTZ001 - Tryton's times are UTC without a zone
            b'{"__class__":"datetime","year":2026,"month":11,"day":20,"hour":9,"minute":30,"second":1,"microsecond":299}',
        ),
        (timedelta(hours=3, minutes=15), b'{"__class__":"timedelta","seconds":11700.0}'),
        ([["create", [{"name": "x", "price": Decimal(1)}]]],
         b'[["create",[{"name":"x","price":{"__class__":"Decimal","decimal":"1"}}]]]'),
    ],
)  # fmt: skip
def test_values_go_as_tryton_writes_them_and_come_back(value: object, written: bytes) -> None:
    assert encode(value) == written
    assert decode(written) == value


def test_what_its_json_has_no_form_for_is_our_mistake() -> None:
    with pytest.raises(TypeError):
        encode({1, 2})


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"__class__":"Decimal","decimal":1}', b'{"__class__":"Matrix"}'])
def test_what_tryton_would_not_write_is_told(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(body)
