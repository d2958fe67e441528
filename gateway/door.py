"""The door: a delivery becomes a message for a key, or is turned away with a reason. Pure.

What is no CloudEvent is made one by the intake that its routing key means; from then on it is an event as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from uuid import UUID

from adapters.ports.broker import Delivery
from adapters.ports.turns import Message
from gateway.activation import Entry
from gateway.intakes.mapping import NO_INTAKES, Intakes
from gateway.source_policy import Source
from schemas.codec import to_structured
from schemas.envelope import Envelope, Undecodable
from schemas.keys import ActorKey, external_key
from schemas.sequence import SequenceKind
from schemas.verdicts import Failure, FailureClass
from schemas.vocabulary import VOCABULARY, Vocabulary

UNROUTED = "tallystick.unrouted"
QUEUE_PREFIX = "tallystick."


class Door:
    """Admits deliveries. `sources` and `intakes` answer the policy's, `refs` makes our own ids of messages."""

    def __init__(
        self,
        sources: Callable[[], Mapping[str, Source]],
        refs: Callable[[], UUID],
        vocabulary: Vocabulary = VOCABULARY,
        intakes: Callable[[], Intakes] = lambda: NO_INTAKES,
    ) -> None:
        self._sources = sources
        self._refs = refs
        self._vocabulary = vocabulary
        self._intakes = intakes

    def admit(self, delivery: Delivery) -> tuple[ActorKey, Entry]:
        """The key that a delivery is for, and its entry. Raises `Undecodable`."""
        if delivery.queue == UNROUTED:
            raise Undecodable(
                Failure(
                    FailureClass.SCHEMA,
                    "unrouted",
                    f"no queue is bound for routing key {delivery.routing_key!r}: publish with the event's type, "
                    "without its version",
                    "routing_key",
                )
            )
        body, envelope = self._read(delivery)
        source = self._allowed(envelope, delivery)
        key = _key(envelope, source)
        message = Message(
            self._refs(), envelope.source, envelope.id, envelope.type, envelope.body_hash, body,
            *_number(envelope, source, key),
        )  # fmt: skip
        return key, Entry(message, envelope, delivery)

    def try_admit(self, delivery: Delivery) -> tuple[ActorKey, Entry] | Failure:
        """As `admit`, but what keeps the delivery out is returned; a bug of ours too, which must stop nobody else."""
        try:
            return self.admit(delivery)
        except Undecodable as error:
            return error.failure
        except Exception as error:  # noqa: BLE001  # our bug must neither stop the consumer nor lose the message
            reason = f"decoding raised {type(error).__name__}: report it"
            return Failure(FailureClass.INTERNAL, "door_failed", reason)

    def _read(self, delivery: Delivery) -> tuple[bytes, Envelope]:
        """The event, in structured mode, and what it says. Raises `Undecodable`."""
        intake = self._intakes().find(delivery.routing_key)
        if intake is not None:
            return intake.read(delivery.body)
        envelope = self._vocabulary.decode(delivery.body, delivery.content_type, delivery.headers)
        return to_structured(delivery.body, delivery.content_type, delivery.headers), envelope

    def _allowed(self, envelope: Envelope, delivery: Delivery) -> Source:
        refuse_inner(envelope, self._vocabulary)
        source = self._sources().get(envelope.source)
        if source is None:
            raise _refused(envelope, "source_unknown", f"source {envelope.source} is not in the policy file", "source")
        if delivery.user_id is None:
            raise _refused(envelope, "user_missing", "set the AMQP property user_id to the publishing user", "user_id")
        if delivery.user_id not in source.users:
            raise _refused(
                envelope, "user_differs", f"user {delivery.user_id} may not send as {envelope.source}", "user_id"
            )
        if not source.may_send(f"{envelope.entity}.{envelope.fact}"):
            raise _refused(envelope, "type_forbidden", f"{envelope.source} may not send {envelope.type}", "type")
        if delivery.queue != QUEUE_PREFIX + envelope.entity:
            raise _refused(
                envelope,
                "queue_differs",
                f"{envelope.type} came by {delivery.queue}, so its order is not kept: publish it with routing key "
                f"{envelope.entity}.{envelope.fact}",
                "routing_key",
                FailureClass.SCHEMA,
            )
        return source


def refuse_inner(envelope: Envelope, vocabulary: Vocabulary = VOCABULARY) -> None:
    """Raise `Undecodable` for an event that only the gateway itself says."""
    if vocabulary.is_inner(envelope.type):
        reason = f"{envelope.type} is said inside of the gateway alone: see `tallystick event types` for what is read"
        raise _refused(envelope, "type_inner", reason, "type")


def _key(envelope: Envelope, source: Source) -> ActorKey:
    if source.system is not None and envelope.actor in source.external:
        return external_key(source.system, envelope.actor, envelope.subject)
    return ActorKey(envelope.actor, envelope.subject)


def _number(envelope: Envelope, source: Source, key: ActorKey) -> tuple[str, int] | tuple[None, None]:
    """The series and the number in it; a source that numbers its events must do so always. Raises `Undecodable`."""
    if source.sequence is SequenceKind.NONE:
        return None, None
    if envelope.sequence is None:
        reason = f"{envelope.source} numbers its events, and this one has no number: set sequence"
        raise _refused(envelope, "sequence_missing", reason, "sequence", FailureClass.SCHEMA)
    # Ids of another system are numbered one by one, and several of them may be bound to one key of ours.
    series = f"{envelope.source} {envelope.subject}" if key.is_external else envelope.source
    return series, envelope.sequence


def _refused(
    envelope: Envelope, code: str, reason: str, field: str, failure_class: FailureClass = FailureClass.AUTH
) -> Undecodable:
    return Undecodable(
        Failure(failure_class, code, reason, field),
        source=envelope.source,
        id=envelope.id,
        type=envelope.type,
        subject=envelope.subject,
    )
