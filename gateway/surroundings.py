"""What all turns of a batch are decided with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from actors.decision import Snapshot
from actors.policy import Policy
from adapters.ports.pauses import Pause
from adapters.ports.turns import Message
from gateway.retry import NextTry
from gateway.rules import Rules
from gateway.unreadable import Unreadable
from schemas.envelope import Envelope
from schemas.keys import ActorKey


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all turns of a batch are decided with.

    `read` decodes a message that stands in a lane and raises `Undecodable`; `failed` is told of a decision that
    raised, which is our bug. `fold` bounds the messages of one turn, `mailbox` those that a mailbox may keep.
    `unreadable` are references that are there and cannot be read; `references` lacks them.
    """

    now: datetime
    policy: Policy
    rules: Rules
    pauses: Sequence[Pause]
    references: Mapping[ActorKey, Snapshot]
    read: Callable[[Message], Envelope]
    failed: Callable[[ActorKey, Exception], None]
    retry_after: NextTry
    fold: int
    mailbox: int
    unreadable: Mapping[ActorKey, Unreadable] = field(default_factory=dict)
