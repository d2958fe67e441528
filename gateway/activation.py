"""One live actor in memory: its mailbox, and what it remembers of its row between turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import is_
from typing import Protocol, TypeVar
from uuid import UUID

from actors.decision import State
from adapters.ports.outbox import Leased
from adapters.ports.turns import LaneMessage, Message, Row
from schemas.commands import Confirmed, Rejected, Unknown
from schemas.envelope import Envelope
from schemas.facts import Claim
from schemas.keys import ActorKey
from schemas.verdicts import Failure

Item = TypeVar("Item")
OWN_BYTES = 1024
"""Of an activation without its state."""
STATE_FACTOR = 7
"""What a state takes in memory for each byte of its JSON: as its model, and as the JSON."""


class Receipt(Protocol):
    """How a message is acknowledged to whoever sent it."""

    @property
    def is_live(self) -> bool:
        """False when the sender will deliver the message again by itself: it may be dropped."""
        ...

    def ack(self) -> None:
        """The message is durable here; never awaits, never raises."""
        ...


@dataclass(slots=True)
class Entry:
    """A message in a mailbox. `conflict`: its id is in the inbox with another body, which a person must see.

    `held`: why it is not to be decided, but parked.
    """

    message: Message
    envelope: Envelope
    receipt: Receipt
    conflict: bool = False
    held: Failure | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a command, on its way to the actor that asked for it; `Unknown`: it cannot be settled.

    `ends_lease`: the decision on it ends the lease, for it is the last result of its run.
    """

    leased: Leased
    outcome: Confirmed | Rejected | Unknown
    ends_lease: bool = True


@dataclass(frozen=True, slots=True)
class Memory:
    """An entity's row with its state read, as of the last load or commit."""

    row: Row
    state: State


@dataclass(slots=True)
class Activation:
    """A key with work, or recently with work.

    `memory` is None when the row must be loaded before the next turn. `is_scheduled` is True while it waits for a turn
    or has one, so it is never in two batches. `has_more`: its last turn left work; `is_poked`: somebody else may have
    changed its row, which is loaded anew. `is_short`: its last turn decided nothing, for want of a reference. `limit`
    bounds what its next turn writes, and `refused` says, by message or command, what cannot be written, and why.
    `killer` is a message of the lane that is parked unread.
    """

    key: ActorKey
    mailbox: list[Entry] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    memory: Memory | None = None
    lane: Sequence[LaneMessage] = ()
    taken: dict[Claim, ActorKey] = field(default_factory=dict)
    limit: int | None = None
    refused: dict[UUID, str] = field(default_factory=dict)
    killer: UUID | None = None
    is_short: bool = False
    is_scheduled: bool = False
    has_more: bool = False
    is_poked: bool = False

    @property
    def has_work(self) -> bool:
        """Whether a turn is wanted."""
        return bool(self.mailbox or self.answers or self.has_more or self.is_poked)

    @property
    def bytes(self) -> int:
        """About how much memory it takes at rest."""
        return OWN_BYTES + (STATE_FACTOR * len(self.memory.row.state or b"") if self.memory else 0)

    @property
    def waiting(self) -> list[UUID]:
        """The commands and messages in memory, in the order in which turns take them."""
        commands = [answered.leased.command.id for answered in self.answers]
        lane = [standing.message.ref for standing in self.lane]
        return commands + lane + [entry.message.ref for entry in self.mailbox]

    def drop(self, messages: Sequence[Entry], answers: Sequence[Answered] = ()) -> None:
        """These are decided, or concern nobody any more."""
        self.mailbox = _without(self.mailbox, messages)
        self.answers = _without(self.answers, answers)

    def forget(self) -> None:
        """Drop what is remembered: somebody else may have written."""
        self.memory = None
        self.lane = ()

    def narrow(self, size: int, first: UUID, why: str) -> None:
        """A turn of `size` messages cannot be written: next time half of it, or without the one that is left."""
        self.limit = max(size // 2, 1)
        if size <= 1:
            self.refused[first] = why

    def drop_dead(self) -> None:
        """Drop not-started messages of lost channels: they are delivered again, behind nothing that is lost."""
        if any(not entry.receipt.is_live for entry in self.mailbox):
            self.mailbox = [entry for entry in self.mailbox if entry.receipt.is_live]


def _without(items: list[Item], gone: Sequence[Item]) -> list[Item]:
    """`items` but `gone`, by identity; most often that is their beginning."""
    if not gone:
        return items
    if len(gone) <= len(items) and all(map(is_, items, gone)):
        return items[len(gone) :]
    ids = set(map(id, gone))
    return [item for item in items if id(item) not in ids]
