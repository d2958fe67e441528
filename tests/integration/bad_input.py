"""Bad input as it comes over the wire: one table of what is published, and of the class and code that it ends with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from schemas.codec import STRUCTURED
from schemas.values import Reference
from tests.integration.events import EXPORTS, customer, deal, export, sheet

Event = dict[str, Any]

JSON: Final = "application/json"
LONG: Final = "x" * 201


@dataclass(frozen=True, slots=True)
class Bad:
    """A message, and how it ends. `user`: the AMQP user that it names, if any."""

    name: str
    body: bytes
    code: str
    failure_class: str = "schema"
    routing_key: str = "customer.upserted"
    content_type: str | None = STRUCTURED
    headers: Mapping[str, Any] = field(default_factory=dict)
    user: str | None = "guest"

    def __str__(self) -> str:
        return self.name


def changed(name: str, **changes: Any) -> bytes:
    """A customer's event with other attributes; None takes one away."""
    event: Event = orjson.loads(customer(name).body) | changes
    return orjson.dumps({key: value for key, value in event.items() if value is not None})


def planted(name: str, text: bytes) -> bytes:
    """A customer's event with a further field of data, as raw JSON."""
    return customer(name).body.replace(b'"data":{', b'"data":{' + text + b",", 1)


def won(name: str, change: Callable[[Event], None]) -> bytes:
    """A deal's event, changed."""
    event: Event = orjson.loads(deal(name, "C0").body)
    change(event["data"])
    return orjson.dumps(event)


def approved(name: str, change: Callable[[Event], None]) -> bytes:
    """A sheet's event, changed."""
    event: Event = orjson.loads(sheet(name, Reference(id="P0")).body)
    change(event["data"])
    return orjson.dumps(event)


def hourly(amount: Any, currency: str = "USD") -> Callable[[Event], None]:
    """Another rate of a deal."""

    def change(data: Event) -> None:
        data["billing"]["rates"][0]["hourly"] = {"amount": amount, "currency": currency}

    return change


def hours(value: Any) -> Callable[[Event], None]:
    """Other hours of a sheet's line."""

    def change(data: Event) -> None:
        data["lines"][0]["hours"] = value

    return change


def money(name: str, amount: Any, code: str = "amount_invalid") -> Bad:
    return Bad(name, won(name, hourly(amount)), code, routing_key="project.opportunity_won")


def worked(name: str, value: Any, code: str = "hours_invalid") -> Bad:
    return Bad(name, approved(name, hours(value)), code, routing_key="timesheet.approved")


def binary(name: str, code: str, *, attributes: Mapping[str, Any], more: Mapping[str, Any]) -> Bad:
    """In binary mode, with other attributes and further headers."""
    event: Event = orjson.loads(customer(name).body)
    headers = {f"ce-{key}": value for key, value in event.items() if key not in {"data", "datacontenttype"}}
    headers |= {f"ce-{key}": value for key, value in attributes.items()}
    return Bad(name, orjson.dumps(event["data"]), code, content_type=JSON, headers={**headers, **more})


def exported(what: str, code: str, failure_class: str = "schema", *, user: str | None = "guest", **changes: Any) -> Bad:
    """A message of the firm's intake, changed."""
    body = orjson.loads(export(what).body) | changes
    return Bad(what, orjson.dumps(body), code, failure_class, EXPORTS, None, user=user)


