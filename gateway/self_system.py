"""The built-in system `self`: what one actor asks of another arrives there as an inner event.

Its effect is a row of the inbox, in the same database as the command: whoever sends the command again finds the row,
so a lapsed lease, a lost time, or a second process makes no second effect, and nothing needs to be asked first.
"""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from adapters.ports.system import Absent, Capability, Upsert
from gateway.gate_policy import GatePolicy
from gateway.inner import Inner, InnerEvent
from schemas.attributes import known
from schemas.commands import OURS, SELF, Command, Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.envelope import Undecodable
from schemas.keys import ActorKey
from schemas.refusals import refused_data
from schemas.verdicts import Failure, FailureClass
from schemas.vocabulary import Vocabulary

SOURCE: Final = f"{OURS}:{SELF}"
GATE: Final = GatePolicy()
"""No rate, no quota, no hours; and no outcome speaks of it as ill, so its breaker never opens."""
CONCURRENCY: Final = 256
"""Commands on their way at once, over all processes."""
PROMISE: Final = Capability(Upsert.NONE, key_window=None, unique_reference=True, look_up=False, late_bound=0.0)

_NEWER: Final = Failure(
    FailureClass.INTERNAL,
    "operation_unknown",
    "this release knows no such inner event: bring every process to the release that asked for it",
)
_NEVER_ASKED: Final = Failure(FailureClass.INTERNAL, "not_asked", "self is sent to again, and never asked")


class SelfSystem:
    """A `System`: one attempt is one inner delivery, confirmed once that is durable."""

    name = SELF

    def __init__(self, inner: Inner) -> None:
        self._inner = inner

    def capability(self, _operation: str) -> Capability:
        return PROMISE

    async def send(self, command: Command) -> Outcome:
        event = event_of(command, self._inner.vocabulary)
        if not isinstance(event, InnerEvent):
            return event
        try:
            await self._inner.deliver(event)
        except Undecodable as error:
            return Rejected(error.failure)
        return Confirmed(None)

    async def look_up(self, _command: Command) -> Confirmed | Absent | Deferred | Unknown:
        return Unknown(_NEVER_ASKED)

    async def close(self) -> None:
        """Nothing to close."""


def event_of(command: Command, vocabulary: Vocabulary) -> InnerEvent | Rejected | Deferred:
    """The event that a command to `self` is, or why it is none. Pure.

    Put off if the operation is not known, for a newer release may have asked for it; rejected if the body is not of it.
    """
    try:
        type_, data = vocabulary.read_inner(command.operation, command.body)
    except KeyError:
        return Deferred(_NEWER, None)
    except ValidationError as error:
        return Rejected(refused_data(error).failure)
    to = getattr(data, "to", None)
    if not isinstance(to, str):
        reason = f"{type_} has no field `to`, so no actor may ask for it: report it"
        return Rejected(Failure(FailureClass.SCHEMA, "to_missing", reason, "data.to"))
    key = ActorKey(command.operation.partition(".")[0], to)
    # Our reference, unless the ids in it make it too long for an attribute.
    causation = known({"causationid": command.reference}, "causationid") or str(command.id)
    return InnerEvent(SOURCE, str(command.id), type_, key, data, causation)
