"""Each bad input that is decided at the door is refused with class `schema`, a stable code, and a plain reason.

Longer than most files because it is one table: a row per way in which a message can be wrong.
"""

from __future__ import annotations

from datetime import datetime

import orjson
import pytest

from schemas.codec import STRUCTURED, decode
from schemas.parsing import LIMITS
from schemas.verdicts import FailureClass
from tests.schemas.messages import APPROVED, WON, Change, Event, binary, decoded, example, refusal


def _nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


BODIES: list[tuple[str, bytes, str, str]] = [
    ("empty", b"", "not_json", "not valid JSON"),
    ("no JSON", b"<event/>", "not_json", "not valid JSON"),
    ("cut off", b'{"specversion": "1.0"', "not_json", "not valid JSON"),
    ("two values", b"{} {}", "not_json", "trailing"),
    ("byte order mark", b"\xef\xbb\xbf{}", "not_json", "not valid JSON"),
    ("gzip", b"\x1f\x8b\x08\x00", "not_json", "not valid JSON"),
    ("array", b"[]", "not_object", "must be a JSON object"),
    ("too large", b" " * (LIMITS.body_bytes + 1), "body_too_large", "send at most 1048576"),
    ("too deep", b'{"x":' + orjson.dumps(_nested(32)) + b"}", "too_deep", "deeper than 32"),
    ("far too deep", b"[" * 100_000, "too_deep", "deeper than 32"),
    ("deep behind brackets in strings", b'{"y":"]]]]]\\"]", "x":' + orjson.dumps(_nested(32)) + b"}", "too_deep", "32"),
    ("duplicate key", b'{"id":"1","id":"2"}', "duplicate_key", "send each key once"),
    ("duplicate key, escaped", b'{"id":"1","\\u0069d":"2"}', "duplicate_key", "send each key once"),
    ("duplicate key inside", b'{"data":{"a":1,"a":1}}', "duplicate_key", "send each key once"),
    ("NaN", b'{"x":NaN}', "not_a_number", "NaN and Infinity"),
    ("Infinity", b'{"x":Infinity}', "not_a_number", "NaN and Infinity"),
    ("-Infinity", b'{"x":[1,-Infinity]}', "not_a_number", "NaN and Infinity"),
    ("too many digits", b'{"x":' + b"9" * 5000 + b"}", "number_too_long", "JSON strings"),
    ("beyond any float", b'{"x":1e400000}', "number_too_large", "JSON string"),
    ("beyond any float, deeper", b'{"x":{"y":[-1e400]}}', "number_too_large", "JSON string"),
    ("digits beyond any float", b'{"x":' + b"9" * 400 + b"}", "number_too_large", "JSON string"),
    ("U+0000", b'{"x":"a\\u0000b"}', "null_character", "U+0000"),
    ("U+0000 in a key", b'{"\\u0000":1}', "null_character", "U+0000"),
    ("raw zero byte", b'{"x":"a\x00b"}', "not_json", "control character"),
    ("lone surrogate", b'{"x":"\\ud800"}', "lone_surrogate", "surrogate"),
    ("lone surrogate, second half", b'{"x":"\\udc00"}', "lone_surrogate", "surrogate"),
    ("surrogate without its half", b'{"x":"\\ud800\\u0041"}', "lone_surrogate", "surrogate"),
    ("Latin-1", b'{"x":"\xe9"}', "invalid_utf8", "encode it as UTF-8"),
    ("overlong UTF-8", b'{"x":"\xc0\x80"}', "invalid_utf8", "encode it as UTF-8"),
    ("surrogate in UTF-8", b'{"x":"\xed\xa0\x80"}', "invalid_utf8", "encode it as UTF-8"),
]


