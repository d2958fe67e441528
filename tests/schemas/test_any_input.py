"""Whatever arrives is an envelope or an `Undecodable` with a plain reason: nothing else escapes from the door."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import STRUCTURED, decode, decode_stored, to_structured
from schemas.envelope import Undecodable
from schemas.registry import EVENTS
from schemas.verdicts import FailureClass
from tests.schemas.messages import APPROVED, Event, binary, example

FUZZ = settings(max_examples=300, deadline=None)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["1.0", "2026-01-01", "EUR", "", "\x7f", "x" * 201, "timesheet.approved.v2"])
)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_", max_size=9), inner, max_size=3)
)
header_values = json_values | st.binary(max_size=20) | st.datetimes() | st.text(max_size=20)


def _places(value: object) -> Iterator[tuple[Any, Any]]:
    """Each place in a JSON value, as (object or array, key or index)."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from _places(inner)


def judge(body: bytes, content_type: str | None, headers: dict[str, object]) -> None:
    """Decode; what is accepted can be stored and read again, what is refused is refused in one printable sentence."""
    try:
        envelope = decode(body, content_type, headers)
    except Undecodable as undecodable:
        failure = undecodable.failure
        assert failure.failure_class is FailureClass.SCHEMA
        assert failure.reason.isprintable()
        assert failure.code.replace("_", "").isalnum()
        for seen in (undecodable.source, undecodable.id, undecodable.type, undecodable.subject):
            assert seen is None or 0 < len(seen.encode()) <= 200
    else:
        assert decode_stored(to_structured(body, content_type, headers)) == envelope


@FUZZ
@given(st.binary(max_size=60) | json_values.map(orjson.dumps))
def test_any_bytes(body: bytes) -> None:
    judge(body, STRUCTURED, {})


@FUZZ
@given(st.sampled_from(EVENTS.types), st.data())
def test_any_value_at_any_place_of_an_event(type: str, data: st.DataObject) -> None:
    event: Event = example(type)
    inside, key = data.draw(st.sampled_from(list(_places(event))))
    inside[key] = data.draw(json_values)

    judge(orjson.dumps(event), STRUCTURED, {})


@FUZZ
@given(st.data())
def test_any_value_in_any_header(data: st.DataObject) -> None:
    body, headers = binary(example(APPROVED))
    value: object = data.draw(header_values)
    headers[data.draw(st.sampled_from(list(headers)))] = value

    judge(body, data.draw(st.sampled_from([None, "application/json", STRUCTURED, "\x00"])), headers)


@FUZZ
@given(st.datetimes(timezones=st.timezones()) | st.integers(-(2**63), 2**63))
def test_any_timestamp(value: datetime | int) -> None:
    body, headers = binary(example(APPROVED))

    judge(body, None, headers | {"ce-time": value})
