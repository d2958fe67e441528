"""After a policy came into force: what stands still for want of a mapping is tried again, by itself.

Each case that was open then is tried once, unless whoever brought the policy into force has left them to a replay. What
its messages come to is for their decisions to say; those that still lack an entry open a case again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from pydantic import ValidationError

from adapters.ports.policies import Activation, Unmapped, UnmappedCase
from adapters.ports.store import LaneActs, LaneKills, LaneNotFound
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.policies import PolicyBook
from gateway.readmission import NotTaking
from schemas.acts import Act, Acted
from schemas.keys import ActorKey

ACTOR: Final = "policy"
"""Who retries, in the audit and towards actors."""
PAGE: Final = 200


class People(Protocol):
    """Takes what a person does about a topic to the key that it concerns."""

    async def act(self, key: ActorKey, acted: Acted, *, id: str) -> object:
        """Return once it is durable. The same `id` twice is the same act.

        Raises `LookupError` for an entity that nobody acts on, `NotTaking`, and `StoreUnavailable`.
        """
        ...


class MappingRetry:
    """Runs in every process; what two of them try is tried twice, which does no harm.

    `poke` lets a key that was let go on run at once. Without `people` topics wait for a process that has them.
    """

    def __init__(
        self,
        book: PolicyBook,
        unmapped: Unmapped,
        acts: LaneActs,
        poke: Callable[[ActorKey], None],
        backoff: Backoff,
        people: People | None = None,
    ) -> None:
        self._book = book
        self._unmapped = unmapped
        self._acts = acts
        self._poke = poke
        self._backoff = backoff
        self._people = people
        self._hinted = asyncio.Event()
        self._is_late = False
        self._last: int | None = None
        book.changed = self._hinted.set

    def overtaken(self) -> None:
        """Something became durable that was decided under a policy that is not in force any more."""
        self._is_late = True
        self._hinted.set()

    async def run(self) -> None:
        """Retry until the process shuts down, once for each activation, and for what was decided late.

        What is left then is retried after the next start.
        """
        while True:
            await self._hinted.wait()
            self._hinted.clear()
            try:
                await self.look()
            except NotTaking:
                return
            except StoreUnavailable:
                self._hinted.set()
                await self._backoff.wait()
            else:
                self._backoff.reset()

    async def look(self) -> None:
        """Retry what is open now, if there is cause. Raises `NotTaking` and `StoreUnavailable`.

        After a start there is cause unless it was done; after a change always: until a moment ago this process may have
        opened cases under the policy before.
        """
        activation = self._book.activation
        if activation is None:
            return
        if not activation.retries:
            self._is_late, self._last = False, activation.id
            return
        is_late, self._is_late = self._is_late, False
        try:
            is_changed = self._last is not None and self._last != activation.id
            if is_late or is_changed or not await self._unmapped.is_tried(activation.id):
                # Whoever starts next must see that it was not done, should this be cut short.
                await self._unmapped.untried(activation.id)
                await self._retry(activation)
                await self._unmapped.tried(activation.id)
        except StoreUnavailable:
            self._is_late |= is_late
            raise
        self._last = activation.id

    async def _retry(self, activation: Activation) -> None:
        reason = f"policy {activation.hash} is in force: {activation.reason}"
        through, after, count = await self._unmapped.newest(), 0, 0
        while cases := await self._unmapped.cases(after=after, through=through, limit=PAGE):
            after = cases[-1].id
            for key in dict.fromkeys(case.key for case in cases if case.topic is None):
                count += await self._let_go_on(key, reason)
            for case in cases:
                count += await self._act(case, activation, reason)
        telemetry.mappings_retried(activation.hash, count)

    async def _let_go_on(self, key: ActorKey, reason: str) -> bool:
        try:
            await self._acts.retry(key, actor=ACTOR, reason=reason)
        except (LaneNotFound, LaneKills):
            return False  # somebody else has let it go on, or a person must
        self._poke(key)
        return True

    async def _act(self, case: UnmappedCase, activation: Activation, reason: str) -> bool:
        if case.topic is None or self._people is None:
            return False
        try:
            acted = Acted(topic=case.topic, act=Act.RETRY, by=ACTOR, reason=reason)
        except ValidationError as error:
            telemetry.mapping_not_retried(case.id, f"{case.key}", str(error))
            return False  # one case that cannot be named holds up no other
        try:
            await self._people.act(case.key, acted, id=f"{activation.id}/{case.id}/{case.version}")
        except LookupError:
            return False  # a release that has no such acts is among the processes
        return True
