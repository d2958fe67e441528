"""Both modes of CloudEvents come to the same envelope, and what is stored comes back as it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from schemas.codec import STRUCTURED, decode, decode_stored, encode, to_structured
from schemas.envelope import Attributes, Undecodable
from schemas.headers import PREFIXES
from schemas.parsing import Limits
from schemas.registry import EVENTS
from schemas.timesheet.v1 import Approved
from tests.schemas.messages import APPROVED, Change, Event, binary, decoded, example


@pytest.mark.parametrize("type", EVENTS.types)
@pytest.mark.parametrize("prefix", PREFIXES)
def test_structured_and_binary_mode_are_one_event(type: str, prefix: str) -> None:
    event = example(type)
    body, headers = binary(event, prefix)

    envelope = decode(body, "application/json", headers)

    assert envelope == decoded(event)
    assert envelope.type == type
    assert f"{envelope.entity}.{envelope.fact}" == type.rpartition(".")[0]


@pytest.mark.parametrize("type", EVENTS.types)
def test_what_is_stored_comes_back_the_same(type: str) -> None:
    event = example(type)
    body, headers = binary(event)
    structured = orjson.dumps(event)

    assert to_structured(structured, STRUCTURED, {"x": 1}) is structured
    assert decode_stored(structured) == decoded(event)
    assert decode_stored(to_structured(body, "application/json", headers)) == decoded(event)


def test_stored_data_is_kept_byte_by_byte() -> None:
    _, headers = binary(example(APPROVED))
    body = orjson.dumps(example(APPROVED)["data"], option=orjson.OPT_INDENT_2)

    assert body in to_structured(body, None, headers)


@pytest.mark.parametrize("trace", ["\x00", "\ud800", b"x", 5])
def test_a_bad_trace_does_not_make_the_stored_body_unreadable(trace: object) -> None:
    body, headers = binary(example(APPROVED))
    headers["ce-traceparent"] = trace

    envelope = decode_stored(to_structured(body, None, headers))

    assert envelope == decode(body, None, headers)
    assert envelope.traceparent is None


def test_a_limit_lowered_later_does_not_hide_what_is_stored() -> None:
    body = orjson.dumps(example(APPROVED))

    with pytest.raises(Undecodable):
        decode(body, STRUCTURED, {}, Limits(body_bytes=100))
    assert decode_stored(body).subject == "TS-2026-44-1042"


def test_all_attributes_are_read() -> None:
    envelope = decoded(example(APPROVED) | {"sequence": "00042"})

    assert envelope.source == "urn:example:psa"
    assert envelope.id == "01KB8Y2M7C4Q9V3T6N5R1W0XEA"
    assert envelope.time == datetime(2026, 11, 2, 9, 14, 31, tzinfo=UTC)
    assert envelope.sequence == 42
    assert envelope.correlation_id == envelope.causation_id == "01KB8T0A2B4C6D8E0F2G4H6J8K"
    assert envelope.traceparent == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert isinstance(envelope.data, Approved)


def test_header_values_as_amqp_clients_hand_them_over() -> None:
    event = example(APPROVED) | {"sequence": "7"}
    body, headers = binary(event)
    given: dict[str, object] = {name: str(value).encode() for name, value in headers.items()}
    given["ce-subject"] = bytearray(b"TS-2026-44-1042")
    given["ce-time"] = datetime(2026, 11, 2, 9, 14, 31, tzinfo=UTC)
    given["ce-sequence"] = 7
    given["ce-causationid"] = str(event["causationid"])

    assert decode(body, "application/json; charset=utf-8", given) == decoded(event)


@pytest.mark.parametrize(
    "content_type", [None, "", "application/json", "text/json", "application/vnd.firm+json", "APPLICATION/JSON"]
)
def test_binary_data_is_json_under_any_of_its_names(content_type: str | None) -> None:
    body, headers = binary(example(APPROVED))

    assert decode(body, content_type, headers) == decoded(example(APPROVED))


@pytest.mark.parametrize(
    "content_type", ["application/cloudevents+json; charset=UTF-8", "Application/CloudEvents+JSON"]
)
def test_structured_mode_under_any_spelling_wins_over_headers(content_type: str) -> None:
    envelope = decode(orjson.dumps(example(APPROVED)), content_type, {"ce-id": "other", "ce-type": "x"})

    assert envelope == decoded(example(APPROVED))


def _renamed(event: Event) -> None:
    event["data"] = dict(reversed(event["data"].items()))
    event["data"]["lines"] = [dict(reversed(line.items())) for line in event["data"]["lines"]]


SAME: dict[str, Change] = {
    "trace": lambda event: event.update(traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-00"),
    "time": lambda event: event.pop("time"),
    "id": lambda event: event.update(id="another"),
    "extension": lambda event: event.update(partitionkey="7", foreign={"nested": [1.5, None]}),
    "key order": _renamed,
    "absent and null attribute": lambda event: event.update(sequence=None),
}
OTHER: dict[str, Change] = {
    "subject": lambda event: event.update(subject="TS-2026-44-1043"),
    "hours": lambda event: event["data"]["lines"][0].update(hours="7.25"),
    "spelling of a number": lambda event: event["data"]["lines"][0].update(hours="7.5"),
    "order of lines": lambda event: event["data"]["lines"].reverse(),
    "one more field": lambda event: event["data"]["lines"][1].update(note="x"),
    "one less line": lambda event: event["data"]["lines"].pop(),
    "boolean": lambda event: event["data"]["lines"][0].update(billable=False),
    "case of an id": lambda event: event["data"]["employee"].update(id="e-1042"),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_the_hash_does_not_see_what_is_no_content(change: Change) -> None:
    event = example(APPROVED)
    change(event)

    loose = orjson.dumps(event, option=orjson.OPT_INDENT_2)

    assert decode(loose, STRUCTURED, {"x": "y"}).body_hash == decoded(example(APPROVED)).body_hash


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
def test_the_hash_sees_every_change_of_content(change: Change) -> None:
    event = example(APPROVED)
    change(event)

    assert decoded(event).body_hash != decoded(example(APPROVED)).body_hash


def test_the_hash_sees_the_type_and_has_32_bytes() -> None:
    event = example("timesheet.submitted.v1")
    rejected = event | {"type": "timesheet.rejected.v1", "data": {**event["data"], "reason": "x"}}
    rejected["data"].pop("revision")

    hashes = {decoded(each).body_hash for each in (event, rejected, example(APPROVED))}

    assert len(hashes) == 3
    assert {len(each) for each in hashes} == {32}


def test_escapes_are_not_content() -> None:
    event = example(APPROVED)
    event["data"]["lines"][0]["note"] = "Büro / 船"
    escaped = orjson.dumps(event).decode().replace("ü", "\\u00fc").replace("船", "\\u8239").replace("/", "\\/")

    assert decode(escaped.encode(), STRUCTURED, {}).body_hash == decoded(event).body_hash


@pytest.mark.parametrize("type", [EVENTS.latest(name).type for name in EVENTS.names])
def test_what_we_encode_we_decode(type: str) -> None:
    envelope = decoded(example(type) | {"sequence": 3})
    attributes = Attributes(
        envelope.source,
        envelope.id,
        envelope.type,
        envelope.subject,
        time=envelope.time,
        sequence=envelope.sequence,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
        traceparent=envelope.traceparent,
    )

    body = encode(attributes, envelope.data)

    assert decode(body, STRUCTURED, {}) == envelope
    assert b"null" not in body
    assert encode(attributes, envelope.data) == body


def test_only_what_is_needed_is_encoded() -> None:
    data = decoded(example("project.activated.v1")).data

    assert orjson.loads(encode(Attributes("psa", "1", "project.activated.v1", "P-1"), data)) == {
        "specversion": "1.0",
        "type": "project.activated.v1",
        "source": "psa",
        "id": "1",
        "subject": "P-1",
        "datacontenttype": "application/json",
        "data": {"activated_on": "2026-10-01"},
    }


@pytest.mark.parametrize(
    ("given", "meant"),
    [("00-xyz", None), (5, None), ("00-" + "A" * 32 + "-" + "1" * 16 + "-01", None), (None, None)],
)
def test_a_bad_trace_is_ignored(given: Any, meant: str | None) -> None:
    assert decoded(example(APPROVED) | {"traceparent": given}).traceparent is meant


@pytest.mark.parametrize(
    "given", ["2026-11-02T10:14:31+01:00", "2026-11-02T09:14:31.000Z", "2026-11-02T09:14:31.000000000Z"]
)
def test_time_in_any_zone_and_precision(given: str) -> None:
    assert decoded(example(APPROVED) | {"time": given}).time == datetime(2026, 11, 2, 9, 14, 31, tzinfo=UTC)


def test_an_undecodable_message_can_be_traced() -> None:
    body, headers = binary(example(APPROVED))

    with pytest.raises(Undecodable) as refusal:
        decode(body[:-1], "application/json", headers)

    undecodable = refusal.value
    assert (undecodable.source, undecodable.id) == ("urn:example:psa", "01KB8Y2M7C4Q9V3T6N5R1W0XEA")
    assert (undecodable.type, undecodable.subject) == (APPROVED, "TS-2026-44-1042")
    assert str(undecodable) == undecodable.failure.reason


def test_untraceable_attributes_are_not_repeated() -> None:
    event = example(APPROVED) | {"id": "x" * 201, "source": 5, "subject": "a\nb"}

    with pytest.raises(Undecodable) as refusal:
        decoded(event)

    undecodable = refusal.value
    assert (undecodable.source, undecodable.id, undecodable.subject) == (None, None, None)
    assert undecodable.type == APPROVED
