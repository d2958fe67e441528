"""What the CloudEvents SDK for Python emits is understood, in both modes and in each of its bindings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings import amqp, rabbitmq
from cloudevents.core.v1.event import CloudEvent

from schemas.codec import decode
from schemas.registry import EVENTS
from tests.schemas.messages import APPROVED, decoded, example


def _sdk_event(type: str, data: dict[str, Any] | str | bytes | None = None) -> CloudEvent:
    attributes = example(type)
    own = attributes.pop("data")
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    return CloudEvent(attributes, own if data is None else data)


@pytest.mark.parametrize("type", EVENTS.types)
def test_rabbitmq_binary(type: str) -> None:
    message = rabbitmq.to_binary_event(_sdk_event(type))

    assert decode(message.body, message.content_type, message.headers) == decoded(example(type))


@pytest.mark.parametrize("type", EVENTS.types)
def test_rabbitmq_structured(type: str) -> None:
    message = rabbitmq.to_structured_event(_sdk_event(type))

    assert decode(message.body, message.content_type, message.headers) == decoded(example(type))


@pytest.mark.parametrize("type", EVENTS.types)
def test_amqp_binary(type: str) -> None:
    message = amqp.to_binary_event(_sdk_event(type))

    envelope = decode(message.application_data, message.properties["content-type"], message.application_properties)

    assert envelope == decoded(example(type))


@pytest.mark.parametrize("type", EVENTS.types)
def test_amqp_structured(type: str) -> None:
    message = amqp.to_structured_event(_sdk_event(type))

    envelope = decode(message.application_data, message.properties["content-type"], message.application_properties)

    assert envelope == decoded(example(type))


def test_data_given_as_bytes() -> None:
    data = orjson.dumps(example(APPROVED)["data"])

    structured = rabbitmq.to_structured_event(_sdk_event(APPROVED, data))
    binary = rabbitmq.to_binary_event(_sdk_event(APPROVED, data))

    assert b"data_base64" in structured.body
    assert decode(structured.body, structured.content_type, structured.headers) == decoded(example(APPROVED))
    assert decode(binary.body, binary.content_type, binary.headers) == decoded(example(APPROVED))


def test_without_content_type() -> None:
    event = example(APPROVED)
    data = event.pop("data")
    event.pop("datacontenttype")
    event.pop("time")

    message = rabbitmq.to_binary_event(CloudEvent(event, data))

    assert message.content_type is None
    assert decode(message.body, None, message.headers).body_hash == decoded(example(APPROVED)).body_hash
