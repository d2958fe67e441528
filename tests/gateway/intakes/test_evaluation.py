"""What becomes of the values of a message, and how it is told when that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from gateway.intakes.evaluation import Room, Scope, Unmapped, evaluate, text_of
from gateway.intakes.values import Value
from schemas.parsing import LIMITS, parse
from schemas.verdicts import FailureClass

READ: TypeAdapter[Any] = TypeAdapter(Value)


def scope(message: bytes, room: int = 10_000) -> Scope:
    document = parse(message, LIMITS, "lossless-float")
    return Scope(document, document, Room(room, room))


def made(value: object, message: bytes) -> object:
    """What a value, as the policy file has it, makes of a message."""
    return evaluate(READ.validate_python(value), scope(message))


def refused(value: object, message: bytes, room: int = 10_000) -> Unmapped:
    with pytest.raises(Unmapped) as caught:
        evaluate(READ.validate_python(value), scope(message, room))
    return caught.value


@pytest.mark.parametrize(
    ("value", "message", "expected"),
    [
        ("/a", b'{"a": "x"}', "x"),
        ("/a", b'{"a": 7}', 7),
        ("/a", b'{"a": false}', False),
        ({"path": "/a", "as": "text"}, b'{"a": 7}', "7"),
        ({"path": "/a", "as": "text"}, b'{"a": 123456789012345678901234567890}', "123456789012345678901234567890"),
        ({"path": "/a", "map": {"1": True, "0": False}}, b'{"a": 0}', False),
        ({"path": "/a", "map": {"true": "yes"}}, b'{"a": true}', "yes"),
        ({"path": "/a", "map": {"1.50": "x"}}, b'{"a": 1.50}', "x"),
        ({"path": "/a", "optional": True}, b'{"a": null}', None),
        ({"path": "/a", "default": "d"}, b"{}", "d"),
        ({"path": "/a", "map": {"1": "x"}, "default": "d"}, b"{}", "d"),
        ({"value": ["US01", {"b": 1}]}, b"{}", ["US01", {"b": 1}]),
        ({"join": ["/a", {"value": "x"}, "/b"], "with": "-"}, b'{"a": 1, "b": "c"}', "1-x-c"),
        ({"object": {"x": "/a", "y": {"path": "/b", "optional": True}}}, b'{"a": 1}', {"x": 1}),
        ({"object": {"x": "/a/b"}, "where": "/a"}, b"{}", None),
        ({"each": "/a", "item": ""}, b'{"a": ["x", "y"]}', ["x", "y"]),
        ({"each": "", "item": {"object": {"n": "/n", "of": "$/0/n"}}}, b'[{"n": 1}, {"n": 2}]',
         [{"n": 1, "of": 1}, {"n": 2, "of": 1}]),
        ({"each": "/a", "item": "", "optional": True}, b"{}", None),
    ],
)  # fmt: skip
def test_values(value: object, message: bytes, expected: object) -> None:
    found = made(value, message)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("7.50", "7.50"), ("0.1", "0.1"), ("1250", "1250"), ("-0.05", "-0.05"), ("1e3", "1000"), ("12.5E-1", "1.25"),
        ("0.30000000000000004", "0.30000000000000004"), ("9007199254740993.01", "9007199254740993.01"),
        ('"7,50"', "7,50"), ('"7.5"', "7.5"),
    ],
)  # fmt: skip
def test_money_and_hours_keep_the_digits_that_were_sent(sent: str, expected: str) -> None:
    assert made({"path": "/a", "as": "decimal"}, b'{"a": %s}' % sent.encode()) == expected


@pytest.mark.parametrize("sent", [b"1e999999999", b"1e-999999999", b"1.%se1" % (b"0" * 100), b"true", b"[1]", b"{}"])
def test_a_number_that_is_no_amount_is_refused(sent: bytes) -> None:
    assert refused({"path": "/a", "as": "decimal"}, b'{"a": %s}' % sent).field == "/a"


@pytest.mark.parametrize(
    ("value", "sent", "expected"),
    [
        ({"as": "day", "format": "%d.%m.%Y"}, "31.01.2026", "2026-01-31"),
        ({"as": "day", "format": "%Y%m%d"}, "20260131", "2026-01-31"),
        ({"as": "moment", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"}, "31.01.2026 17:05",
         "2026-01-31T17:05:00+01:00"),
        ({"as": "moment", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Berlin"}, "31.07.2026 17:05",
         "2026-07-31T17:05:00+02:00"),
        ({"as": "moment", "format": "%Y-%m-%dT%H:%M:%S%z"}, "2026-01-31T17:05:09-0500", "2026-01-31T17:05:09-05:00"),
    ],
)  # fmt: skip
def test_days_and_times(value: dict[str, str], sent: str, expected: str) -> None:
    assert made({"path": "/a"} | value, b'{"a": "%s"}' % sent.encode()) == expected


@pytest.mark.parametrize(
    "sent", ["2026-01-31", "31.02.2026", "", "31.01.2026 ", "\u0663\u0661.\u0660\u0661.\u0662\u0660\u0662\u0666"]
)
def test_a_day_that_is_not_written_so_is_refused(sent: str) -> None:
    error = refused({"path": "/a", "as": "day", "format": "%d.%m.%Y"}, b'{"a": "%s"}' % sent.encode())
    assert (error.code, error.field) == ("intake_time", "/a")
    assert "%d.%m.%Y" in error.reason


def test_a_digest_is_of_the_values_as_they_were_sent() -> None:
    value = {"digest_of": ["/a", "/b"]}
    first = made(value, b'{"a": 1, "b": {"x": 1.0, "y": [null, true]}}')
    assert isinstance(first, str)
    assert len(first) == 64
    assert made(value, b'{"b": {"y": [null, true], "x": 1.0}, "a": 1, "written": "later"}') == first
    for other in (b'{"a": "1", "b": {"x": 1.0, "y": [null, true]}}', b'{"a": 1, "b": {"x": 1.00, "y": [null, true]}}',
                  b'{"a": 1, "b": {"x": 1.0, "y": [true, null]}}', b'{"a": "number 1", "b": 1}'):  # fmt: skip
        assert made(value, other) != first


@pytest.mark.parametrize(
    ("value", "message", "code", "field"),
    [
        ("/a/b", b'{"a": 1}', "intake_path_missing", "/a/b"),
        ({"path": "/a"}, b'{"a": null}', "intake_path_missing", "/a"),
        ({"each": "/l", "item": "/x"}, b'{"l": [{"x": 1}, {}]}', "intake_path_missing", "/l/1/x"),
        ({"each": "/l", "item": {"each": "/m", "item": "/x"}}, b'{"l": [{"m": [{}]}]}', "intake_path_missing",
         "/l/0/m/0/x"),
        ({"digest_of": ["/a", "/b"]}, b'{"a": 1}', "intake_path_missing", "/b"),
        ({"each": "/l", "item": ""}, b'{"l": {}}', "intake_not_list", "/l"),
        ("/a", b'{"a": {}}', "intake_not_scalar", "/a"),
        ("/a", b'{"a": 7.5}', "intake_number", "/a"),
        ("/a", b'{"a": 99999999999999999999}', "intake_number", "/a"),
        ({"path": "/a", "as": "text"}, b'{"a": true}', "intake_not_text", "/a"),
        ({"path": "/a", "map": {"1": "x"}}, b'{"a": 2}', "intake_value_unmapped", "/a"),
        ({"path": "/a", "map": {"1": "x"}}, b'{"a": [1]}', "intake_value_unmapped", "/a"),
    ],
)  # fmt: skip
def test_refusals_name_the_place_in_the_message(value: object, message: bytes, code: str, field: str) -> None:
    error = refused(value, message)
    assert (error.code, error.field) == (code, field)
    assert field in error.reason


def test_a_value_that_is_not_mapped_is_for_finance() -> None:
    error = refused({"path": "/a", "map": {"1": "x"}}, b'{"a": "Z"}')
    assert error.failure_class is FailureClass.MAPPING
    assert '"Z"' in error.reason


def test_an_attribute_is_one_text() -> None:
    assert text_of(READ.validate_python("/a"), scope(b'{"a": 7}')) == "7"
    with pytest.raises(Unmapped):
        text_of(READ.validate_python("/a"), scope(b'{"a": true}'))


@pytest.mark.parametrize(
    "value",
    [
        {"each": "/l", "item": "$/long"},
        {"each": "/l", "item": {"join": ["$/long", "$/long"]}},
        {"each": "/l", "item": {"value": "x" * 300}},
        {"each": "/l", "item": {"object": {"some_field": {"path": "/x", "optional": True}}}},
        {"each": "/l", "item": {"digest_of": ["$/l"]}},
        {"each": "/l", "item": {"each": "$/l", "item": {"path": "/x", "optional": True}}},
    ],
)
def test_a_message_cannot_become_an_event_larger_than_a_message(value: object) -> None:
    message = b'{"long": "%s", "l": [%s]}' % (b"x" * 500, b",".join([b"{}"] * 500))
    assert refused(value, message).code == "body_too_large"
