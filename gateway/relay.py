"""The relay: the head command of each (system, key) goes to its system, one attempt at a time; its result comes back.

A lane of commands is leased, its attempt is logged, and only then the first byte is sent. What an attempt came to is
recorded; a final outcome goes to the actor, whose commit settles the command and frees the next one. Where a system
does commands of one key in their order, a run of them is leased, sent, and recorded as one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final
from uuid import UUID

from adapters.ports.gate import Hold
from adapters.ports.outbox import Ending, Leased, Outbox, SendLane
from adapters.ports.turns import StoreUnavailable
from gateway.activation import Answered
from gateway.attempt import Attempts, Stepped, ended
from gateway.backoff import Backoff
from gateway.gate import SystemGate
from gateway.recorder import Recorder
from gateway.send_queue import LOOK_SECONDS, SendQueue
from schemas.commands import Deferred, Outcome, Unknown
from schemas.keys import ActorKey

PAGE: Final = 200
"""Commands leased in one round trip at most, unless more travel in one request."""
LEAST_YIELD: Final = 0.1
"""Of a lane: one that gave nothing may give something another time."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the relays of a process share. `holder` is this process, `tokens` makes lease tokens.

    `answer` takes results to their actor; `observed` hears of every step and its duration in seconds. `caught_up`
    returns once actors are not too far behind with results: until then nothing more is leased, and memory is bounded.
    """

    outbox: Outbox
    recorder: Recorder
    holder: UUID
    tokens: Callable[[], UUID]
    answer: Callable[[ActorKey, Answered], None]
    observed: Callable[[Leased, Outcome, float], None]
    caught_up: Callable[[], Awaitable[None]]


class Relay:
    """Sends the commands of one system, as its gate lets them pass. `held` is what holds them back now."""

    def __init__(self, attempts: Attempts, desk: Desk, *, gate: SystemGate, backoff: Backoff) -> None:
        self.queue = SendQueue()
        self.held: Hold | None = None
        self._attempts = attempts
        self._desk = desk
        self._gate = gate
        self._page = max(PAGE, gate.largest)
        self._backoff = backoff
        self._changed = asyncio.Event()
        self._asks_again_at = 0.0
        self._in_flight: dict[asyncio.Task[None], int] = {}
        """With the number of commands of each."""
        self._count = 0
        self._has_ended = asyncio.Event()
        self._yield = 1.0
        """Commands that a lane gave at the last claim, on average: several if they are runs, few where all is sent."""
        self._after: ActorKey | None = None
        self._crash: BaseException | None = None
        self._is_stopping = False
        self._has_stopped = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Commands whose attempts run now, or have no recorded end yet."""
        return self._count

    async def run(self) -> None:
        """Send until `stop`; raises what an attempt's task died of, because its lease would never be given back."""
        try:
            while not self._is_stopping:
                await self._has_room()
                await self._held_back()
                try:
                    lanes = await self._due()
                    self._raise_crash()  # one may have died while we waited: then nothing more is leased
                    for _, run in groupby(await self._lease(lanes) if lanes else (), _key):
                        self._start(list(run))
                    self._backoff.reset()
                except StoreUnavailable:
                    self._raise_crash()
                    await self._backoff.wait()
        finally:
            self._has_stopped.set()

    async def stop(self) -> None:
        """Lease nothing more, and wait until no attempt is in flight. A lease taken and not used would look unknown."""
        self._is_stopping = True
        self._attempts.flush()
        self.queue.wake()
        self._changed.set()
        await self._has_stopped.wait()
        while self._in_flight:
            await asyncio.wait(tuple(self._in_flight))

    def gate_changed(self) -> None:
        """Ask the gate again at once: an operator has paused or resumed the system."""
        self._changed.set()

    async def _has_room(self) -> None:
        while self._count >= self._gate.room:
            self._has_ended.clear()
            await self._has_ended.wait()
        await self._desk.caught_up()

    @property
    def _room(self) -> int:
        """How many commands the next claim may lease."""
        return min(self._gate.room - self._count, self._page)

    async def _held_back(self) -> None:
        """Wait until the hold is over or something here may have ended it; not for long, for others may, too."""
        if asyncio.get_running_loop().time() < self._asks_again_at:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._asks_again_at):
                    await self._changed.wait()

    async def _due(self) -> list[SendLane]:
        """Lanes that may be sent now: those we were told of, else, from time to time, what the database has."""
        keys = await self.queue.take(min(max(int(self._room / self._yield), 1), self._page))
        if self._is_stopping:
            return []
        if not keys:
            found = await self._desk.outbox.free(self._attempts.system, after=self._after, limit=self._page)
            # On behind the last key next time: heads that fail again and again must not hide those behind them.
            self._after = found[-1].key if len(found) == self._page else None
            self.queue.found([lane.key for lane in found], more=self._after is not None)
        return [SendLane(self._attempts.system, key) for key in keys]

    async def _lease(self, lanes: Sequence[SendLane]) -> Sequence[Leased]:
        """Take the leases that the gate lets us have; the other lanes come first again.

        If the answer is lost, nothing of it was sent, and we say so until it is heard.
        """
        keys = [lane.key for lane in lanes]
        self._changed.clear()
        self._hold(self._gate.closed())
        if self.held is not None:
            self.queue.put_back(keys)
            return []
        token = self._desk.tokens()
        try:
            limits = replace(self._gate.limits(), most=self._room)
            claimed = await self._desk.outbox.claim(lanes, holder=self._desk.holder, token=token, limits=limits)
        except StoreUnavailable:
            await self._abandon(token)
            self.queue.put_back(keys)
            return []
        self.queue.put_back([lane.key for lane in claimed.left])
        # Lanes that turned out to have nothing to send did not use what the gate would let pass.
        is_through = len(claimed.left) < len(lanes) and not claimed.leased
        self._hold(None if is_through else claimed.hold)
        tried = len(lanes) - len(claimed.left)
        if tried:
            self._yield = max(len(claimed.leased) / tried, LEAST_YIELD)
        return claimed.leased

    def _hold(self, hold: Hold | None) -> None:
        self.held = hold
        self._asks_again_at = 0.0
        if hold is not None:
            seconds = LOOK_SECONDS if hold.seconds is None else min(hold.seconds, LOOK_SECONDS)
            self._asks_again_at = asyncio.get_running_loop().time() + seconds

    async def _abandon(self, token: UUID) -> None:
        while True:
            await self._backoff.wait()
            try:
                await self._desk.outbox.abandon(token)
            except StoreUnavailable:
                continue
            return

    def _start(self, run: Sequence[Leased]) -> None:
        task = asyncio.create_task(self._attempt(run), name=f"send {run[0].command.reference}")
        self._in_flight[task] = len(run)
        self._count += len(run)
        task.add_done_callback(self._on_end)

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._count -= self._in_flight.pop(task)
        self._has_ended.set()
        self._changed.set()
        if not task.cancelled() and task.exception() is not None:
            self._crash = self._crash or task.exception()
            self.queue.wake()

    def _raise_crash(self) -> None:
        if self._crash is not None:
            raise self._crash

    async def _attempt(self, run: Sequence[Leased]) -> None:
        """One step for each command of a run, their record, and those results that are final."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        steps = await self._attempts.step(run)
        seconds = loop.time() - began
        for leased, (outcome, record) in zip(run, steps, strict=True):
            # What was read back was counted before.
            if record.ending is not Ending.UNSENT or isinstance(outcome, Unknown):
                self._desk.observed(leased, outcome, seconds)
        await self._desk.recorder.record([record for _, record in steps])
        self._tell(run, steps)

    def _tell(self, run: Sequence[Leased], steps: Sequence[Stepped]) -> None:
        """Give the actor what is final; if nothing is, and it may be tried again at once, let it."""
        key = run[0].command.key
        final = [
            (leased, outcome)
            for leased, (outcome, record) in zip(run, steps, strict=True)
            if record.hold is None and not isinstance(outcome, Deferred)
        ]
        for place, (leased, outcome) in enumerate(final, start=1):
            self._desk.answer(key, Answered(leased, outcome, ends_lease=place == len(final)))
        if not final and any(record.hold == 0 for _, record in steps):
            self.queue.add(key)


def _key(leased: Leased) -> ActorKey:
    return leased.command.key


class Relays:
    """All relays of a process by system: told of commands that may be sent, and of leases to give back."""

    def __init__(self, relays: Mapping[str, Relay], recorder: Recorder) -> None:
        self._relays = relays
        self._recorder = recorder

    def hint(self, system: str, key: ActorKey) -> None:
        """A command of `key` for `system` may have become the head."""
        relay = self._relays.get(system)
        if relay is not None:
            relay.queue.add(key)

    def drop(self, answered: Answered) -> None:
        """The result is not needed, its command was settled by another: only the lease is left to give back."""
        self._recorder.release(ended(answered.leased, Ending.UNSENT, hold=0.0))
        self.hint(answered.leased.command.system, answered.leased.command.key)

    @property
    def in_flight(self) -> Mapping[str, int]:
        """Attempts that run now, by system."""
        return {name: relay.in_flight for name, relay in self._relays.items()}
