"""An event as it arrived, checked and of the latest version of its schema; and the refusal of what is no such event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from schemas.record import Record
from schemas.verdicts import Failure


class Envelope(NamedTuple):
    """A CloudEvents 1.0 event that was understood.

    `type` is what was sent, `<entity>.<fact>.v<N>`; `actor` the entity that decides on it; `data` is of the *latest*
    version of that fact. `sequence` numbers the events of one subject from 1, if the source does so. `body_hash` is the
    SHA-256 of the canonical form of (type, subject, data) before the upcast: equal for structured and binary mode, any
    white space, key order, and trace headers; different as soon as a value is.
    """

    source: str
    id: str
    type: str
    entity: str
    fact: str
    actor: str
    subject: str
    time: datetime | None
    sequence: int | None
    correlation_id: str | None
    causation_id: str | None
    traceparent: str | None
    data: Record
    body_hash: bytes


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is said about an event that we publish; see CloudEvents 1.0, "Context Attributes"."""

    source: str
    id: str
    type: str
    subject: str
    time: datetime | None = None
    sequence: int | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None


class Undecodable(Exception):
    """A message that is no event we may accept, so a dead letter. The sender must act (`schema`), or sre (`auth`).

    `failure` says what is wrong and what to change. The attributes that could be read are kept, so that a person finds
    the message; each is None when it was missing or itself wrong.
    """

    def __init__(
        self,
        failure: Failure,
        *,
        source: str | None = None,
        id: str | None = None,
        type: str | None = None,
        subject: str | None = None,
    ) -> None:
        super().__init__(failure.reason)
        self.failure = failure
        self.source = source
        self.id = id
        self.type = type
        self.subject = subject
