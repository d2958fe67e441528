"""What every committer is given beside its store: actors, bounds, sources of time and ids, and who watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from actors.decision import Actor
from actors.policy import Policy
from adapters.ports.pauses import Pause
from adapters.ports.turns import Message, Refused
from gateway.activation import Answered, Entry
from gateway.activations import Bounds
from gateway.draft import Draft
from gateway.references import References
from gateway.retry import NextTry
from gateway.rules import Rules
from schemas.envelope import Envelope
from schemas.keys import ActorKey
from schemas.verdicts import Failure


async def as_it_is() -> None:
    """The policy never changes."""


@dataclass(frozen=True, slots=True)
class World:
    """The surroundings of the runtime; the same for all committers of a process.

    `read` decodes a message that stands in a lane and raises `Undecodable`; `now` is the wall clock that decisions
    see; `ids` makes commit ids; `policy`, `rules`, and `pauses` answer what is in force, and raise `StoreUnavailable`
    while nobody knows; `retry_after` says when a lane in backoff runs again; `policy_hash` names the policy in force,
    None where policies have no names, and `look_at_policy` follows at once what another process has put in force;
    `overtaken` is told when turns are durable that were decided under another one.
    """

    actors: Mapping[str, Actor]
    references: References
    read: Callable[[Message], Envelope]
    now: Callable[[], datetime]
    ids: Callable[[], UUID]
    policy: Callable[[], Policy]
    rules: Callable[[], Rules]
    pauses: Callable[[], Sequence[Pause]]
    retry_after: NextTry
    bounds: Bounds
    policy_hash: Callable[[], str | None] = lambda: None
    look_at_policy: Callable[[], Awaitable[None]] = as_it_is
    overtaken: Callable[[], None] = lambda: None


class Watcher(Protocol):
    """Is told what committers do; neither blocks nor raises."""

    def committed(self, draft: Draft) -> None:
        """A turn is durable."""
        ...

    def refused(self, draft: Draft, refused: Refused) -> None:
        """A turn left nothing behind and is decided again."""
        ...

    def batch(self, turns: int, messages: int, seconds: float) -> None:
        """A commit came back."""
        ...

    def store_lost(self, error: Exception, *, unknown: bool) -> None:
        """The database did not take a batch, or did not say whether it did."""
        ...

    def duplicate(self, key: ActorKey) -> None:
        """A delivery repeated a message that is in the inbox."""
        ...

    def decision_failed(self, key: ActorKey, error: Exception) -> None:
        """A decision raised, which is our bug; its message is parked."""
        ...

    def unwritable(self, entry: Entry, failure: Failure) -> None:
        """The database refuses a message in any form: the watcher keeps it as a dead letter, and acks it then."""
        ...

    def answer_dropped(self, answered: Answered) -> None:
        """A result came whose command was settled meanwhile."""
        ...
