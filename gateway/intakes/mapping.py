"""The event that an intake makes of a message: an ordinary CloudEvent, which goes on as any other does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import orjson

from gateway.intakes.evaluation import Room, Scope, Unmapped, fields_of, text_of
from gateway.intakes.intake import Intake
from gateway.intakes.routes import matches
from gateway.intakes.values import Found, Value
from schemas.codec import STRUCTURED, decode
from schemas.envelope import Envelope, Undecodable
from schemas.parsing import LIMITS, parse
from schemas.verdicts import Failure

LOOKS = 8
"""So many times its own size a message may be looked at to make digests."""


@dataclass(frozen=True, slots=True)
class NamedIntake:
    """An intake, with the name by which refusals call it."""

    name: str
    intake: Intake

    def read(self, body: bytes) -> tuple[bytes, Envelope]:
        """The event of a message, in structured mode, and what it says.

        Raises `Undecodable`, whose reason names the intake and what in the message is wrong.
        """
        try:
            event = self.event(body)
            return event, decode(event, STRUCTURED, {})
        except Unmapped as error:
            failure = Failure(error.failure_class, error.code, error.reason, error.field)
            raise Undecodable(self._named(failure)) from error
        except Undecodable as error:
            raise Undecodable(
                self._named(error.failure), source=error.source, id=error.id, type=error.type, subject=error.subject
            ) from error

    def event(self, body: bytes) -> bytes:
        """What the message becomes, whether or not that is a valid event. Raises `Unmapped` and `Undecodable`."""
        message = parse(body, LIMITS, "lossless-float")
        scope = Scope(message, message, Room(LIMITS.body_bytes, LIMITS.body_bytes * LOOKS))
        intake = self.intake
        attributes = {
            "specversion": "1.0",
            "type": text_of(intake.type, scope) if isinstance(intake.type, Found) else intake.type,
            "source": intake.source,
            "id": text_of(intake.id, scope),
            "subject": text_of(intake.subject, scope),
            "time": _text(intake.time, scope),
            "sequence": _text(intake.sequence, scope),
            "correlationid": _text(intake.correlation, scope),
            "datacontenttype": "application/json",
        }
        present = {name: value for name, value in attributes.items() if value is not None}
        return orjson.dumps({**present, "data": fields_of(intake.data, scope)})

    def _named(self, failure: Failure) -> Failure:
        return replace(failure, reason=f"intake {self.name}: {failure.reason}")


def _text(value: Value | None, scope: Scope) -> str | None:
    return None if value is None else text_of(value, scope)


class Intakes:
    """All intakes, found by routing key."""

    def __init__(self, intakes: Mapping[str, Intake]) -> None:
        self._by_word: dict[str, list[tuple[str, NamedIntake]]] = {}
        for name, intake in intakes.items():
            for pattern in intake.routing_keys:
                word = pattern.partition(".")[0]
                self._by_word.setdefault(word, []).append((pattern, NamedIntake(name, intake)))

    def find(self, routing_key: str) -> NamedIntake | None:
        """The intake by which a message came; None for CloudEvents."""
        candidates: Iterable[tuple[str, NamedIntake]] = self._by_word.get(routing_key.partition(".")[0], ())
        return next((intake for pattern, intake in candidates if matches(pattern, routing_key)), None)


NO_INTAKES: Final = Intakes({})
