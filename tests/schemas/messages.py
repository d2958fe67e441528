"""Messages for the tests of the schemas: the shipped examples, whole or with one thing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import orjson

from schemas.codec import STRUCTURED, decode
from schemas.envelope import Envelope, Undecodable
from schemas.verdicts import Failure

Event = dict[str, Any]
Change = Callable[[Event], object]

APPROVED = "timesheet.approved.v1"
WON = "project.opportunity_won.v1"


def example(type: str) -> Event:
    """The shipped example of a type, as an object that may be changed."""
    event: Event = orjson.loads(files("schemas").joinpath("examples", f"{type}.json").read_bytes())
    return event


def example_data(type: str) -> Event:
    """The data of the shipped example."""
    data: Event = example(type)["data"]
    return data


def binary(event: Event, prefix: str = "ce-") -> tuple[bytes, dict[str, object]]:
    """Body and headers of the same event in binary mode."""
    headers: dict[str, object] = {
        prefix + name: value for name, value in event.items() if name not in {"data", "datacontenttype"}
    }
    return orjson.dumps(event["data"]), headers


def decoded(event: Event) -> Envelope:
    """What the gateway makes of an event in structured mode."""
    return decode(orjson.dumps(event), STRUCTURED, {})


def refusal(body: bytes, content_type: str | None = STRUCTURED, headers: Mapping[str, object] | None = None) -> Failure:
    """Why a message is refused; fails when it is not."""
    try:
        envelope = decode(body, content_type, headers or {})
    except Undecodable as undecodable:
        return undecodable.failure
    raise AssertionError(f"accepted: {envelope}")
