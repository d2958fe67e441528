"""The relay: the head command of each (system, key) goes to its system, one attempt at a time, and its result comes back.

A lane of commands is leased, its attempt is logged, and only then the first byte is sent. What an attempt came to is
recorded; a final outcome goes to the actor, whose commit settles the command and frees the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, assert_never
from uuid import UUID

from adapters.ports.outbox import Ended, Ending, Leased, Outbox, SendLane
from adapters.ports.system import Absent, System, UnknownOperation
from adapters.ports.turns import StoreUnavailable
from gateway.activation import Answered
from gateway.backoff import Backoff
from gateway.recorder import Recorder
from gateway.settlement import GiveUp, LookUp, Send, Settle, after_absent, next_step
from gateway.send_queue import SendQueue
from schemas.commands import Confirmed, Deferred, Outcome, Rejected, Unknown
from schemas.keys import ActorKey
from schemas.verdicts import Failure, FailureClass

PAGE: Final = 200
"""Lanes leased in one round trip at most."""


class Relay:
    """Sends the commands of one system. `holder` is this process, `tokens` makes lease tokens.

    `retry_after` is the delay in seconds before an attempt without an answer, or a deferred one that named no time, is
    followed by another. `concurrency` bounds the attempts in flight.
    """

    def __init__(
        self,
        system: System,
        outbox: Outbox,
        recorder: Recorder,
        answer: Callable[[ActorKey, Answered], None],
        *,
        holder: UUID,
        tokens: Callable[[], UUID],
        concurrency: int,
        retry_after: float,
        backoff: Backoff,
        observed: Callable[[Leased, Outcome, float], None],
    ) -> None:
        self._system = system
        self._outbox = outbox
        self._recorder = recorder
        self._answer = answer
        self._holder = holder
        self._tokens = tokens
        self._concurrency = concurrency
        self._retry_after = retry_after
        self._backoff = backoff
        self._observed = observed
        self._in_flight: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._has_stopped = asyncio.Event()
        self.queue = SendQueue()

    @property
    def in_flight(self) -> int:
        """Attempts that run now."""
        return len(self._in_flight)

    async def run(self) -> None:
        """Send until `stop`."""
        while not self._is_stopping:
            await self._has_room()
            try:
                lanes = await self._due()
                for leased in await self._lease(lanes) if lanes else ():
                    self._start(leased)
                self._backoff.reset()
            except StoreUnavailable:
                await self._backoff.wait()
        self._has_stopped.set()

    async def stop(self) -> None:
        """Lease nothing more, and wait until no attempt is in flight. A lease taken and not used would look unknown."""
        self._is_stopping = True
        self.queue.wake()
        await self._has_stopped.wait()
        while self._in_flight:
            await asyncio.wait(tuple(self._in_flight))

    async def _has_room(self) -> None:
        while len(self._in_flight) >= self._concurrency:
            await asyncio.wait(tuple(self._in_flight), return_when=asyncio.FIRST_COMPLETED)

    async def _due(self) -> list[SendLane]:
        """Lanes that may be sent now: those we were told of, else, from time to time, what the database has."""
        room = min(self._concurrency - len(self._in_flight), PAGE)
        keys = await self.queue.take(room)
        if self._is_stopping:
            return []
        if keys:
            return [SendLane(self._system.name, key) for key in keys]
        return await self._outbox.free(self._system.name, after=None, limit=room)

    async def _lease(self, lanes: Sequence[SendLane]) -> list[Leased]:
        """Take the leases. If the answer is lost, nothing of it was sent, and we say so until it is heard."""
        token = self._tokens()
        try:
            return await self._outbox.claim(lanes, holder=self._holder, token=token)
        except StoreUnavailable:
            for lane in lanes:
                self.queue.add(lane.key)
            while True:
                await self._backoff.wait()
                try:
                    await self._outbox.abandon(token)
                except StoreUnavailable:
                    continue
                return []

    def _start(self, leased: Leased) -> None:
        task = asyncio.create_task(self._attempt(leased), name=f"send {leased.command.reference}")
        self._in_flight.add(task)
        task.add_done_callback(self._in_flight.discard)

    async def _attempt(self, leased: Leased) -> None:
        """One step for a leased command, its record, and, if final, its result."""
        began = asyncio.get_running_loop().time()
        try:
            outcome, ended = await self._step(leased)
        except Exception as error:  # an adapter broke its promise not to raise: nobody knows what it has sent
            failure = Failure(FailureClass.INTERNAL, "adapter_raised", f"{self._system.name}: {type(error).__name__}")
            outcome, ended = Unknown(failure), _ended(leased, Ending.UNKNOWN, failure, hold=self._retry_after)
        await self._recorder.record(ended)
        self._observed(leased, outcome, asyncio.get_running_loop().time() - began)
        if ended.hold is None and not isinstance(outcome, Deferred):
            self._answer(leased.command.key, Answered(leased, outcome))

    async def _step(self, leased: Leased) -> tuple[Outcome, Ended]:
        try:
            capability = self._system.capability(leased.command.operation)
        except UnknownOperation as error:
            failure = Failure(FailureClass.MAPPING, "operation_unknown", f"{error}: add it to the policy file")
            return Rejected(failure), _ended(leased, Ending.UNSENT, failure)
        step = next_step(capability, leased.earlier)
        if isinstance(step, LookUp):
            found = await self._system.look_up(leased.command)
            match found:
                case Confirmed():
                    return found, _ended(leased, Ending.CONFIRMED, external_id=found.external_id)
                case Unknown(failure):
                    return found, _ended(leased, Ending.UNSENT, failure, hold=self._retry_after)
                case Absent():
                    pass
                case _:
                    assert_never(found)
            settled = after_absent(capability, leased.earlier, step)
            if settled is None:
                failure = Failure(FailureClass.UNKNOWN_OUTCOME, "absent_so_far", "asked again when it can count")
                return Unknown(failure), _ended(leased, Ending.UNSENT, failure, hold=self._retry_after)
            step = settled
        match step:
            case Send():
                return self._sent(leased, await self._system.send(leased.command))
            case Settle(outcome):
                return outcome, _ended(leased, Ending.UNSENT)
            case GiveUp(failure):
                return Unknown(failure), _ended(leased, Ending.UNSENT, failure)
            case LookUp():
                raise AssertionError("a look-up is never followed by a look-up")
            case _:
                assert_never(step)

    def _sent(self, leased: Leased, outcome: Outcome) -> tuple[Outcome, Ended]:
        """What an attempt that was made means for the record. A rejection is final only if no other can still land."""
        match outcome:
            case Confirmed(external_id):
                return outcome, _ended(leased, Ending.CONFIRMED, external_id=external_id)
            case Rejected(failure):
                loose = any(attempt.ending in (None, Ending.UNKNOWN) for attempt in leased.earlier)
                return outcome, _ended(leased, Ending.REJECTED, failure, hold=0.0 if loose else None)
            case Deferred(failure, retry_after):
                hold = self._retry_after if retry_after is None else retry_after
                return outcome, _ended(leased, Ending.DEFERRED, failure, hold=hold)
            case Unknown(failure):
                return outcome, _ended(leased, Ending.UNKNOWN, failure, hold=self._retry_after)
            case _:
                assert_never(outcome)


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
        self._recorder.release(_ended(answered.leased, Ending.UNSENT, hold=0.0))
        self.hint(answered.leased.command.system, answered.leased.command.key)

    @property
    def in_flight(self) -> Mapping[str, int]:
        """Attempts that run now, by system."""
        return {name: relay.in_flight for name, relay in self._relays.items()}


def _ended(
    leased: Leased,
    ending: Ending,
    failure: Failure | None = None,
    *,
    external_id: str | None = None,
    hold: float | None = None,
) -> Ended:
    return Ended(
        leased.command,
        leased.token,
        leased.attempt,
        ending,
        external_id,
        None if failure is None else failure.failure_class,
        None if failure is None else failure.code,
        None if failure is None else failure.reason,
        hold,
    )
