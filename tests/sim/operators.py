"""Operators: people who retry and discard what stands in the cases, and pause, at random and without looking twice."""

from __future__ import annotations

import asyncio
from random import Random

from adapters.ports.pauses import Scope
from adapters.ports.store import LaneChanged, LaneKills, LaneNotFound
from schemas.keys import ActorKey
from schemas.verdicts import LaneState
from tests.checker import cells
from tests.sim.world import World


class Operators:
    """They see the store as it stands and speak to it directly; the process they look at is any."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self._pauses = world.store.clients().pauses
        self._acts = world.plant.acts(world.tables)
        self.may_discard = True
        """Not while a restore is open: what they would discard may have been done in the lost time."""

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            await asyncio.sleep(self._chance.expovariate(0.6))
            rarely = (LaneState.WAITING,) if self._chance.random() < 0.1 else ()
            keys = self._stopped(LaneState.PARKED, *rarely)
            if keys and not self._world.is_away:
                await self._act(self._chance.choice(keys))

    async def run_pauses(self) -> None:
        """Pause and resume until it is cancelled; what is paused then stays so until `resume`."""
        while True:
            await asyncio.sleep(self._chance.expovariate(0.15))
            if self._world.is_away:
                continue
            pause = await self._pauses.begin(self._scope(), actor="berta", reason="month end")
            self._paused("pauses", pause.scope)
            await asyncio.sleep(self._chance.uniform(0.1, 4))
            if any(entity.row.lane.paused_by == pause.id for entity in self._world.tables.entities.values()):
                self._world.hit(cells.PAUSED)
            await self._pauses.end(pause.id, actor="berta", reason="done")
            self._paused("resumes", pause.scope)

    async def resume(self) -> None:
        """End all pauses."""
        for pause in await self._pauses.active():
            await self._pauses.end(pause.id, actor="berta", reason="closing time")
            self._paused("resumes", pause.scope)

    async def retry_parked(self) -> None:
        """Once more for all that waits for a person; what waits for something else must go on by itself."""
        for key in self._stopped(LaneState.PARKED):
            await self._retry(key)

    def _scope(self) -> Scope:
        keys = sorted(self._world.tables.entities)
        kind = self._chance.random()
        if kind < 0.6 and keys:
            key = self._chance.choice(keys)
            return Scope(key.entity, key.id)
        if kind < 0.8:
            return Scope(self._chance.choice(("customer", "project", "timesheet")))
        return Scope(legal_entity="DE01") if kind < 0.9 else Scope()

    def _paused(self, what: str, scope: Scope) -> None:
        """One process hears of it at once, as the one that was asked does; the others look by themselves."""
        self._world.tell("operator", what, scope)
        living = self._world.living
        if living and self._chance.random() < 0.7:
            self._chance.choice(living).runtime.pauses.hint()

    def _stopped(self, *states: LaneState) -> list[ActorKey]:
        """Keys whose lane is in one of these states, or that have a parked command."""
        tables = self._world.tables
        lanes = {key for key, refs in tables.lanes.items() if refs and tables.row(key).lane.state in states}
        commands = {standing.command.key for standing in tables.outbox.values() if standing.is_parked}
        return sorted(lanes | commands)

    async def _act(self, key: ActorKey) -> None:
        standing = self._world.tables.lane(key)
        if self._chance.random() < 0.75 or not self.may_discard or not standing or key.is_external:
            await self._retry(key)
            return
        head = standing[0].message
        seen = self._chance.uniform(0, 0.5)
        await asyncio.sleep(seen)
        try:
            await self._acts.discard(key, head=head.ref, actor="anna", reason="not needed")
        except (LaneChanged, LaneNotFound):
            self._world.tell("operator", "comes too late", key)
            return
        self._world.tell("operator", "discards", key, head.id)
        self._world.look_at(key, self._chance)

    async def _retry(self, key: ActorKey) -> None:
        try:
            await self._acts.retry(key, actor="anna", reason="mended")
        except LaneNotFound:
            return
        except LaneKills:
            # It was killed by chance, each time that this message was at work.
            self._world.tell("operator", "insists", key)
            await self._acts.retry(key, actor="anna", reason="it was not the message", force=True)
        self._world.tell("operator", "retries", key)
        self._world.look_at(key, self._chance)
