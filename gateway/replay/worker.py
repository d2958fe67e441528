"""Replays at work: one process at a time makes plans, lets lanes go on at their pace, and records what came of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple

from adapters.ports.replays import Fate, JobWork, Landed, Look, Mode, Outcome, Phase, PlanWork, Replay
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.replay.compare import counted, fate
from gateway.replay.pacing import Bucket, allowance, too_many_failures
from gateway.replay.planner import Planner
from schemas.keys import ActorKey

IDLE_SECONDS: Final = 5.0
TICK_SECONDS: Final = 0.2
"""Between two looks at a replay that is under way."""
LANES: Final = 500
"""Lanes that are let go on, or looked at, at once."""


class Round(NamedTuple):
    """What a round found: whether there is more to do at once, and whether a replay is under way."""

    goes_on: bool
    is_busy: bool


class Replayer:
    """Works for ever. `poke` lets a key run at once, `hint` its commands for a system; `policy` names the one in force.

    `observed` hears how many messages came to which outcome.
    """

    def __init__(
        self,
        plans: PlanWork,
        jobs: JobWork,
        planner: Planner,
        poke: Callable[[ActorKey], None],
        hint: Callable[[str, ActorKey], None],
        policy: Callable[[], str | None],
        observed: Callable[[Outcome, int], None],
        backoff: Backoff,
    ) -> None:
        self._plans = plans
        self._jobs = jobs
        self._planner = planner
        self._poke = poke
        self._tell_system = hint
        self._policy = policy
        self._observed = observed
        self._backoff = backoff
        self._asked = asyncio.Event()
        self._buckets: dict[int, Bucket] = {}

    def hint(self) -> None:
        """Look at once: an operator has asked for something."""
        self._asked.set()

    async def run(self) -> None:
        """Round after round."""
        while True:
            try:
                found = await self.round()
            except StoreUnavailable:
                await self._backoff.wait()
                continue
            self._backoff.reset()
            if not found.goes_on:
                await self._pause(TICK_SECONDS if found.is_busy else IDLE_SECONDS)

    async def round(self) -> Round:
        """One page of a plan, and one step of each replay that is under way. Raises `StoreUnavailable`."""
        self._asked.clear()
        if not await self._plans.hold():
            self._buckets.clear()
            return Round(goes_on=False, is_busy=False)
        plans = await self._planner.step()
        replays = await self._jobs.started()
        self._buckets = {each.id: self._buckets[each.id] for each in replays if each.id in self._buckets}
        steps = [await self._step(replay) for replay in replays]
        return Round(plans or any(steps), is_busy=any(each.phase is not Phase.PAUSED for each in replays))

    async def _step(self, replay: Replay) -> bool:
        """Record what has landed, then let further lanes go on; whether there is more to do at once."""
        look = await self._jobs.look(replay, limit=LANES, final=False)
        recorded = await self._recorded(replay, look)
        if recorded is None or recorded.terms is None:
            return False  # somebody else has changed it: it is read again
        if recorded.phase is Phase.PAUSED:
            return bool(look.landed)
        is_all_released = recorded.progress.released == recorded.messages
        if recorded.phase is Phase.RUNNING:
            why = too_many_failures(recorded.progress, recorded.terms.stop_share)
            if why is not None:
                telemetry.replay_stopped(recorded.id, why)
                await self._jobs.stop(recorded, why)
                return False
            if not is_all_released:
                # A full page says that the next one need not be waited for.
                released = await self._release(recorded, recorded.terms.rate, look)
                return max(released, len(look.landed)) >= LANES
        if look.landed or look.moving:
            return bool(look.landed)
        await self._finish(recorded)
        return False

    async def _release(self, replay: Replay, rate: int, look: Look) -> int:
        """Let further lanes go on; how many."""
        now = asyncio.get_running_loop().time()
        bucket = self._buckets.setdefault(replay.id, Bucket(rate, now))
        allowed = allowance(replay.progress, rate, moving=look.moving, resting=look.resting, room=bucket.fill(now))
        released = (
            await self._jobs.release(replay, allow=allowed, most=LANES, moving=look.moving > 0) if allowed else None
        )
        if released is None:
            return 0
        bucket.take(released.replay.progress.released - replay.progress.released)
        system = replay.chosen.system
        for key in released.keys:
            if replay.chosen.mode is Mode.SENT and system is not None:
                self._tell_system(system, key)
            else:
                self._poke(key)
        return len(released.keys)

    async def _finish(self, replay: Replay) -> None:
        """Nothing runs any more: what waits or backs off is recorded as it stands, and the replay is over."""
        while True:
            look = await self._jobs.look(replay, limit=LANES, final=True)
            if look.moving:
                return  # something has woken what was at rest
            if not look.landed:
                break
            recorded = await self._recorded(replay, look)
            if recorded is None:
                return
            replay = recorded
        telemetry.replay_ended(replay.id, replay.progress.settled, replay.progress.failed)
        await self._jobs.end(replay)

    async def _recorded(self, replay: Replay, look: Look) -> Replay | None:
        landed = look.landed
        if not landed:
            return replay
        fates = [self._fate(replay, each) for each in landed]
        recorded = await self._jobs.record(replay, fates, counted(replay.progress, landed, fates))
        if recorded is not None:
            for outcome, count in Counter(each.outcome for each in fates).items():
                self._observed(outcome, count)
        return recorded

    def _fate(self, replay: Replay, landed: Landed) -> Fate:
        return fate(landed, same_policy=replay.policy == self._policy())

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return
