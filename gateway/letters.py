"""A delivery as a dead letter, and a dead letter as a delivery again. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

from adapters.ports.broker import Delivery
from adapters.ports.letters import DeadLetter, HeaderValue
from adapters.ports.turns import Message
from gateway.door import QUEUE_PREFIX
from schemas.codec import STRUCTURED
from schemas.envelope import Envelope
from schemas.headers import PREFIXES
from schemas.parsing import LIMITS
from schemas.verdicts import Failure

HEADERS: Final = 64
"""Headers kept of a dead letter; header abuse is a reason to be here."""
HEADER_CHARACTERS: Final = 500
BODY_BYTES: Final = LIMITS.body_bytes
"""Kept of a body; one that has more cannot become a message."""
BROKERS: Final = ("x-delivery-count", "x-death", "x-first-death-", "x-last-death-")
"""Headers that RabbitMQ writes: how these names begin."""


@dataclass(frozen=True, slots=True)
class LetterDelivery:
    """A dead letter that goes through the door again. `on_ack` is called once its message is durable."""

    letter: DeadLetter
    on_ack: Callable[[], None]
    is_live: bool = True
    delivery_count: int = 0

    @property
    def queue(self) -> str:
        return self.letter.queue

    @property
    def body(self) -> bytes:
        return self.letter.body

    @property
    def content_type(self) -> str | None:
        return self.letter.content_type

    @property
    def headers(self) -> Mapping[str, object]:
        return self.letter.headers

    @property
    def user_id(self) -> str | None:
        return self.letter.user_id

    @property
    def routing_key(self) -> str:
        return self.letter.routing_key

    def ack(self) -> None:
        self.on_ack()


def letter_of(delivery: Delivery, failure: Failure) -> DeadLetter:
    """What is kept of a delivery that could not become a message."""
    headers, are_whole = _kept(delivery.headers)
    texts = (delivery.queue, delivery.routing_key, delivery.content_type, delivery.user_id)
    body = delivery.body[:BODY_BYTES]
    is_whole = (
        are_whole and len(body) == len(delivery.body) and all(text is None or _is_storable(text) for text in texts)
    )
    return DeadLetter(
        digest_of(delivery), delivery.queue, delivery.routing_key, failure.failure_class, failure.code,
        failure.reason, delivery.content_type, headers, body, delivery.user_id, not is_whole,
    )  # fmt: skip


def letter_of_message(message: Message, envelope: Envelope, failure: Failure) -> DeadLetter:
    """What is kept of a message that was admitted, as it would have stood in the inbox. Its headers are in its body."""
    queue, routing_key = QUEUE_PREFIX + envelope.entity, f"{envelope.entity}.{envelope.fact}"
    return DeadLetter(
        hashlib.sha256(f"{message.source}\x1f{message.id}\x1f".encode() + message.body).digest(), queue, routing_key,
        failure.failure_class, failure.code, failure.reason, STRUCTURED, {}, message.body, is_cut=True,
    )  # fmt: skip


def digest_of(delivery: Delivery) -> bytes:
    """What identifies a delivery's message as it was published, before anything of it is read.

    Of every header at its full length, as two messages may differ in what is not kept; a frame bounds their bytes.
    """
    headers = sorted((name, repr(value)) for name, value in delivery.headers.items() if not name.startswith(BROKERS))
    texts = (delivery.queue, delivery.routing_key, delivery.content_type, delivery.user_id)
    properties = repr((*texts, headers))
    return hashlib.sha256(properties.encode("utf-8", "backslashreplace") + b"\x1f" + delivery.body).digest()


def _kept(headers: Mapping[str, object]) -> tuple[dict[str, HeaderValue], bool]:
    """The headers that are stored, and whether the door would read the same from them."""
    kept: dict[str, HeaderValue] = {}
    are_whole = len(headers) <= HEADERS
    for name, value in islice(headers.items(), HEADERS):
        stored, is_same = _stored(value)
        kept[name[:HEADER_CHARACTERS]] = stored
        if name.startswith(PREFIXES):
            are_whole &= is_same and _is_storable(name) and len(name) <= HEADER_CHARACTERS
    return kept, are_whole


def _stored(value: object) -> tuple[HeaderValue, bool]:
    """A header's value as it is stored, and whether it means the same to the codec."""
    match value:
        case None | bool() | int():
            return value, True
        case datetime():
            return value.isoformat(), True
        case str():
            return value[:HEADER_CHARACTERS], len(value) <= HEADER_CHARACTERS and _is_storable(value)
        case bytes() | bytearray():
            text = value.decode(errors="backslashreplace")
            is_same = text.encode() == value and len(text) <= HEADER_CHARACTERS and _is_storable(text)
            return text[:HEADER_CHARACTERS], is_same
        case _:
            return str(value)[:HEADER_CHARACTERS], False


def _is_storable(text: str) -> bool:
    """Whether a database can hold it as it is."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text))
