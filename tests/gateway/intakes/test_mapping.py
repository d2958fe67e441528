"""From a sender's own JSON to an ordinary event."""

from __future__ import annotations

from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.intakes.intake import Intake
from gateway.intakes.mapping import Intakes, NamedIntake
from schemas.codec import decode_stored
from schemas.envelope import Undecodable
from schemas.timesheet.v1 import Approved
from schemas.verdicts import FailureClass
from tests.gateway.intakes.clock import CLOCK, MESSAGE, Json, entry, message


def refused(sent: Json | bytes, intake: NamedIntake = CLOCK) -> Undecodable:
    with pytest.raises(Undecodable) as caught:
        intake.read(sent if isinstance(sent, bytes) else orjson.dumps(sent))
    return caught.value


def test_the_example_becomes_an_approved_sheet() -> None:
    body, envelope = CLOCK.read(MESSAGE.read_bytes())
    assert (envelope.source, envelope.id, envelope.type) == ("urn:example:clock", "4711-1-A", "timesheet.approved.v1")
    assert envelope.subject == "clock-4711"
    assert envelope.time is not None
    assert envelope.time.isoformat() == "2026-03-06T17:05:00+01:00"
    sheet = envelope.data
    assert isinstance(sheet, Approved)
    assert (sheet.legal_entity, sheet.currency, sheet.employee.id, sheet.revision) == ("US01", "USD", "88", 1)
    assert (sheet.project.system, sheet.project.external_id) == ("psa", "PRJ-0007")
    assert [(line.hours, line.billable, line.note) for line in sheet.lines] == [
        (Decimal("7.50"), True, None),
        (Decimal("0.25"), False, "Travel"),
    ]
    assert decode_stored(body) == envelope


def test_a_message_that_comes_again_is_the_same_event() -> None:
    again = MESSAGE.read_bytes().replace(b"\n", b"\r\n\t")
    one, other = CLOCK.read(MESSAGE.read_bytes())[1], CLOCK.read(again)[1]
    assert (one.source, one.id, one.body_hash) == (other.source, other.id, other.body_hash)


def test_the_type_follows_the_message() -> None:
    submitted = message() | {"state": "S"}
    del submitted["approval"]
    envelope = CLOCK.read(orjson.dumps(submitted))[1]
    assert (envelope.type, envelope.id) == ("timesheet.submitted.v1", "4711-1-S")


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"state": "X"}, "intake_value_unmapped", "/state"),
        ({"no": None}, "intake_path_missing", "/no"),
        ({"rev": "x" * 250}, "id_invalid", "id"),
        ({"no": "x" * 250}, "subject_invalid", "subject"),
        ({"written": "yesterday"}, "intake_time", "/written"),
        ({"rows": []}, "too_few", "data.lines"),
        ({"rows": [{"no": 1}]}, "intake_path_missing", "/rows/0/day"),
        ({"who": {"nr": {"a": 1}}}, "intake_not_text", "/who/nr"),
    ],
)
def test_a_refusal_names_the_intake_and_the_place(change: Json, code: str, where: str) -> None:
    failure = refused(message() | change).failure
    assert (failure.code, failure.field) == (code, where)
    assert failure.reason.startswith("intake clock: ")
    assert where in failure.reason


def test_what_is_wrong_with_the_event_itself_is_told_with_its_id() -> None:
    long_day = message()
    long_day["rows"][0]["h"] = 25
    error = refused(long_day)
    assert (error.failure.field, error.id, error.subject) == ("data.lines.0.hours", "4711-1-A", "clock-4711")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_json"), (b"<sheet/>", "not_json"), (b"[]", "intake_path_missing"), (b"7", "intake_path_missing"),
        (b'{"no": 1, "no": 2}', "duplicate_key"), (b'{"no": NaN}', "not_a_number"),
        (b'{"no": "\\u0000"}', "null_character"),
        (b"[" * 40 + b"]" * 40, "too_deep"), (b'"%s"' % (b"x" * (1024 * 1024)), "body_too_large"),
    ],
)  # fmt: skip
def test_all_caps_hold(body: bytes, code: str) -> None:
    failure = refused(body).failure
    assert (failure.failure_class, failure.code) == (FailureClass.SCHEMA, code)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_an_event_or_refused_with_a_reason(found: object) -> None:
    assert_read_or_refused(found)


@given(name=st.sampled_from(sorted(message())), found=JSON, in_row=st.booleans())
def test_any_json_in_any_place_of_a_good_message(name: str, found: object, *, in_row: bool) -> None:
    sent = message()
    if in_row:
        sent["rows"][0] |= {"no": found, "h": found, "text": found}
    else:
        sent[name] = found
    assert_read_or_refused(sent)


def assert_read_or_refused(found: object) -> None:
    try:
        body = orjson.dumps(found)
    except TypeError:  # a number that JSON has and orjson does not write
        return
    reason = "intake clock: "
    try:
        stored, envelope = CLOCK.read(body)
    except Undecodable as error:
        reason = error.failure.reason
    else:
        assert decode_stored(stored) == envelope
    assert reason.startswith("intake clock: ")
    assert reason.isprintable()


def test_it_is_found_by_its_routing_key() -> None:
    other = Intake.model_validate(entry() | {"routing_keys": ["books.#"]})
    intakes = Intakes({"clock": CLOCK.intake, "books": other})
    for key, name in {"clock.sheets.de": "clock", "books": "books", "books.a.b": "books", "clock.sheets": None,
                      "clock.sheets.de.a": None, "timesheet.approved": None, "": None}.items():  # fmt: skip
        found = intakes.find(key)
        assert (found and found.name) == name
