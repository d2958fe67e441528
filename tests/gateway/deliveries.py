"""Deliveries as a broker hands them over, for the tests of what stands behind the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from schemas.codec import STRUCTURED
from tests.schemas.messages import example

USER = "psa-user"


@dataclass(slots=True)
class Parcel:
    """A delivery that remembers its acks."""

    body: bytes
    queue: str = "tallystick.timesheet"
    routing_key: str = "timesheet.approved"
    user_id: str | None = USER
    content_type: str | None = STRUCTURED
    headers: Mapping[str, object] = field(default_factory=dict)
    is_live: bool = True
    delivery_count: int = 0
    acks: int = 0

    def ack(self) -> None:
        self.acks += 1


def parcel(type: str = "timesheet.approved.v1", *, queue: str | None = None, **changes: Any) -> Parcel:
    """The shipped example of a type, with some attributes changed, as its source publishes it."""
    name = type.rpartition(".")[0]
    body = orjson.dumps(example(type) | {"source": "urn:psa"} | changes)
    return Parcel(body, queue or f"tallystick.{name.partition('.')[0]}", name)
