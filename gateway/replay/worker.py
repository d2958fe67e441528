"""Replays at work: one process at a time makes plans, lets lanes go on at their pace, and records what came of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from adapters.ports.replays import PAUSED, Fate, JobWork, Landed, Look, Mode, Outcome, Phase, PlanWork, Replay
from adapters.ports.turns import StoreUnavailable
from gateway import telemetry
from gateway.backoff import Backoff
from gateway.replay.compare import counted, fate, overtaken
from gateway.replay.pacing import Bucket, allowance, too_many_failures
from gateway.replay.planner import Planner
from gateway.replay.rounds import Rounds
from gateway.world import World
from schemas.keys import ActorKey

IDLE_SECONDS: Final = 5.0
TICK_SECONDS: Final = 0.2
"""Between two looks at a replay that is under way."""
LANES: Final = 500
"""Lanes that are let go on, or looked at, at once."""


class Replayer:
    """Works for ever. `poke` lets a key run at once, `hint` its commands for a system.

    `world` knows the policy and the pauses in force; `observed` hears how many messages came to which outcome.
    """

    def __init__(
        self,
        plans: PlanWork,
        jobs: JobWork,
        planner: Planner,
        poke: Callable[[ActorKey], None],
        hint: Callable[[str, ActorKey], None],
        world: World,
        observed: Callable[[Outcome, int], None],
        backoff: Callable[[], Backoff],
    ) -> None:
        self._plans = plans
        self._jobs = jobs
        self._planner = planner
        self._poke = poke
        self._tell_system = hint
        self._world = world
        self._observed = observed
        self._buckets: dict[int, Bucket] = {}
        self._planning = Rounds("a plan", self._plan, backoff())
        self._replaying = Rounds("a replay", self._replay, backoff())

    def hint(self) -> None:
        """Look at once: an operator has asked for something."""
        self._planning.hint()
        self._replaying.hint()

    async def run(self) -> None:
        """Plans beside replays: a system that takes its time over a plan keeps no replay waiting."""
        async with asyncio.TaskGroup() as works:
            works.create_task(self._planning.run())
            works.create_task(self._replaying.run())

    async def _plan(self) -> float:
        """One page of a plan; the seconds until the next. Raises `StoreUnavailable`."""
        goes_on = await self._plans.hold() and await self._planner.step()
        return 0.0 if goes_on else IDLE_SECONDS

    async def _replay(self) -> float:
        """One step of each replay that is under way; the seconds until the next. Raises `StoreUnavailable`."""
        if not await self._plans.hold():
            self._buckets.clear()
            return IDLE_SECONDS
        replays = await self._jobs.started()
        self._buckets = {each.id: self._buckets[each.id] for each in replays if each.id in self._buckets}
        steps = [await self._stepped(replay) for replay in replays]
        if any(steps):
            return 0.0
        return TICK_SECONDS if any(each.phase is not Phase.PAUSED for each in replays) else IDLE_SECONDS

    async def _stepped(self, replay: Replay) -> bool:
        """A step of one replay; a mistake of ours stops that one, and no process that moves money."""
        try:
            return await self._step(replay)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # as above
            telemetry.replay_failed(f"replay {replay.id}", error)
            if replay.phase is Phase.RUNNING:
                await self._jobs.stop(replay, f"it could not go on: {type(error).__name__}: report it")
            return False

    async def _step(self, replay: Replay) -> bool:
        """Record what has landed, then let further lanes go on; whether there is more to do at once."""
        look = await self._jobs.look(replay, limit=LANES, final=False)
        recorded = await self._recorded(replay, look)
        if recorded is None or recorded.terms is None:
            return False  # somebody else has changed it: it is read again
        if recorded.phase is Phase.PAUSED:
            return bool(look.landed)
        is_all_released = recorded.left == 0
        if recorded.phase is Phase.RUNNING:
            why = (
                self._held(look.landed)
                or too_many_failures(recorded.progress, recorded.terms.stop_share)
                or (None if is_all_released else await self._overtaken(recorded))
            )
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

    def _held(self, landed: Sequence[Landed]) -> str | None:
        """The pause that stops lanes which were let go on; of one key it stops nothing else."""
        if all(each.why != PAUSED for each in landed):
            return None
        wide = next((each for each in self._world.pauses() if each.scope.key is None), None)
        return None if wide is None else f"{wide.scope} is paused by {wide.actor}: {wide.reason}: end that, then resume"

    async def _overtaken(self, replay: Replay) -> str | None:
        """The policy that came into force since: what is left would do what its plan does not say."""
        if replay.chosen.mode is Mode.SENT or replay.goes_by(self._world.policy_hash()):
            return None
        # It may have been resumed under a policy that this process has not seen yet.
        await self._world.look_at_policy()
        now = self._world.policy_hash()
        return None if replay.goes_by(now) else overtaken(replay, now)

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
        return fate(landed, same_policy=replay.policy == self._world.policy_hash())