TABLE: Final = (
    # size and shape
    Bad("over 1 MiB", planted("big", b'"note":"' + b"x" * 1024 * 1024 + b'"'), "body_too_large"),
    Bad("nested 40 deep", planted("deep", b'"note":' + b"[" * 40 + b"]" * 40), "too_deep"),
    Bad("nested 100,000 deep", b"[" * 100_000, "too_deep"),
    Bad("empty", b"", "not_json"),
    Bad("not JSON", b"customer=1", "not_json"),
    Bad("half of it", customer("half").body[:100], "not_json"),
    Bad("an array", b'[{"specversion":"1.0"}]', "not_object"),
    Bad("a duplicate key", planted("twice", b'"name":"other"'), "duplicate_key"),
    # numbers
    Bad("NaN", planted("nan", b'"n":NaN'), "not_a_number"),
    Bad("Infinity", planted("inf", b'"n":-Infinity'), "not_a_number"),
    Bad("an integer past 2^64", approved("past", lambda data: data.update(revision=2**63 - 1)).replace(
        str(2**63 - 1).encode(), str(2**64 + 1).encode()), "revision_invalid", routing_key="timesheet.approved"),
    Bad("a number of 10,000 digits", planted("digits", b'"n":' + b"9" * 10_000), "number_too_long"),
    money("money as a number", 125.5),
    money("money with underscores", "1_000.00"),
    money("money in Arabic digits", "\u0661\u0662\u0665\u066b\u0665\u0660"),
    money("money with a huge exponent", "1e999999999"),
    money("money with too many decimals", "1.005", "amount_scale"),
    money("money that is NaN", "NaN"),
    worked("hours as a number", 7.5),
    worked("hours with an underscore", "1_0"),
    worked("hours in Arabic digits", "\u0667"),
    worked("hours with a huge exponent", "1e999999999"),
    # text
    Bad("a null character", planted("null", b'"note":"a\\u0000b"'), "null_character"),
    Bad("a lone surrogate", planted("lone", b'"note":"\\ud800"'), "lone_surrogate"),
    Bad("invalid UTF-8", planted("utf", b'"note":"\xff"'), "invalid_utf8"),
    # ids and keys
    Bad("an id of 201 bytes", changed("id", id=LONG), "id_invalid"),
    Bad("an empty id", changed("empty", id=""), "id_invalid"),
    Bad("an id with a control character", changed("control", id="a\nb"), "id_invalid"),
    Bad("a key of 201 bytes", changed("key", subject=LONG), "subject_invalid"),
    Bad("an empty key", changed("nokey", subject=""), "subject_invalid"),
    Bad("a key with an escape sequence", changed("escape", subject="a\x1b[31mb"), "subject_invalid"),
    Bad("no key", changed("missing", subject=None), "subject_missing"),
    Bad("no id", changed("noid", id=None), "id_missing"),
    Bad("no data", changed("nodata", data=None), "data_missing"),
    # types
    Bad("an unknown type", changed("type", type="customer.vanished.v1"), "type_unknown"),
    Bad("an unknown version", changed("version", type="customer.upserted.v99"), "version_unknown"),
    Bad("another CloudEvents version", changed("spec", specversion="2.0"), "specversion"),
    Bad("a batch", b"[]", "batch", content_type="application/cloudevents-batch+json"),
    Bad("another content type", b"<customer/>", "not_cloudevents", content_type="text/xml"),
    # headers
    binary("300 headers", "too_many_headers", attributes={}, more={f"h{n}": n for n in range(300)}),
    binary("a table for an id", "header_invalid", attributes={"id": {"a": {"b": {"c": 1}}}}, more={}),
    binary("a header of 2,000 bytes", "header_too_long", attributes={"id": "x" * 2000}, more={}),
    # who may send it, and where
    Bad("an unknown source", changed("source", source="urn:example:nobody"), "source_unknown", "auth"),
    Bad("no user", customer("nouser").body, "user_missing", "auth", user=None),
    Bad("a mistyped routing key", customer("mistyped").body, "unrouted", routing_key="customr.upserted"),
    Bad("the queue of another entity", customer("queue").body, "queue_differs", routing_key="project.activated"),
    # what is mapped by an intake
    exported("an export without a name", "intake_path_missing", name=None),
    exported("an export with a currency that nobody mapped", "intake_value_unmapped", "mapping", cur="DM"),
    exported("an export with an object for a name", "intake_not_scalar", name={"first": "A"}),
    exported("an export with a name of 201 characters", "name_invalid", name=LONG),
    exported("an export with a key of 201 bytes", "subject_invalid", nr=LONG),
    exported("an export that nobody signed", "user_missing", "auth", user=None),
    Bad("an export in XML", b"<customer nr='1'/>", "not_json", routing_key=EXPORTS),
    Bad("an export that is a number", b"17", "intake_path_missing", routing_key=EXPORTS),
    Bad("an export with a duplicate key", b'{"nr": 1, "nr": 2}', "duplicate_key", routing_key=EXPORTS),
    Bad("an export of over 1 MiB", b'{"nr": "%s"}' % (b"x" * 1024 * 1024), "body_too_large", routing_key=EXPORTS),
)  # fmt: skip