@pytest.mark.parametrize(("body", "code", "fragment"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_bodies(body: bytes, code: str, fragment: str) -> None:
    failure = refusal(body)

    assert (failure.failure_class, failure.code) == (FailureClass.SCHEMA, code)
    assert fragment in failure.reason


ATTRIBUTES: list[tuple[str, Change, str, str]] = [
    ("specversion missing", lambda e: e.pop("specversion"), "specversion", 'must be "1.0"'),
    ("specversion 0.3", lambda e: e.update(specversion="0.3"), "specversion", 'must be "1.0"'),
    ("type missing", lambda e: e.pop("type"), "type_missing", "type is missing"),
    ("type without version", lambda e: e.update(type="timesheet.approved"), "type_invalid", "entity.fact.v1"),
    ("type of another form", lambda e: e.update(type="com.firm.Sheet"), "type_invalid", "entity.fact.v1"),
    ("unknown type", lambda e: e.update(type="timesheet.burned.v1"), "type_unknown", "timesheet.submitted"),
    (
        "unknown version",
        lambda e: e.update(type="timesheet.approved.v9"),
        "version_unknown",
        "send timesheet.approved.v1",
    ),
    ("type too long", lambda e: e.update(type="x" * 201), "type_invalid", "1 to 200 bytes"),
    ("source missing", lambda e: e.pop("source"), "source_missing", "name of the sending system"),
    ("source empty", lambda e: e.update(source=""), "source_invalid", "1 to 200 bytes"),
    ("id missing", lambda e: e.pop("id"), "id_missing", "unique among the events"),
    ("id a number", lambda e: e.update(id=4711), "id_invalid", "as a text"),
    ("id null", lambda e: e.update(id=None), "id_missing", "id is missing"),
    ("id too long", lambda e: e.update(id="é" * 101), "id_invalid", "1 to 200 bytes"),
    ("id with line feed", lambda e: e.update(id="a\nERROR forged"), "id_invalid", "control characters"),
    ("subject missing", lambda e: e.pop("subject"), "subject_missing", "id of the entity"),
    ("subject empty", lambda e: e.update(subject=""), "subject_invalid", "1 to 200 bytes"),
    ("subject too long", lambda e: e.update(subject="k" * 201), "subject_invalid", "1 to 200 bytes"),
    ("subject with escape", lambda e: e.update(subject="a\x1b[2J"), "subject_invalid", "control characters"),
    ("subject an object", lambda e: e.update(subject={"id": "1"}), "subject_invalid", "as a text"),
    ("time without zone", lambda e: e.update(time="2026-11-02T09:14:31"), "time_invalid", "time zone"),
    ("time that is none", lambda e: e.update(time="2026-02-30T09:14:31Z"), "time_invalid", "existing moment"),
    ("time a number", lambda e: e.update(time=1793610871), "time_invalid", "time zone"),
    ("time at the edge", lambda e: e.update(time="9999-12-31T23:59:59-12:00"), "time_invalid", "existing moment"),
    ("sequence zero", lambda e: e.update(sequence=0), "sequence_invalid", "from 1 to"),
    ("sequence negative", lambda e: e.update(sequence="-1"), "sequence_invalid", "from 1 to"),
    ("sequence past 2^63", lambda e: e.update(sequence=2**63), "sequence_invalid", "from 1 to"),
    ("sequence a fraction", lambda e: e.update(sequence=1.0), "sequence_invalid", "from 1 to"),
    ("sequence a boolean", lambda e: e.update(sequence=True), "sequence_invalid", "from 1 to"),
    ("sequence in other digits", lambda e: e.update(sequence="٣"), "sequence_invalid", "from 1 to"),
    ("correlation too long", lambda e: e.update(correlationid="x" * 201), "correlationid_invalid", "1 to 200 bytes"),
    ("causation a number", lambda e: e.update(causationid=1), "causationid_invalid", "as a text"),
    ("data missing", lambda e: e.pop("data"), "data_missing", "data is missing"),
    ("data an array", lambda e: e.update(data=[]), "not_object", "must be a JSON object"),
    ("data a text", lambda e: e.update(data="{}"), "not_object", "must be a JSON object"),
    ("data is XML", lambda e: e.update(datacontenttype="text/xml"), "content_type", "text/xml"),
    ("data type is an object", lambda e: e.update(datacontenttype={}), "content_type", "application/json"),
    ("data twice", lambda e: e.update(data_base64="e30="), "data_twice", "not both"),
    ("bad base64", lambda e: (e.pop("data"), e.update(data_base64="e3é")), "base64_invalid", "base64"),
    ("bad JSON in base64", lambda e: (e.pop("data"), e.update(data_base64="e30x")), "not_json", "not valid JSON"),
]


@pytest.mark.parametrize(
    ("change", "code", "fragment"), [row[1:] for row in ATTRIBUTES], ids=[row[0] for row in ATTRIBUTES]
)
def test_attributes(change: Change, code: str, fragment: str) -> None:
    event = example(APPROVED)
    change(event)

    failure = refusal(orjson.dumps(event))

    assert (failure.failure_class, failure.code) == (FailureClass.SCHEMA, code)
    assert fragment in failure.reason
    assert failure.reason.isprintable()


def _line(number: int, **fields: object) -> Change:
    return lambda data: data["lines"][number].update(fields)


def _rate(**fields: object) -> Change:
    return lambda data: data["billing"]["rates"][0]["hourly"].update(fields)


def _many_lines(data: Event) -> None:
    data["lines"] = [{**data["lines"][0], "line_id": str(number)} for number in range(1001)]


RATE = "data.billing.rates.0.hourly"
SHEETS: list[tuple[str, Change, str, str, str]] = [
    ("hours a number", _line(0, hours=7.5), "hours_invalid", "data.lines.0.hours", "JSON string"),
    ("hours with underscore", _line(0, hours="1_0"), "hours_invalid", "data.lines.0.hours", '"7.50"'),
    ("hours with exponent", _line(0, hours="1e1"), "hours_invalid", "data.lines.0.hours", '"7.50"'),
    ("hours, huge exponent", _line(0, hours="1e999999999"), "hours_invalid", "data.lines.0.hours", '"7.50"'),
    ("hours in Arabic digits", _line(0, hours="\u0667"), "hours_invalid", "data.lines.0.hours", '"7.50"'),
    ("hours, three decimals", _line(2, hours="1.005"), "hours_invalid", "data.lines.2.hours", "two decimals"),
    ("no hours", _line(0, hours="0.00"), "hours_invalid", "data.lines.0.hours", "above 0"),
    ("more than a day", _line(0, hours="24.25"), "hours_invalid", "data.lines.0.hours", "up to 24"),
    ("negative hours", _line(0, hours="-1"), "hours_invalid", "data.lines.0.hours", "above 0"),
    ("billable a text", _line(0, billable="true"), "not_boolean", "data.lines.0.billable", "true or false"),
    ("billable a number", _line(0, billable=1), "not_boolean", "data.lines.0.billable", "true or false"),
    ("day a number", _line(0, work_date=20454), "day_invalid", "data.lines.0.work_date", "ISO date"),
    ("day with time", _line(0, work_date="2026-10-26T00:00:00"), "day_invalid", "data.lines.0.work_date", "ISO date"),
    ("day that is none", _line(0, work_date="2026-02-29"), "day_invalid", "data.lines.0.work_date", "existing"),
    ("same line twice", lambda d: d["lines"][1].update(line_id="1"), "line_repeated", "data", "`line_id` of its own"),
    ("no lines", lambda d: d["lines"].clear(), "too_few", "data.lines", "at least 1"),
    ("too many lines", _many_lines, "too_many", "data.lines", "at most 1000"),
    ("lines an object", lambda d: d.update(lines={"1": {}}), "not_array", "data.lines", "JSON array"),
    ("line a text", lambda d: d.update(lines=["1"]), "not_object", "data.lines.0", "JSON object"),
    ("id a number", lambda d: d["employee"].update(id=1042), "id_invalid", "data.employee.id", "JSON string"),
    ("id with tab", lambda d: d["employee"].update(id="E\t1"), "id_invalid", "data.employee.id", "control characters"),
    ("no role", lambda d: d["lines"][0].pop("role"), "field_missing", "data.lines.0.role", "add it"),
    ("unknown field", _line(0, hour="1"), "field_unknown", "data.lines.0.hour", "correct its name"),
    (
        "hostile field name",
        lambda d: d.update({"\x1b[2J\n" + "x" * 500: 1}),
        "field_unknown",
        "data.\\x1b[2J\\n" + "x" * 95 + "...",
        "remove it",
    ),
    ("unknown currency", lambda d: d.update(currency="EURO"), "currency_invalid", "data.currency", "ISO 4217"),
    ("revision a text", lambda d: d.update(revision="1"), "revision_invalid", "data.revision", "whole JSON number"),
    (
        "revision past 2^64",
        lambda d: d.update(revision=2**64 - 1),
        "revision_invalid",
        "data.revision",
        "whole JSON number",
    ),
    ("revision a fraction", lambda d: d.update(revision=1.0), "revision_invalid", "data.revision", "whole JSON number"),
    (
        "reference in both forms",
        lambda d: d["project"].update(id="P-1"),
        "reference_form",
        "data.project",
        "`external_id` together",
    ),
    (
        "reference with odd system",
        lambda d: d["project"].update(system="PSA/1"),
        "system_invalid",
        "data.project.system",
        "policy file",
    ),
    (
        "period backwards",
        lambda d: d["period"].update(ends_on="2026-10-25"),
        "period_order",
        "data.period",
        "a later one",
    ),
    (
        "approval without zone",
        lambda d: d.update(approved_at="2026-11-02T09:14:31"),
        "moment_invalid",
        "data.approved_at",
        "time zone",
    ),
]
DEALS: list[tuple[str, Change, str, str, str]] = [
    ("amount a number", _rate(amount=145), "amount_invalid", f"{RATE}.amount", "JSON string"),
    ("amount with grouping", _rate(amount="1,450.00"), "amount_invalid", f"{RATE}.amount", "grouping"),
    ("amount with plus", _rate(amount="+145"), "amount_invalid", f"{RATE}.amount", "plus sign"),
    ("amount 1e999999999", _rate(amount="1e999999999"), "amount_invalid", f"{RATE}.amount", "no exponent"),
    ("amount with too many decimals", _rate(amount="1.005"), "amount_scale", RATE, "EUR has 2 decimals"),
    ("amount below zero", _rate(amount="-1"), "amount_negative", RATE, "zero or more"),
    (
        "other currency in a rate",
        lambda d: d["billing"]["rates"][1]["hourly"].update(currency="USD"),
        "currency_differs",
        "data",
        "nothing is converted",
    ),
    (
        "other currency in the fee",
        lambda d: d["billing"].update(fee={"amount": "1.00", "currency": "CHF"}),
        "currency_differs",
        "data",
        "CHF",
    ),
    ("no rates", lambda d: d["billing"].update(rates=[]), "rates_missing", "data.billing", "at least one role"),
    (
        "two rates for a role",
        lambda d: d["billing"]["rates"][1].update(role="consultant"),
        "role_repeated",
        "data.billing",
        "one rate for each role",
    ),
    (
        "unknown method",
        lambda d: d["billing"].update(method="t&m"),
        "value_unknown",
        "data.billing.method",
        "'time_and_materials', 'fixed_fee' or 'retainer'",
    ),
    (
        "contract backwards",
        lambda d: d["contract"].update(ends_on="2026-09-30"),
        "period_order",
        "data.contract",
        "a later one",
    ),
]
CUSTOMERS: list[tuple[str, Change, str, str, str]] = [
    ("unknown country", lambda d: d.update(country="UK"), "country_invalid", "data.country", "ISO 3166"),
    ("no legal entity", lambda d: d.update(legal_entities=[]), "too_few", "data.legal_entities", "at least 1"),
    ("same legal entity twice", lambda d: d.update(legal_entities=["A", "A"]), "legal_entity_repeated", "data", "once"),
    ("no address", lambda d: d.update(billing_email="a@b@c"), "email_invalid", "data.billing_email", "one address"),
    ("a link as domain", lambda d: d.update(domain="https://x.example/"), "domain_invalid", "data.domain", "https://"),
    ("name of two lines", lambda d: d.update(name="A\nB"), "name_invalid", "data.name", "one line"),
]
TABLES = {APPROVED: SHEETS, WON: DEALS, "customer.upserted.v1": CUSTOMERS}
FIELDS = [(type, *row) for type, rows in TABLES.items() for row in rows]


@pytest.mark.parametrize(
    ("type", "change", "code", "field", "fragment"),
    [(row[0], *row[2:]) for row in FIELDS],
    ids=[row[1] for row in FIELDS],
)
def test_fields(type: str, change: Change, code: str, field: str, fragment: str) -> None:
    event = example(type)
    change(event["data"])

    failure = refusal(orjson.dumps(event))

    assert (failure.failure_class, failure.code, failure.field) == (FailureClass.SCHEMA, code, field)
    assert failure.reason.startswith(f"{field}: ")
    assert fragment in failure.reason
    assert failure.reason.isprintable()


HEADERS: list[tuple[str, Change, str, str]] = [
    ("none of ours", lambda h: h.clear(), "not_cloudevents", "send content type application/cloudevents+json"),
    ("thousands", lambda h: h.update({f"x{n}": n for n in range(3000)}), "too_many_headers", "send at most 256"),
    ("id too long", lambda h: h.update({"ce-id": "x" * 5000}), "header_too_long", "at most 1024 bytes"),
    ("id a nested table", lambda h: h.update({"ce-id": {"a": {"b": [1]}}}), "header_invalid", "as a text"),
    ("id a list", lambda h: h.update({"ce-id": ["1"]}), "header_invalid", "as a text"),
    ("id a number", lambda h: h.update({"ce-id": 5}), "id_invalid", "as a text"),
    ("subject in Latin-1", lambda h: h.update({"ce-subject": b"\xe9"}), "invalid_utf8", "UTF-8"),
    ("subject with half a character", lambda h: h.update({"ce-subject": "\ud800"}), "subject_invalid", "as a text"),
    ("subject missing", lambda h: h.pop("ce-subject"), "subject_missing", "subject is missing"),
    ("time without zone", lambda h: h.update({"ce-time": datetime(2026, 1, 1)}), "time_invalid", "time zone"),  # noqa: DTZ001
    ("time out of range", lambda h: h.update({"ce-time": 10**18}), "time_invalid", "milliseconds"),
    ("time a boolean", lambda h: h.update({"ce-time": True}), "header_invalid", "as a text"),
    ("specversion missing", lambda h: h.pop("ce-specversion"), "specversion", 'must be "1.0"'),
]


@pytest.mark.parametrize(("change", "code", "fragment"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
def test_headers(change: Change, code: str, fragment: str) -> None:
    body, headers = binary(example(APPROVED))
    change(headers)

    failure = refusal(body, "application/json", headers)

    assert (failure.failure_class, failure.code) == (FailureClass.SCHEMA, code)
    assert fragment in failure.reason


@pytest.mark.parametrize(
    ("content_type", "code"),
    [
        ("application/cloudevents-batch+json", "batch"),
        ("application/cloudevents+avro", "content_type"),
        ("application/xml", "content_type"),
        ("application/octet-stream", "content_type"),
    ],
)
def test_content_types(content_type: str, code: str) -> None:
    body, headers = binary(example(APPROVED))

    assert refusal(body, content_type, headers).code == code


def test_what_is_not_ours_is_ignored() -> None:
    event = example(APPROVED)
    body, headers = binary(event)
    foreign = {"x-death": [{"count": 1, "queue": {"deep": []}}], "ce-foreign": {"table": 1}, "x" * 500: b"\xff"}

    assert decode(body, "application/json", headers | foreign) == decoded(event)
    assert decode(orjson.dumps(event), STRUCTURED, {f"x{n}": n for n in range(3000)}) == decoded(event)


def test_at_the_limits_all_is_well() -> None:
    event = example(APPROVED) | {"deep": _nested(31), "brackets": "[" * 200 + '"\\'}
    event["data"]["lines"][0]["note"] = 'a backslash and u0000: \\u0000, "quoted [[[" \\'
    event["data"]["employee"]["id"] = "é" * 100

    envelope = decode(orjson.dumps(event).ljust(LIMITS.body_bytes), STRUCTURED, {})

    assert envelope.subject == event["subject"]


def test_the_first_of_many_is_told_and_the_rest_counted() -> None:
    event = example(APPROVED)
    for name in ("legal_entity", "currency", "period"):
        event["data"].pop(name)

    assert refusal(orjson.dumps(event)).reason == "data.legal_entity: is missing; add it (and 2 more)"
