"""One message of the play as it is published, and what it was planted for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

import orjson

from adapters.ports.broker import Outgoing
from schemas.codec import STRUCTURED, encode
from schemas.envelope import Attributes
from schemas.record import Record

EVENTS: Final = "tallystick.events"
"""The exchange that senders publish to."""


class Sender(StrEnum):
    """Who publishes; also the AMQP user, where the broker is ours to add users to."""

    CRM = "crm"
    PSA = "psa"
    FINANCE = "finance"
    BILLING = "billing"
    ERP = "erp"
    ERP_EU = "erp_eu"

    @property
    def source(self) -> str:
        """Its CloudEvents source in the policy file."""
        return f"urn:example:{self.value.replace('_', '-')}"


class Planted(StrEnum):
    """What is wrong with a message on purpose."""

    DUPLICATE = "the same message once more"
    CONFLICT = "an id that was used for another content"
    AMOUNT_AS_NUMBER = "an amount as a JSON number"
    UNKNOWN_TYPE = "a type that nobody knows"
    WRONG_ROUTING_KEY = "a mistyped routing key"
    FORBIDDEN = "a source that may not send this type"

    @property
    def is_dead_letter(self) -> bool:
        """Whether it must end among the dead letters."""
        match self:
            case Planted.DUPLICATE | Planted.CONFLICT:
                return False
            case Planted.AMOUNT_AS_NUMBER | Planted.UNKNOWN_TYPE | Planted.WRONG_ROUTING_KEY | Planted.FORBIDDEN:
                return True
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class Sending:
    """`event` is the CloudEvent as JSON, in structured mode; `is_binary`: its attributes travel as headers instead."""

    sender: Sender
    source: str
    id: str
    subject: str
    routing_key: str
    event: bytes
    is_binary: bool = False
    planted: Planted | None = None

    @property
    def outgoing(self) -> Outgoing:
        """The message for the broker (CloudEvents 1.0, protocol binding for AMQP: structured and binary mode)."""
        if not self.is_binary:
            return Outgoing(EVENTS, self.routing_key, self.event, STRUCTURED, {}, self.id)
        event: dict[str, object] = orjson.loads(self.event)
        headers = {f"ce-{name}": str(value) for name, value in event.items() if name not in _NOT_HEADERS}
        return Outgoing(EVENTS, self.routing_key, orjson.dumps(event["data"]), _JSON, headers, self.id)


_JSON: Final = "application/json"
_NOT_HEADERS: Final = frozenset({"data", "datacontenttype"})


def sending(
    sender: Sender, attributes: Attributes, data: Record, *, is_binary: bool = False, planted: Planted | None = None
) -> Sending:
    """A well-formed event; its routing key is its type without version."""
    routing_key = attributes.type.rpartition(".")[0]
    event = encode(attributes, data)
    return Sending(
        sender, attributes.source, attributes.id, attributes.subject, routing_key, event, is_binary, planted
    )  # fmt: skip


def changed(event: bytes, **attributes: object) -> bytes:
    """The event with some of its attributes, or its data, replaced."""
    whole: Mapping[str, object] = orjson.loads(event)
    return orjson.dumps({**whole, **attributes})
