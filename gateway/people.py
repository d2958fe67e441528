"""People: what somebody does about a case goes to its key as an inner event, and its actor decides whether it may be.

Who it is, and which roles they have, was asked before: nobody but the API and the gateway's own parts calls this.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from adapters.ports.cases import act_event_id
from adapters.ports.entities import Entities
from gateway.inner import Inner, InnerEvent
from gateway.readmission import NotTaking
from schemas.acts import Acted
from schemas.commands import OURS
from schemas.keys import ActorKey
from schemas.verdicts import Verdict

SOURCE: Final = f"{OURS}:people"
PATIENCE: Final = 5.0
"""Seconds that an act is waited for until it is durable."""


class NotActedUpon(LookupError):
    """The entity has no cases that a person acts on."""


@dataclass(frozen=True, slots=True)
class ActedUpon:
    """What became of an act.

    `verdict`: `applied`, or `ignored` where it may not be, with the reason; an open one while it stands behind others
    in its key's lane; `conflict` if its id was used for another act; None if it was not durable in time. `ref` is the
    message's, of the first time if the act was repeated.
    """

    ref: UUID | None
    verdict: Verdict | None
    reason: str | None


class People:
    """Delivers acts. `patience` is in seconds."""

    def __init__(self, inner: Inner, entities: Entities, patience: float = PATIENCE) -> None:
        self._inner = inner
        self._entities = entities
        self._patience = patience
        self._is_closed = False

    async def act(self, key: ActorKey, acted: Acted, *, id: str) -> ActedUpon:
        """Deliver an act and wait, for a while, until it is durable.

        `id` makes it the same act when it is repeated: it is unique among the acts of one person on one key. Raises
        `NotActedUpon`, `NotTaking`, and `StoreUnavailable`.
        """
        body = acted.model_dump_json(exclude_none=True).encode()
        try:
            # By the oldest version that reads it (why: see `read_inner`): told again by a newer release, it is the same
            # message under its id.
            type_, said = self._inner.vocabulary.read_inner(f"{key.entity}.acted", body)
        except KeyError as error:
            reason = f"{key.entity} has no cases to act on: retry or discard what stands in its lane"
            raise NotActedUpon(reason) from error
        if self._is_closed:
            raise NotTaking("this process is shutting down: ask another, or again when it has restarted")
        event = InnerEvent(SOURCE, act_event_id(key.entity, key.id, acted.by, id), type_, key, said)
        try:
            async with asyncio.timeout(self._patience):
                ref = await self._inner.deliver(event)
        except TimeoutError:
            return ActedUpon(None, None, None)
        found = await self._entities.judged(ref, source=SOURCE, id=event.id)
        return ActedUpon(None, None, None) if found is None else ActedUpon(found.ref, found.verdict, found.reason)

    def close(self) -> None:
        """Take no more; what was delivered is the bus's to finish."""
        self._is_closed = True
