"""CloudEvents 1.0 on AMQP 0-9-1: structured and binary mode in, structured mode out and into the store.

The one way in is `decode`: caps, parse, attributes, the type's own model, upcast. What it lets through is complete and
checked, so nothing behind it checks again. Every other message leaves by `Undecodable`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Mapping
from typing import Final

import orjson

from schemas import attributes as read
from schemas.envelope import Attributes, Envelope, Undecodable
from schemas.headers import attributes_in
from schemas.parsing import LIMITS, Limits, has_number_above, parse
from schemas.record import Record
from schemas.refusals import refused, shown
from schemas.registry import EVENTS, Registry

STRUCTURED: Final = "application/cloudevents+json"
"""Content type of an event in structured mode."""

_STORED: Final = Limits(body_bytes=2**31, depth=199, headers=2**31, header_bytes=2**31, number=math.inf)
"""What is stored was within the limits of its day; a limit that was lowered since must not make it unreadable."""


def decode(
    body: bytes,
    content_type: str | None,
    headers: Mapping[str, object],
    limits: Limits = LIMITS,
    registry: Registry = EVENTS,
) -> Envelope:
    """The event in a message, of the latest version of its schema. Raises `Undecodable`, which says what to change."""
    structured = content_type == STRUCTURED or _is_structured(content_type)
    found = _document(body, limits) if structured else _binary_attributes(content_type, headers, limits)
    try:
        return _envelope(found, _data(found, limits) if structured else parse(body, limits), registry)
    except Undecodable as undecodable:
        raise _traceable(undecodable, found) from undecodable


def to_structured(body: bytes, content_type: str | None, headers: Mapping[str, object]) -> bytes:
    """A message that `decode` accepted, as one self-contained body to store: structured mode, its data byte by byte."""
    if content_type == STRUCTURED or _is_structured(content_type):
        return body
    found = attributes_in(headers, _STORED)
    # The one attribute that may be malformed in an accepted message: as it stands it could make the body unreadable.
    found["traceparent"] = read.traceparent(found)
    return orjson.dumps({**found, "data": orjson.Fragment(body)})


def decode_stored(body: bytes, registry: Registry = EVENTS) -> Envelope:
    """The envelope that `decode` gave for the message that `to_structured` made `body` of; same hash.

    A newer registry may upcast further. Raises `Undecodable` only if a type has left the registry.
    """
    return decode(body, STRUCTURED, {}, _STORED, registry)


def encode(attributes: Attributes, data: Record) -> bytes:
    """An event in structured mode, to be published with content type `STRUCTURED`. Absent fields are left out."""
    event = {
        "specversion": "1.0",
        "type": attributes.type,
        "source": attributes.source,
        "id": attributes.id,
        "subject": attributes.subject,
        "time": attributes.time,
        "sequence": None if attributes.sequence is None else str(attributes.sequence),
        "correlationid": attributes.correlation_id,
        "causationid": attributes.causation_id,
        "traceparent": attributes.traceparent,
        "datacontenttype": "application/json",
    }
    present: dict[str, object] = {name: value for name, value in event.items() if value is not None}
    present["data"] = orjson.Fragment(data.__pydantic_serializer__.to_json(data, exclude_none=True))
    return orjson.dumps(present)


def _is_structured(content_type: str | None) -> bool:
    """Whether the body holds the attributes too. Raises `Undecodable` for a CloudEvents format that is not JSON."""
    media_type = _media_type(content_type)
    if media_type == STRUCTURED:
        return True
    if media_type.startswith("application/cloudevents-batch"):
        raise refused("batch", "the message is a batch of events; send one event in each message")
    if media_type.startswith("application/cloudevents"):
        raise refused("content_type", f'content type "{shown(media_type)}" is not read here; send {STRUCTURED}')
    return False


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()


def _document(body: bytes, limits: Limits) -> dict[str, object]:
    document = parse(body, limits)
    if not isinstance(document, dict):
        raise refused("not_object", "the body must be a JSON object with the attributes of the event and its data")
    # Data has a model. What nobody reads must not be more than the database, which is asked about events, can bear.
    for name, value in document.items():
        if name != "data" and has_number_above(value, limits.number):
            raise refused("number_too_large", "a number is too large; send it as a JSON string", shown(name))
    return document


def _binary_attributes(content_type: str | None, headers: Mapping[str, object], limits: Limits) -> dict[str, object]:
    found = attributes_in(headers, limits)
    if not found:
        raise refused(
            "not_cloudevents",
            f"the message is no CloudEvent; send content type {STRUCTURED}, or application/json with headers "
            "ce-specversion, ce-type, ce-source, ce-id, and ce-subject",
        )
    _check_json(content_type)
    return found


def _check_json(content_type: object) -> None:
    """Refuse data that is declared as something other than JSON; undeclared data is JSON, as in structured mode."""
    if content_type is None or content_type == "application/json":
        return
    media_type = _media_type(content_type) if isinstance(content_type, str) else "?"
    if media_type not in {"", "application/json", "text/json"} and not media_type.endswith("+json"):
        raise refused("content_type", f'data of type "{shown(media_type)}" is not read here; send application/json')


def _data(document: Mapping[str, object], limits: Limits) -> object:
    """The data of a structured event; JSON in base64 is what SDKs make of data that they are given as bytes."""
    _check_json(document.get("datacontenttype"))
    encoded = document.get("data_base64")
    if encoded is None:
        return document.get("data")
    if document.get("data") is not None or not isinstance(encoded, str):
        raise refused("data_twice", "send either `data` as a JSON object, or `data_base64` as a text, not both", "data")
    try:
        return parse(base64.b64decode(encoded, validate=True), limits)
    except (binascii.Error, ValueError) as error:
        raise refused("base64_invalid", "data_base64 is not valid base64; send `data` as a JSON object") from error


def _envelope(attributes: Mapping[str, object], data: object, registry: Registry) -> Envelope:
    version = attributes.get("specversion")
    if version != "1.0":
        raise refused("specversion", 'specversion must be "1.0": only CloudEvents 1.0 is read here', "specversion")
    type_ = read.required(attributes, "type", "one like timesheet.approved.v1")
    event_type = registry.find(type_)
    subject = read.required(attributes, "subject", "the id of the entity that the event is about")
    if data is None:
        raise refused("data_missing", f"data is missing; send the fields of {type_} as a JSON object", "data")
    return Envelope(
        source=read.required(attributes, "source", "the name of the sending system"),
        id=read.required(attributes, "id", "an id that is unique among the events of the source"),
        type=type_,
        entity=event_type.entity,
        fact=event_type.fact,
        actor=event_type.actor,
        subject=subject,
        time=read.time(attributes),
        sequence=read.sequence(attributes),
        correlation_id=read.optional(attributes, "correlationid"),
        causation_id=read.optional(attributes, "causationid"),
        traceparent=read.traceparent(attributes),
        data=event_type.read(data),
        body_hash=_body_hash(type_, subject, data),
    )


def _traceable(undecodable: Undecodable, found: Mapping[str, object]) -> Undecodable:
    """The same refusal, with what is known of the message it refuses."""
    return Undecodable(
        undecodable.failure,
        source=read.known(found, "source"),
        id=read.known(found, "id"),
        type=read.known(found, "type"),
        subject=read.known(found, "subject"),
    )


def _body_hash(type_: str, subject: str, data: object) -> bytes:
    """SHA-256 of (type, subject, data) as RFC 8785 would write it: sorted keys, no white space, shortest escapes.

    orjson writes that form for what the models let through: ASCII keys, texts, booleans, and small whole numbers.
    """
    return hashlib.sha256(orjson.dumps((type_, subject, data), option=orjson.OPT_SORT_KEYS)).digest()
