"""Deliveries as a broker hands them over, for the tests of what stands behind the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from adapters.ports.broker import Delivery
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


@dataclass(frozen=True, slots=True)
class PassedOn:
    """Another's delivery, as it is; for those that look at one part of it."""

    inner: Delivery

    @property
    def queue(self) -> str:
        return self.inner.queue

    @property
    def body(self) -> bytes:
        return self.inner.body

    @property
    def content_type(self) -> str | None:
        return self.inner.content_type

    @property
    def headers(self) -> Mapping[str, object]:
        return self.inner.headers

    @property
    def user_id(self) -> str | None:
        return self.inner.user_id

    @property
    def routing_key(self) -> str:
        return self.inner.routing_key

    @property
    def delivery_count(self) -> int:
        return self.inner.delivery_count

    @property
    def is_live(self) -> bool:
        return self.inner.is_live

    def ack(self) -> None:
        self.inner.ack()


def parcel(type: str = "timesheet.approved.v1", *, queue: str | None = None, **changes: Any) -> Parcel:
    """The shipped example of a type, with some attributes changed, as its source publishes it."""
    name = type.rpartition(".")[0]
    body = orjson.dumps(example(type) | {"source": "urn:psa"} | changes)
    return Parcel(body, queue or f"tallystick.{name.partition('.')[0]}", name)
