"""The first look: after lives that ended badly a process looks at what stands in lanes before it does anything else.

A message that is decided out of its lane has no count of the broker: if it ends the process, each start decides it
again and dies of it. So while a life is in doubt, the first page of each lane that may run is decided in small groups,
each recorded before; what a life died of is in its last group. Its messages then run alone, one by one, each
recorded, and what was alone twice when the process ended is parked unread. The first page is enough: a process dies in
the first page of a lane, for all before it is committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Final
from uuid import UUID

from adapters.ports.looks import Looks
from adapters.ports.store import Commits, Lanes
from adapters.ports.turns import Row, StoreUnavailable
from gateway.activation import Activation
from gateway.backoff import Backoff
from gateway.bus import Bus
from gateway.committer import Committer
from gateway.lanes import PAGE
from gateway.loading import Loading
from gateway.looking import Looking
from gateway.suspicion import Treatment, treatment
from gateway.world import Watcher, World
from schemas.keys import ActorKey

TOGETHER: Final = 256
"""Messages of one group. After a death in it they run alone, for some milliseconds each."""
PATIENCE_SECONDS: Final = 30.0
"""How long a start waits for the look of another process, which may stand still."""
TRIES: Final = 16
"""How often a message is tried to be parked while somebody else moves its row."""

Before = Callable[[Sequence[Activation]], Awaitable[None]]
"""Hears which messages of lanes are about to be decided; may cut the lanes."""


class FirstLook:
    """`looking` hears how far the look is, and of each message that runs alone."""

    def __init__(
        self,
        looks: Looks,
        lanes: Lanes,
        commits: Commits,
        world: World,
        watcher: Watcher,
        bus: Bus,
        backoff: Backoff,
        looking: Looking,
    ) -> None:
        self._looks = looks
        self._lanes = lanes
        self._commits = commits
        self._world = world
        self._watcher = watcher
        self._bus = bus
        self._backoff = backoff
        self._looking = looking
        self._known: dict[UUID, int] = {}
        """Messages that may end the process, and how often they ran alone."""
        self._begun: list[UUID] = []
        """Messages that were recorded, and have not been forgotten."""

    async def take(self) -> bool:
        """Look, while nothing else is done; whether it was done, and not left to another process that does."""
        async with self._looking.told(), self._bus.alone():
            return await self._look()

    async def give_up(self) -> None:
        """Forget what was begun, for the process ends in order, and let another look. Raises `StoreUnavailable`.

        The lock is had anew first: if its connection went with a record on its way, that record has come by then.
        """
        if not self._begun:
            return
        while await self._looks.take(list(self._begun)) is None:
            await self._backoff.wait()
        self._begun.clear()
        await self._looks.leave([])

    async def _look(self) -> bool:
        """What was begun when the store was lost has done no harm: the look begins anew, without it."""
        while True:
            try:
                known = await self._looks.take(list(self._begun))
                if known is not None:
                    self._known = known
                    self._begun.clear()
                    self._looking.begins()
                    await self._at_lanes()
                    await self._looks.leave(list(self._begun))
                    self._begun.clear()
                    self._backoff.reset()
                    self._looking.done()
                    return True
                self._looking.waits(PATIENCE_SECONDS)
            except StoreUnavailable as error:
                self._watcher.store_lost(error, unknown=False)
            else:
                if self._looking.seconds > PATIENCE_SECONDS:
                    self._looking.skipped()
                    return False
            await self._backoff.wait()

    async def _at_lanes(self) -> None:
        after: ActorKey | None = None
        while page := await self._lanes.runnable(after=after, limit=PAGE):
            after = page[-1].key
            keys = [lane.key for lane in page if lane.key.entity in self._world.actors]
            rows = await self._commits.load(keys) if keys else {}
            for group in self._groups(rows.values()):
                await self._at_group(group)
                self._looking.passes(len(group))

    def _groups(self, rows: Iterable[Row]) -> Iterator[list[ActorKey]]:
        """Lanes whose first pages make up a group together."""
        bounds = self._world.bounds
        group: list[ActorKey] = []
        messages = 0
        for row in rows:
            depth = min(row.lane.depth, bounds.lane_page)
            if group and (messages + depth > TOGETHER or len(group) == bounds.batch_keys):
                yield group
                group, messages = [], 0
            group.append(row.key)
            messages += depth
        if group:
            yield group

    async def _at_group(self, keys: Sequence[ActorKey]) -> None:
        """A turn of all together, up to the first message that must run alone in each lane; then those; and so on."""
        while keys:
            await self._turn(keys, self._world, self._together)
            keys = [key for key in keys if await self._ran_alone(key)]

    async def _together(self, activations: Sequence[Activation]) -> None:
        for activation in activations:
            activation.lane = list(takewhile(lambda standing: standing.message.ref not in self._known, activation.lane))
        await self._begin([one.message.ref for activation in activations for one in activation.lane], alone=False)

    async def _ran_alone(self, key: ActorKey) -> bool:
        """Run the head of a lane alone for as long as it is one that must; whether any was, and the rest may go on.

        One that could not be parked stays known, so that nothing else of this look decides it.
        """
        world = replace(self._world, bounds=replace(self._world.bounds, lane_page=1))
        head: UUID | None = None
        killer: UUID | None = None

        async def before(activations: Sequence[Activation]) -> None:
            nonlocal head, killer
            [activation] = activations
            head = next((one.message.ref for one in activation.lane if one.message.ref in self._known), None)
            if head is None:
                activation.lane = ()
            elif treatment(self._known[head] + 1) is Treatment.ALONE:
                attempts = self._known.pop(head) + 1
                self._looking.alone(str(key), attempts, Treatment.ALONE)
                await self._begin([head], alone=True)
            else:
                activation.killer = killer = head

        ran, tries = False, 0
        while tries < TRIES:
            await self._turn([key], world, before)
            if head is None:
                break
            ran = True
            tries += head is killer
        if head is not None:
            return False
        if killer is not None:
            self._looking.alone(str(key), self._known.pop(killer) + 1, Treatment.PARKED)
            self._begun.append(killer)
        return ran

    async def _begin(self, refs: list[UUID], *, alone: bool) -> None:
        if not refs:
            return
        survived = list(self._begun)
        self._begun.extend(refs)
        await self._looks.record(refs, alone=alone, survived=survived)
        self._begun = refs

    async def _turn(self, keys: Sequence[ActorKey], world: World, before: Before) -> None:
        """One turn by a committer that nobody uses before or after."""
        loading = _Watched(self._commits, world, before)
        committer = Committer(self._commits, world, self._watcher, self._bus.deliver, self._backoff, loading)
        await committer.turn(keys)


class _Watched(Loading):
    """Loading that tells what it has read of lanes before any of it is decided."""

    def __init__(self, commits: Commits, world: World, before: Before) -> None:
        super().__init__(commits, world)
        self._before = before

    async def lanes(self, activations: Sequence[Activation]) -> None:
        await super().lanes(activations)
        await self._before(activations)
