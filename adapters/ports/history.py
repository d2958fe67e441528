"""Port to what has happened: past messages as they came, and the ids that systems gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from schemas.keys import ActorKey


@dataclass(frozen=True, slots=True)
class PastMessage:
    """A message that was accepted: under which key, when, and as the event in structured mode that it was.

    One whose id stands for another body is among them, under the key of the event.
    """

    ref: UUID
    key: ActorKey
    body: bytes
    received_at: datetime


class GivenId(NamedTuple):
    """The id that a system gave when it confirmed a command."""

    system: str
    operation: str
    key: ActorKey
    line: str
    external_id: str


class History(Protocol):
    """Reads only, beside the commit path."""

    async def messages(self, *, since: datetime | None, until: datetime | None, limit: int) -> list[PastMessage]:
        """The newest `limit` messages that were received in a time, in the order in which they came.

        `until` is not included. What the gateway itself has said is left out: it would say it again. But ids that
        people imported, which nobody says again, are all there, beside those `limit`, from before `since` too.
        """
        ...

    async def given_ids(self, keys: Sequence[ActorKey]) -> list[GivenId]:
        """The ids that systems gave for commands of some keys, by the order in which they were given."""
        ...
