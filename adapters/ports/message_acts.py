"""Port to what operators do about one message: let it stand in its lane again, or give it another content."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol
from uuid import UUID

from adapters.ports.turns import Message
from schemas.keys import ActorKey
from schemas.verdicts import Verdict


class KeptMessage(NamedTuple):
    """A message with its content. `is_standing`: whether it stands in the lane of `key`."""

    message: Message
    key: ActorKey
    verdict: Verdict
    is_standing: bool


ENDED: Final = frozenset({Verdict.DISCARDED, Verdict.REJECTED, Verdict.STALE})
"""Final verdicts of messages that have done nothing, and may come back with another content."""


class MessageNotFound(LookupError):
    """There is no such message, or it is not kept any more."""


class MessageElsewhere(RuntimeError):
    """The message has a verdict of which that cannot be done, or waits under the id of another system."""


class MessageOvertaken(RuntimeError):
    """Since the message was discarded or rejected, something of its key was applied; or nobody knows any more."""


class EditTaken(RuntimeError):
    """Another message of its source has the id that the edited one would have."""


class MessageActs(Protocol):
    """Each act is one transaction, fenced by the row of the message's key, audited, and told.

    All verbs raise `StoreUnavailable`, those that act `MessageNotFound` and `MessageElsewhere`, and answer the key
    whose lane may run now.
    """

    async def kept(self, ref: UUID) -> KeptMessage | None:
        """The message, as far as it is kept."""
        ...

    async def undiscard(self, ref: UUID, *, actor: str, reason: str) -> ActorKey:
        """Let a discarded message stand before all others of its key again. Raises `MessageOvertaken`."""
        ...

    async def force(self, ref: UUID, *, actor: str, reason: str) -> ActorKey:
        """Let a stale message stand before all others of its key, without its number, so that it is decided."""
        ...

    async def edit(self, ref: UUID, edited: Message, *, actor: str, reason: str) -> ActorKey:
        """Let `edited` take the place and the number of a message that stands in a lane, which it supersedes.

        Of one that was discarded or rejected, or is stale, it stands before all others, of a stale one without its
        number. The same once more does nothing more. Raises `EditTaken` and `MessageOvertaken`.
        """
        ...

    async def close(self) -> None:
        """Close the connection."""
        ...
